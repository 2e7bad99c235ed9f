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
"""Wait for evidence on a version."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import Enum
from typing import Any

from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from airflow_providers_pinning.client.soak import SoakCriteria, iso, seconds
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.base import renamed, required_number, text, whole_number
from airflow_providers_pinning.sensors.base import PinningSensor
from airflow_providers_pinning.triggers.soak import VersionSoakTrigger
from airflow_providers_pinning.vocabulary import Verdict

XCOM_SOAK = "soak"
"""XCom with the verdict and its evidence, even if the soak fails or is skipped."""


class OnInconclusive(str, Enum):
    """What an inconclusive soak does to the task."""

    FAIL = "fail"
    """Fail the task."""
    SKIP = "skip"
    """Skip the task and its downstream tasks."""
    SUCCEED = "succeed"
    """Succeed; a downstream task, such as an approval, decides based on the evidence."""


class VersionSoakSensor(PinningSensor):
    """
    Wait for the verdict on a version, from its runs.

    Returns verdict, reason, message and evidence. A failed soak fails the task immediately without retries, because a
    retry would judge the same runs. So does a version that is no longer the expected one. Times are a ``timedelta``
    or seconds. Omitted criteria come from the Dag, otherwise from the defaults.

    :param version_number: number of the version (templated)
    :param min_runs: finished runs required (templated)
    :param min_duration: minimum time since the start of the soak (templated)
    :param max_failures: failed runs to tolerate; one more fails the soak (templated)
    :param max_output_differences: outputs that may differ between replays and their originals, in total; by default
        they are reported but not judged (templated)
    :param consecutive_successes: successful runs in a row required, up to now (templated)
    :param inconclusive_after: time since the start of the soak after which it is inconclusive (templated)
    :param on_inconclusive: what an inconclusive soak does: ``fail``, ``skip`` or ``succeed`` (templated)
    :param run_kinds: runs that count: ``canary`` for a candidate, ``live`` for a bake, or ``any`` (templated)
    :param since: start of the soak; by default when the version became a candidate or, for live runs of the pinned
        version, when it was pinned (templated)
    :param expected_dag_hash: expected hash of the version (templated)
    :param expected_bundle_version: expected commit of the version (templated)
    :param failed_tasks: ``count`` a successful run as failed if a task failed after its retries, unless live runs of
        the active version fail in the same task; or ``ignore`` such tasks (templated)
    :param compare: compare with the version that it would replace, or replaced
    :param max_duration_ratio: how many times as long runs may take, with ``compare``
    :param max_failure_rate_increase: maximum increase of the failure rate, with ``compare``
    :param min_duration_difference: ignore runs that are slower by less than this, with ``compare``
    :param min_duration_runs: successful runs required on each side, or pairs of replay and original, to judge
        durations, with ``compare``
    """

    template_fields: Sequence[str] = (
        *PinningSensor.template_fields,
        "version_number",
        "min_runs",
        "min_duration",
        "max_failures",
        "max_output_differences",
        "consecutive_successes",
        "inconclusive_after",
        "on_inconclusive",
        "run_kinds",
        "since",
        "expected_dag_hash",
        "expected_bundle_version",
        "failed_tasks",
    )

    def __init__(
        self,
        *,
        version_number: int | str,
        min_runs: int | str | None = None,
        min_duration: float | str | timedelta | None = None,
        max_failures: int | str | None = None,
        max_output_differences: int | str | None = None,
        consecutive_successes: int | str | None = None,
        inconclusive_after: float | str | timedelta | None = None,
        on_inconclusive: str = OnInconclusive.FAIL.value,
        run_kinds: str | None = None,
        since: datetime | str | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
        failed_tasks: str | None = None,
        compare: bool | None = None,
        max_duration_ratio: float | None = None,
        max_failure_rate_increase: float | None = None,
        min_duration_difference: float | timedelta | None = None,
        min_duration_runs: int | None = None,
        **kwargs: Any,
    ) -> None:
        # In 0.1.0 this was the name of a BaseSensorOperator parameter. Values in default_args do not arrive here.
        inconclusive_after = renamed(self, "max_wait", "inconclusive_after", inconclusive_after, None, kwargs)
        super().__init__(**kwargs)
        self.version_number = version_number
        self.min_runs = min_runs
        self.min_duration = min_duration
        self.max_failures = max_failures
        self.max_output_differences = max_output_differences
        self.consecutive_successes = consecutive_successes
        self.inconclusive_after = inconclusive_after
        self.on_inconclusive = on_inconclusive
        self.run_kinds = run_kinds
        self.since = since
        self.expected_dag_hash = expected_dag_hash
        self.expected_bundle_version = expected_bundle_version
        self.failed_tasks = failed_tasks
        self.compare = compare
        self.max_duration_ratio = max_duration_ratio
        self.max_failure_rate_increase = max_failure_rate_increase
        self.min_duration_difference = min_duration_difference
        self.min_duration_runs = min_duration_runs
        self.note_conditions()

    def criteria(self) -> SoakCriteria:
        """Return the query, after templates are rendered."""
        OnInconclusive(self.on_inconclusive)
        return SoakCriteria(
            min_runs=whole_number("min_runs", self.min_runs),
            min_duration=seconds(self.min_duration),
            max_failures=whole_number("max_failures", self.max_failures),
            max_output_differences=whole_number("max_output_differences", self.max_output_differences),
            consecutive_successes=whole_number("consecutive_successes", self.consecutive_successes),
            inconclusive_after=seconds(self.inconclusive_after),
            run_kinds=text(self.run_kinds),
            since=iso(self.since),
            expected_dag_hash=self.condition("expected_dag_hash"),
            expected_bundle_version=self.condition("expected_bundle_version"),
            failed_tasks=text(self.failed_tasks),
            compare=self.compare,
            max_duration_ratio=self.max_duration_ratio,
            max_failure_rate_increase=self.max_failure_rate_increase,
            min_duration_difference=seconds(self.min_duration_difference),
            min_duration_runs=self.min_duration_runs,
        )

    def trigger(self) -> VersionSoakTrigger:
        """Return the trigger that polls."""
        return VersionSoakTrigger(
            target_dag_id=self.target_dag_id,
            pinning_conn_id=self.pinning_conn_id,
            poll_interval=seconds(self.poke_interval) or 0,
            version_number=required_number("version_number", self.version_number),
            criteria=dict(vars(self.criteria())),
        )

    def ask(self, hook: PinningHook) -> dict[str, Any] | None:
        """Return the soak once its verdict is final."""
        number = required_number("version_number", self.version_number)
        soak = hook.get_soak(self.target_dag_id, number, self.criteria())
        self.log.info("%s: %s", soak["verdict"], soak["message"])
        return None if soak["verdict"] == Verdict.PROGRESSING else soak

    def decide(self, answer: dict[str, Any], context: Context) -> dict[str, Any]:
        """Turn the verdict into the state of the task."""
        context["ti"].xcom_push(key=XCOM_SOAK, value=answer)
        message = (
            f"Version {answer['version']['version_number']} of Dag {self.target_dag_id}: {answer['verdict']} "
            f"({answer['reason']}). {answer['message']} Evidence: {answer['evidence']}"
        )
        self.log.info(message)
        verdict = Verdict(answer["verdict"])
        if verdict is Verdict.INCONCLUSIVE:
            if self.on_inconclusive == OnInconclusive.SKIP:
                raise AirflowSkipException(message)
            if self.on_inconclusive == OnInconclusive.SUCCEED:
                return answer
        if verdict is not Verdict.SUCCESSFUL:
            raise AirflowFailException(message)
        return answer
