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
"""Ask for approval of one version."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.exceptions import AirflowProviderDeprecationWarning
from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk.definitions.context import Context
from airflow.sdk.exceptions import TaskAwaitingInput
from airflow.sdk.execution_time.comms import CreateHITLDetailPayload

from airflow_providers_pinning.exceptions import QuestionOutdatedError
from airflow_providers_pinning.vocabulary import APPROVAL_IS_FOR

APPROVED = ("version_number", "bundle_name", "bundle_version", "dag_hash", "revision")
"""Fields of a found version, from the result of a sensor."""

REJECTED_VERSION = "rejected_version"
"""Key of the XCom with the version number that a person, or the timeout, rejected."""

EXACTLY = (
    f"{APPROVAL_IS_FOR}: the code of commit `{{bundle_version}}` of bundle `{{bundle_name}}`, with structure "
    "`{dag_hash}`."
)


class ApproveDagVersionOperator(ApprovalOperator):
    """
    Ask for approval of a version, and return exactly what was approved.

    The result has ``version_number``, ``bundle_name``, ``bundle_version``, ``dag_hash`` and ``revision``, each also
    as a separate XCom, in addition to what Airflow's ``ApprovalOperator`` returns. Use them as conditions of the
    following pin: ``approval.output["dag_hash"]`` belongs to the version that was shown, even if earlier tasks were
    cleared since. If the answer is a rejection, the XCom ``rejected_version`` has the version's number.

    Airflow 3.3 keeps the text of a question when its task is cleared. If that text is outdated, for example after
    clearing the sensor that found the version, the task fails with ``QuestionOutdatedError`` instead of asking. Then
    trigger a new run.

    :param target_dag_id: the Dag to release (templated)
    :param version: the result of the sensor that found the version, such as ``new_version.output`` (templated)
    :param subject: headline; by default the version and the Dag (templated)
    :param body: evidence, as Markdown; the operator appends what the approval is for (templated)
    """

    template_fields: Sequence[str] = (*ApprovalOperator.template_fields, "target_dag_id", "version")

    def __init__(
        self, *, target_dag_id: str, version: Any, subject: str | None = None, body: str | None = None, **kwargs: Any
    ) -> None:
        super().__init__(subject=subject or "", body=body, **kwargs)
        # Makes output["dag_hash"] the hash; otherwise it would refer to an XCom that does not exist.
        self.multiple_outputs = True
        self.target_dag_id = target_dag_id
        self.version = version

    def about(self) -> dict[str, Any]:
        """
        Return the version to approve, after templates are rendered.

        :raises ValueError: if it is no version
        """
        if not isinstance(self.version, Mapping) or None in (self.version.get(name) for name in APPROVED):
            raise ValueError(
                f"version must be the result of a sensor that found one, with {', '.join(APPROVED)}; it is "
                f"{self.version!r}. Did the upstream task run?"
            )
        return {name: self.version[name] for name in APPROVED}

    def execute(self, context: Context) -> Any:
        """Ask, if the question that is shown is the current one."""
        about = self.about()
        exactly = EXACTLY.format(target_dag_id=self.target_dag_id, **about)
        self.subject = self.subject or f"Release version {about['version_number']} of Dag {self.target_dag_id}?"
        self.body = "\n\n".join(filter(None, ((self.body or "").strip(), exactly)))
        self._require_fresh(context, exactly)
        try:
            return super().execute(context)
        except TaskAwaitingInput as waiting:
            # The answer arrives in another process, when the version may have been found again.
            waiting.kwargs = {**(waiting.kwargs or {}), "about": about}
            raise

    def execute_complete(self, context: Context, event: dict[str, Any], about: dict[str, Any] | None = None) -> Any:
        """
        Return the answer with the version.

        :param context: context of the task
        :param event: the answer
        :param about: what was asked about
        :raises HITLRejectException: if it is a rejection and ``fail_on_reject`` is set
        """
        about = about or self.about()
        if event.get("chosen_options") == [self.REJECT]:
            context["ti"].xcom_push(key=REJECTED_VERSION, value=about["version_number"])
        return {**super().execute_complete(context, event), **about}

    def _require_fresh(self, context: Context, exactly: str) -> None:
        """Store the question as Airflow does, and check which one is shown."""
        from airflow.sdk.execution_time.task_runner import SUPERVISOR_COMMS

        shown: Any = SUPERVISOR_COMMS.send(
            msg=CreateHITLDetailPayload(
                ti_id=context["ti"].id,
                options=self.options,
                subject=self.subject,
                body=self.body,
                defaults=self.defaults,  # type: ignore[arg-type]
                multiple=self.multiple,
                params=self.serialized_params,
                assigned_users=self.assigned_users or [],  # type: ignore[arg-type]
            )
        )
        if (shown.subject, shown.body) == (self.subject, self.body):
            return
        raise QuestionOutdatedError(
            f"This task asked before it was cleared, and Airflow still shows that question ({shown.subject!r}) "
            f"instead of the current one ({self.subject!r}: {exactly}) The task fails so that nothing is approved "
            "unseen. Trigger a new run."
        )


def __getattr__(name: str) -> Any:
    """Return the error by its former name."""
    if name != "QuestionOutdated":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = f"{QuestionOutdatedError.__module__}.{QuestionOutdatedError.__name__}"
    warnings.warn(f"{__name__}.{name} is now called {new}.", AirflowProviderDeprecationWarning, stacklevel=2)
    return QuestionOutdatedError
