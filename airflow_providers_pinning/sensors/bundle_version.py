# Licensed to the Apache Software Foundation (ASF) under one
# or more contributor license agreements.  See the NOTICE file
# distributed with this work for additional information
# regarding copyright ownership.  The ASF licenses this file
# to you under the Apache License, Version 2.0 (the
# "License"); you may not use this file except in compliance
# with the License.  You may obtain a copy of the License at
#
#   http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing,
# software distributed under the License is distributed on an
# "AS IS" BASIS, WITHOUT WARRANTIES OR CONDITIONS OF ANY
# KIND, either express or implied.  See the License for the
# specific language governing permissions and limitations
# under the License.
"""Wait for a commit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.exceptions import CommitBrokenError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import text
from airflow_providers_pinning.sensors.base import PinningSensor
from airflow_providers_pinning.sensors.version import CandidateSensor
from airflow_providers_pinning.triggers.version import BundleVersionTrigger, settled_registration

REGISTERED = "registered"
BROKEN = "broken"


class BundleVersionSensor(CandidateSensor):
    """
    Wait until a commit is parsed, and make the Dag's version at that commit a managed candidate.

    Returns what :class:`~airflow_providers_pinning.sensors.version.NewDagVersionSensor` returns. If the commit does
    not change the Dag, this is the version that the Dag already had, which may be the active one; ``bundle_version``
    in the result is then the commit whose code its runs use. If the Dag file has an import error at the commit, the
    sensor fails immediately with :class:`~airflow_providers_pinning.exceptions.CommitBrokenError`. It also fails
    immediately if the commit is parsed and does not define the Dag.

    :param bundle_version: full commit hash, as known to a delivery pipeline (templated)
    :param overtaken_ok: if a later commit changed the Dag before this one was parsed, accept the first version that
        includes both; by default the sensor fails, because that version has changes that were not requested
    """

    template_fields: Sequence[str] = (*PinningSensor.template_fields, "bundle_version")

    def __init__(self, *, bundle_version: str, overtaken_ok: bool = False, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle_version = bundle_version
        self.overtaken_ok = overtaken_ok

    def commit(self) -> str:
        """
        Return the commit, after templates are rendered.

        :raises AirflowFailException: if it is empty
        """
        commit = text(self.bundle_version)
        if commit is None:
            raise AirflowFailException("bundle_version is empty. Give the full commit hash to wait for.")
        return commit

    def trigger(self) -> BundleVersionTrigger:
        """Return the trigger that polls."""
        return BundleVersionTrigger(
            target_dag_id=self.target_dag_id,
            pinning_conn_id=self.pinning_conn_id,
            poll_interval=float(self.poke_interval),
            bundle_version=self.commit(),
        )

    def ask(self, hook: PinningHook) -> dict[str, Any] | None:
        """Return the result for the commit once the Dag file is parsed."""
        return settled_registration(hook.get_registration(self.target_dag_id, self.commit()))

    def decide(self, answer: dict[str, Any], context: Context) -> dict[str, Any]:
        """Make the version a candidate, and return its current state, which can no longer change."""
        self._require_registered(answer)
        hook, number = self.hook(context), answer["version"]["version_number"]
        state = self.make_candidate(hook, number, context)
        # The next commit could rewrite it until it was managed.
        answer = hook.get_registration(self.target_dag_id, self.commit())
        self._require_registered(answer)
        if answer["version"]["version_number"] != number:
            raise AirflowFailException(
                f"The version of Dag {self.target_dag_id} at commit {self.commit()} was rewritten by a later "
                "commit. Clear this task to check again."
            )
        return self.found({**self.read(hook, number), **answer["version"]}, state)

    def _require_registered(self, answer: dict[str, Any]) -> None:
        if answer["registration"] == REGISTERED or (self.overtaken_ok and answer["version"]):
            return
        if answer["registration"] == BROKEN:
            raise CommitBrokenError(
                f"Commit {self.commit()} gives Dag {self.target_dag_id} no version. {answer['remedy']}",
                broken_files=answer["broken_files"],
            )
        if answer["version"] is None:
            raise AirflowFailException(
                f"Commit {self.commit()} gives Dag {self.target_dag_id} no version. {answer['remedy']}"
            )
        raise AirflowFailException(
            f"Commit {self.commit()} was overtaken before Dag {self.target_dag_id} was parsed from it: version "
            f"{answer['version']['version_number']} at commit {answer['version']['bundle_version']} includes it "
            "and later changes. Set overtaken_ok to accept that version."
        )
