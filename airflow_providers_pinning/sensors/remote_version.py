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
"""Wait for another Airflow's report about a commit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperatorLink
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.client.remote_version import RemoteCondition, RemoteQuestion
from airflow_providers_pinning.client.soak import SoakCriteria, seconds
from airflow_providers_pinning.exceptions import RemoteVersionRefusedError
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import text
from airflow_providers_pinning.operators.links import RemotePinningTabLink, tab_of
from airflow_providers_pinning.sensors.base import PinningSensor
from airflow_providers_pinning.triggers.remote_version import RemoteVersionTrigger
from airflow_providers_pinning.vocabulary import Verdict

XCOM_TOLD = "remote_version"
"""XCom with the other Airflow's report, even if the task fails because of it."""


class RemoteVersionSensor(PinningSensor):
    """
    Wait until another Airflow has registered, soaked or pinned a commit of a Dag.

    It changes nothing there. The version is found by its commit, because its number may differ. Returns ``verdict``,
    ``reason``, ``message``, ``url`` (the Pinning tab there), ``bundle_version``, ``remote_version_number``,
    ``dag_hash`` and ``evidence``; each is also a separate XCom.

    The sensor waits while the commit is not parsed there, the version is not a candidate there, the soak is in
    progress, or another version is pinned. The task fails immediately with
    :class:`~airflow_providers_pinning.exceptions.RemoteVersionRefusedError` if the soak fails or is inconclusive, if
        the version was rejected or rewritten, if it has another hash or the code of another commit, if the commit has
        an import error there or does not define the Dag, and if the pin is broken.

    :param target_dag_id: the Dag, there (templated)
    :param pinning_conn_id: connection to the other Airflow's API server; a user who can read the Dag is enough
        (templated)
    :param bundle_version: full commit hash (templated)
    :param wait_for: ``registered``, ``soak`` or ``pinned`` (templated)
    :param criteria: of the soak, such as ``{"min_runs": 3, "run_kinds": "canary"}``; omitted criteria are those
        stored there for the Dag (templated)
    :param expected_dag_hash: required hash there, such as that of the version here (templated)
    """

    template_fields: Sequence[str] = (
        *PinningSensor.template_fields,
        "bundle_version",
        "wait_for",
        "criteria",
        "expected_dag_hash",
    )
    operator_extra_links: Collection[BaseOperatorLink] = (RemotePinningTabLink(),)

    def __init__(
        self,
        *,
        pinning_conn_id: str,
        bundle_version: str,
        wait_for: str = RemoteCondition.SOAK.value,
        criteria: Mapping[str, Any] | None = None,
        expected_dag_hash: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(pinning_conn_id=pinning_conn_id, **kwargs)
        # Makes output["url"] the URL; otherwise it would refer to an XCom that does not exist.
        self.multiple_outputs = True
        self.bundle_version = bundle_version
        self.wait_for = wait_for
        self.criteria = criteria
        self.expected_dag_hash = expected_dag_hash
        self.note_conditions()

    def question(self) -> RemoteQuestion:
        """
        Return the query, after templates are rendered.

        :raises AirflowFailException: if there is no commit
        :raises ValueError: if a value is not valid
        """
        commit = text(self.bundle_version)
        if commit is None:
            raise AirflowFailException("bundle_version is empty. Give the full commit hash to wait for.")
        return RemoteQuestion(
            self.target_dag_id,
            commit,
            RemoteCondition(self.wait_for).value,
            _checked(self.criteria or {}),
            self.condition("expected_dag_hash"),
        )

    def trigger(self) -> RemoteVersionTrigger:
        """Return the trigger that polls."""
        question = self.question()
        return RemoteVersionTrigger(
            target_dag_id=self.target_dag_id,
            pinning_conn_id=self.pinning_conn_id,
            poll_interval=seconds(self.poke_interval) or 0,
            bundle_version=question.bundle_version,
            wait_for=question.wait_for,
            criteria=dict(question.criteria),
            expected_dag_hash=question.expected_dag_hash,
        )

    def ask(self, hook: PinningHook) -> dict[str, Any] | None:
        """Return the report once it is final."""
        return self.question().ask(hook.call)

    def decide(self, answer: dict[str, Any], context: Context) -> dict[str, Any]:
        """Return the report if the commit qualifies."""
        told = {**answer, "url": tab_of(PinningHook(self.pinning_conn_id).address, self.target_dag_id)}
        context["ti"].xcom_push(key=XCOM_TOLD, value=told)
        message = (
            f"Commit {told['bundle_version']} of Dag {self.target_dag_id} at {told['url']}: {told['verdict']} "
            f"({told['reason']}). {told['message']}"
        )
        self.log.info(message)
        if told["verdict"] != Verdict.SUCCESSFUL:
            raise RemoteVersionRefusedError(message, reason=told["reason"], told=told)
        return told


def _checked(criteria: Mapping[str, Any]) -> dict[str, Any]:
    """
    Return the criteria to send.

    :raises ValueError: if there are unknown ones
    """
    known = {field.name for field in fields(SoakCriteria)}
    if unknown := sorted(set(criteria) - known):
        raise ValueError(
            f"criteria has unknown entries {', '.join(map(repr, unknown))}. Known criteria: {sorted(known)}."
        )
    given: dict[str, Any] = {
        name: value.total_seconds() if isinstance(value, timedelta) else value
        for name, value in criteria.items()
        if text(value) is not None
    }
    return SoakCriteria(**given).as_criteria()
