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
"""
The document of policies: what it may say, and where it is wrong.

What is not enforced is not accepted. Types are strict, because YAML makes a number or a truth value of much that was
meant as a text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field, ValidationError, model_validator

from airflow_providers_pinning.schemas.document_problems import described, invalid, problem_of
from airflow_providers_pinning.schemas.policy_values import DocumentPart, EvidenceName, Name, Names, Seconds
from airflow_providers_pinning.schemas.ramps import StepResponse
from airflow_providers_pinning.vocabulary import (
    MAX_DURATION_RATIO,
    MAX_ID,
    MAX_INTEGER,
    MAX_POLICIES,
    MAX_POLICY_BYTES,
    MAX_RAMP_STEPS,
    MAX_SUBSTITUTES,
    MAX_WITHIN_RUNS,
)
from airflow_providers_pinning.windows import WindowRule


class MatchDocument(DocumentPart):
    """Which Dags: those that fit one entry of each list that is given."""

    tags: Names | None = None
    bundles: Names | None = None
    dag_ids: Names | None = Field(default=None, description="Patterns with `*`, `?` and `[...]`.")
    teams: Names | None = None
    owners: Names | None = None

    @model_validator(mode="after")
    def _match_something(self) -> MatchDocument:
        if not self.model_dump(exclude_none=True):
            raise ValueError('give at least one list; dag_ids: ["*"] matches every Dag')
        return self


class WindowRuleDocument(DocumentPart):
    """A span of time that begins whenever a cron expression matches."""

    cron: str = Field(max_length=MAX_ID)
    duration: Annotated[Seconds, Field(gt=0)]
    timezone: str = Field(default="UTC", max_length=MAX_ID, description="IANA name, such as Europe/Berlin.")
    name: Name | None = None

    @model_validator(mode="after")
    def _be_a_rule(self) -> WindowRuleDocument:
        WindowRule(self.cron, timedelta(seconds=self.duration), self.timezone, self.name)
        return self


class WindowsDocument(DocumentPart):
    """When changes may be made: inside an allow rule, if there is one, and outside of every deny rule."""

    allow: list[WindowRuleDocument] = Field(default=[], max_length=100)
    deny: list[WindowRuleDocument] = Field(default=[], max_length=100)

    @model_validator(mode="after")
    def _have_a_rule(self) -> WindowsDocument:
        if not (self.allow or self.deny):
            raise ValueError("give at least one rule under allow or deny")
        return self


class SoakDocument(DocumentPart):
    """Criteria that the runs of a version must meet; those of the Dag count as well where they are stricter."""

    run_kinds: Literal["canary", "live", "any"] | None = None
    min_runs: int | None = Field(default=None, ge=1, le=MAX_INTEGER)
    min_duration: Seconds | None = None
    max_failures: int | None = Field(default=None, ge=0, le=MAX_INTEGER)
    max_output_differences: int | None = Field(default=None, ge=0, le=MAX_INTEGER)
    consecutive_successes: int | None = Field(default=None, ge=1, le=MAX_INTEGER)
    inconclusive_after: Seconds | None = None
    failed_tasks: Literal["count", "ignore"] | None = None
    compare: bool | None = None
    max_duration_ratio: float | None = Field(default=None, gt=0, le=MAX_DURATION_RATIO)
    max_failure_rate_increase: float | None = Field(default=None, ge=0, le=1)
    min_duration_difference: Seconds | None = None
    min_duration_runs: int | None = Field(default=None, ge=1, le=MAX_INTEGER)


class RequirementsDocument(DocumentPart):
    """What a version must have before it may become active."""

    soak: SoakDocument | None = None
    evidence: Annotated[list[EvidenceName], Field(min_length=1, max_length=100)] | None = Field(
        default=None, description="Names of evidence of which the newest must be successful and not expired."
    )
    approvals: int | None = Field(
        default=None, ge=1, le=100, description="How many people must agree, other than the one who asks."
    )


class AutoRollbackDocument(DocumentPart):
    """When a pinned version is rolled back automatically, which happens when its next run is created."""

    max_failures: int = Field(ge=0, lt=MAX_WITHIN_RUNS, description="Failed runs that are tolerated.")
    within_runs: int = Field(
        default=10,
        ge=1,
        le=MAX_WITHIN_RUNS,
        description="Among how many of the newest finished live runs since the pin failures are counted.",
    )
    hold: bool = Field(default=True, description="Put the Dag on hold, until a person lifts it.")
    when_nothing_is_stable: Literal["continue", "wait"] = Field(
        default="continue",
        description="If no version is stable: `continue` runs the failing one, `wait` creates no run.",
    )

    @model_validator(mode="after")
    def _be_possible(self) -> AutoRollbackDocument:
        if self.max_failures >= self.within_runs:
            raise ValueError(
                f"of {self.within_runs} runs never more than {self.max_failures} fail; make within_runs larger than "
                "max_failures"
            )
        return self


class IsolationDocument(DocumentPart):
    """How canary runs are isolated: defaults for requests, and limits that they must not loosen."""

    assets: Literal["withhold"] | None = None
    alerts: Literal["withhold"] | None = None
    triggers: Literal["refuse"] | None = None
    state: Literal["withhold"] | None = None
    slots: Literal["behind", "gap", "shared"] | None = None
    pool: Name | None = None
    queue: Name | None = None
    executor: Name | None = None
    connections: Annotated[dict[Name, Name], Field(min_length=1, max_length=MAX_SUBSTITUTES)] | None = None
    variables: Annotated[dict[Name, Name], Field(min_length=1, max_length=MAX_SUBSTITUTES)] | None = None


class CanaryDocument(DocumentPart):
    """What holds for canary runs."""

    isolation: IsolationDocument | None = None
    queue: Name | None = Field(default=None, description="The same as `isolation.queue`.")

    @model_validator(mode="after")
    def _say_the_queue_once(self) -> CanaryDocument:
        isolation = self.isolation or IsolationDocument()
        if self.queue is not None and isolation.queue not in (None, self.queue):
            raise ValueError("canary.queue and canary.isolation.queue name two queues; give one")
        self.isolation = isolation.model_copy(update={"queue": self.queue or isolation.queue})
        self.queue = None
        if not self.isolation.model_dump(exclude_none=True):
            raise ValueError("say at least one thing of canary runs")
        return self


class RampStepDocument(DocumentPart):
    """What a ramp must have before a version may become active for all new runs."""

    share: float = Field(gt=0, le=1, description="Share of new runs that have the version at most.")
    runs: int | None = Field(default=None, ge=1, le=MAX_INTEGER, description="Finished runs of it that are needed.")
    duration: Seconds | None = Field(default=None, description="Seconds that the step lasts at least.")

    @model_validator(mode="after")
    def _end_somehow(self) -> RampStepDocument:
        if self.runs is None and not self.duration:
            raise ValueError("give runs or duration: what it takes for the next step")
        return self


class PolicyDocument(DocumentPart):
    """One set of rules, and the Dags that it binds."""

    name: Name
    match: MatchDocument
    windows: WindowsDocument | None = None
    requires: RequirementsDocument | None = None
    exempt: list[Literal["rollback"]] | None = Field(
        default=None, description="Changes that are not bound; by default rollbacks. An empty list binds them too."
    )
    auto_rollback: AutoRollbackDocument | None = None
    canary: CanaryDocument | None = None
    ramp: Annotated[list[RampStepDocument], Field(min_length=1, max_length=MAX_RAMP_STEPS)] | None = Field(
        default=None, description="Steps of a ramp that a version must pass before it is pinned in place of another."
    )
    gate: Literal["automatic", "manual"] | None = Field(
        default=None, description="With `manual` a new Dag is pinned to its first version; `automatic` is the default."
    )

    @model_validator(mode="after")
    def _grow(self) -> PolicyDocument:
        shares = [step.share for step in self.ramp or ()]
        if shares != sorted(shares):
            raise ValueError(f"the shares of a ramp must grow; they are {', '.join(map(str, shares))}")
        return self


class PoliciesDocument(DocumentPart):
    """Every policy of the deployment."""

    policies: list[PolicyDocument] = Field(max_length=MAX_POLICIES)

    @model_validator(mode="after")
    def _name_each_once(self) -> PoliciesDocument:
        names = [policy.name for policy in self.policies]
        if twice := sorted({name for name in names if names.count(name) > 1} if len(set(names)) < len(names) else ()):
            raise ValueError(f"each policy needs a name of its own; given twice: {', '.join(twice)}")
        return self


def validated(document: Any) -> dict[str, Any]:
    """
    Return a document as it is stored: as JSON values, without what was left out.

    :raises InvalidPolicyError: if it is no document of policies, with every place that is wrong
    """
    if not isinstance(document, Mapping):
        raise invalid([f"The document must be a mapping with the key policies, not {described(document)}."])
    try:
        parsed = PoliciesDocument.model_validate(dict(document))
    except ValidationError as error:
        raise invalid([problem_of(one, document) for one in error.errors(include_url=False)]) from None
    stored: dict[str, Any] = parsed.model_dump(mode="json", exclude_none=True)
    if (size := len(json.dumps(stored).encode())) > MAX_POLICY_BYTES:
        raise invalid([f"As JSON it has {size:,} bytes, of which {MAX_POLICY_BYTES:,} are taken; make it smaller."])
    return stored


class WindowOfPolicyResponse(BaseModel):
    """The windows of one policy."""

    policy: str
    allow: list[WindowRuleDocument]
    deny: list[WindowRuleDocument]


class AutoRollbackOfPolicyResponse(BaseModel):
    """When a policy rolls a pinned version back automatically."""

    policy: str
    max_failures: int
    within_runs: int
    hold: bool
    when_nothing_is_stable: Literal["continue", "wait"]


class RampOfPolicyResponse(BaseModel):
    """The ramp that a policy asks for."""

    policy: str
    steps: list[StepResponse]


class RulesResponse(BaseModel):
    """What several policies ask for together: the strictest of each."""

    windows: list[WindowOfPolicyResponse] = Field(description="All must be open.")
    soak: list[dict[str, Any]] = Field(description="Criteria, one entry for each kind of runs.")
    evidence: list[str]
    approvals: int
    auto_rollback: list[AutoRollbackOfPolicyResponse] = Field(description="One that is met suffices.")
    ramp: list[RampOfPolicyResponse] = Field(description="A ramp must have all of their steps.")
    gate: Literal["automatic", "manual"]
    canary: dict[str, str | dict[str, str]] = Field(description="How canary runs are isolated from live runs.")
