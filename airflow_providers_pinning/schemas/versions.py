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
"""The versions of a Dag, and its history."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow.api_fastapi.core_api.base import BaseModel
from pydantic import Field

from airflow_providers_pinning.schemas.common import (
    ChangeBody,
    ExpectedBody,
    IdentityResponse,
    Reason,
    VersionNumber,
)
from airflow_providers_pinning.schemas.compare import CommitResponse
from airflow_providers_pinning.schemas.storable import Stored
from airflow_providers_pinning.vocabulary import Registration


class CandidateBody(ExpectedBody, ChangeBody):
    """Which version to put under evaluation."""

    reason: Reason = Field(default="candidate", description="Reason for the evaluation; shown in the history.")

    version_number: VersionNumber | None = Field(default=None, description="Default: the latest version.")


class JudgementBody(ExpectedBody, ChangeBody):
    """Reason for rejecting, restoring or repairing a version."""


class HeldRejectionResponse(BaseModel):
    """A rejection that applies to a later version."""

    version_number: int
    reason: str


class VersionResponse(IdentityResponse):
    """A registered version."""

    state: str
    state_reason: str | None
    code_state: str | None = Field(description="`unknown`, `available` or `missing`.")
    code_source: str | None = Field(
        description="`remote`, or `checkout` if only hosts that fetched it earlier have it."
    )
    code_ref: str | None = Field(description="A branch or tag of the remote that contains the commit.")
    code_problem: str | None = Field(description="Why the last check did not find the code.")
    code_message: str | None
    created_at: datetime
    is_active: bool
    is_latest: bool
    run_counts: dict[str, int]
    equals_rejected: int | None = Field(
        description="Number of the rejected version that this newer one equals: same hash and file."
    )
    equals_rejected_reason: str | None = Field(description="Why that version was rejected.")
    related_to_active: bool | None = Field(
        description="Whether it differs from the active version in anything related to the Dag. `null`: not known yet."
    )
    rejection_held: HeldRejectionResponse | None = Field(
        description="The rejection of an older version that also applies to this one, because nothing related has "
        "changed."
    )
    commit: CommitResponse | None = Field(description="The commit that it was parsed from, if recorded.")
    active_until: datetime | None = Field(description="When another version last replaced it.")


class VersionCollectionResponse(BaseModel):
    """Versions of a Dag, newest first."""

    versions: list[VersionResponse]
    total_entries: int


class ParamResponse(BaseModel):
    """A parameter of a version."""

    name: str
    value: Any = Field(description="Default; `null` if it has none, or none that fits its schema.")
    description: str | None
    json_schema: dict[str, Any] = Field(description="What a value must be like, as JSON Schema.")


class VersionParamsResponse(BaseModel):
    """The parameters of a version, in the order of its file."""

    version: IdentityResponse
    params: list[ParamResponse]


class FileProblemResponse(BaseModel):
    """A file with an import error."""

    relative_fileloc: str
    message: str = Field(description="First line of the import error.")


class RegistrationResponse(BaseModel):
    """Registration of a commit for a Dag."""

    dag_id: str
    bundle_name: str | None = Field(description="The bundle of the Dag's newest version.")
    bundle_version: str = Field(description="The requested commit.")
    registration: Registration = Field(
        description="`unseen`: no dag processor has seen the commit of this bundle. `waiting`: the Dag file has "
        "not been parsed since. `registered`: the Dag had a version at the commit. `broken`: the Dag "
        "file has an import error there. `overtaken`: a later commit was parsed instead, or changed "
        "the Dag. `absent`: all files were parsed at the commit, and none defines the Dag."
    )
    seen_at: datetime | None = Field(description="When a dag processor first saw the commit.")
    version: IdentityResponse | None = Field(
        description="The Dag's version at the commit; if it was overtaken, the first one that includes it."
    )
    moved: bool = Field(description="Whether runs of the version now use the code of a later commit.")
    broken_files: list[FileProblemResponse] = Field(
        description="If it is broken, the Dag's files with an import error, there or at each commit since."
    )
    remedy: str | None = Field(description="If it is broken or absent, the remedy; waiting does not help.")


class EventResponse(BaseModel):
    """One change."""

    id: int
    dag_id: str
    revision: int
    kind: str
    from_version: IdentityResponse | None
    to_version: IdentityResponse | None
    actor: str
    actor_kind: str
    source: Stored | None
    reason: str
    override_reason: str | None
    evidence: Stored | None
    release_id: str | None
    created_at: datetime
    commit: CommitResponse | None = Field(
        default=None, description="The commit of the version that it leads to, or is about, if recorded."
    )


class EventCollectionResponse(BaseModel):
    """Changes of a Dag's pin, newest first."""

    events: list[EventResponse]
    total_entries: int


class EventFeedResponse(BaseModel):
    """Changes of all Dags that the user can read, newest first."""

    events: list[EventResponse]
    next_before: int | None = Field(description="Pass it as `before` to get the next page; null on the last page.")
