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
"""Fields that many requests and responses share."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from airflow.api_fastapi.core_api.base import BaseModel, StrictBaseModel
from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field, StringConstraints, model_validator

from airflow_providers_pinning.schemas.storable import Storable, Text
from airflow_providers_pinning.vocabulary import MAX_ID, MAX_INTEGER, MAX_REASON

Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=MAX_REASON), Storable]
VersionNumber = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Revision = Annotated[int, Field(ge=0, le=MAX_INTEGER)]
IdempotencyKey = Annotated[str, StringConstraints(min_length=1, max_length=MAX_ID), Storable]


def _written_out(moment: Any) -> Any:
    # Pydantic treats a bare number as seconds since 1970, which the description does not offer.
    if isinstance(moment, str) and moment.strip().lstrip("+-").replace(".", "", 1).isdigit():
        raise ValueError("Write the time like 2026-01-31T12:00:00+00:00")
    return moment


def _within_reckoning(moment: datetime) -> datetime:
    """Refuse times that overflow with another time zone or the longest soak."""
    if not 1900 <= moment.year < 9000:
        raise ValueError("The year must be between 1900 and 8999")
    return moment


Moment = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_within_reckoning)]
"""A point in time with its zone."""


class ChangeBody(StrictBaseModel):
    """Common fields of every change."""

    reason: Reason = Field(description="Reason for the change; shown in the history.")
    idempotency_key: IdempotencyKey | None = Field(default=None, description="The same key makes the change only once.")


class TimedBody(StrictBaseModel):
    """When a change takes effect."""

    effective_from: Moment | None = Field(
        default=None,
        description="When the change takes effect, by the database's clock: runs due at or after that time use "
        "the new version, earlier ones the old version. Default: now.",
    )
    supersede: bool = Field(
        default=False, description="Cancel a pending change instead of refusing this one with `activation_pending`."
    )


class ExpectedBody(StrictBaseModel):
    """What the caller saw, to prevent changing anything else."""

    expected_revision: Revision | None = Field(default=None, description="Refuse if the pin has changed since.")
    expected_dag_hash: Text | None = Field(default=None, description="Refuse if the version has changed since.")
    expected_bundle_version: Text | None = Field(
        default=None, description="Refuse if the version's code has changed since, even with the same hash."
    )


ExpectedPolicyRevision = Annotated[
    Revision | None,
    Field(description="Refuse with `policy_conflict` if the policies are at another revision than you saw."),
]
ExpectedFreezeId = Annotated[
    int | None,
    Field(
        ge=0,
        le=MAX_INTEGER,
        description="Highest ID of the freezes that you saw, 0 if there were none: refuse with `policy_conflict` to "
        "override a later one.",
    ),
]


class SeenRulesBody(StrictBaseModel):
    """Which release rules the caller saw, so that an override passes over no others."""

    expected_policy_revision: ExpectedPolicyRevision = None
    expected_freeze_id: ExpectedFreezeId = None


class VersionChoiceBody(StrictBaseModel):
    """A version, selected in exactly one of three ways."""

    version_number: VersionNumber | None = None
    dag_version_id: UUID | None = None
    bundle_version: Text | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _name_one_version(self) -> VersionChoiceBody:
        if [self.version_number, self.dag_version_id, self.bundle_version].count(None) != 2:
            raise ValueError("Use exactly one of version_number, dag_version_id and bundle_version.")
        return self


class DocumentBody(StrictBaseModel):
    """A document, given as an object or as the text of a YAML file. A subclass limits the length of the text."""

    document: dict[str, Any] | None = None
    text: str | None = None

    @model_validator(mode="after")
    def _give_one(self) -> DocumentBody:
        if (self.document is None) == (self.text is None):
            raise ValueError("Give either document or text.")
        return self


class IdentityResponse(BaseModel):
    """Exact identity of a Dag version."""

    dag_version_id: UUID
    version_number: int
    bundle_name: str | None
    bundle_version: str | None
    dag_hash: str
    relative_fileloc: str | None


class RepetitionResponse(BaseModel):
    """The request was already carried out with the same idempotency key; no change was made now."""

    revision: int = Field(description="Revision of the pin after the original request.")
    version: IdentityResponse | None = Field(
        description="The version that was chosen or reviewed by the original request."
    )
    stands: bool = Field(
        description="Whether the result of the original request is still in effect; always true for canary runs."
    )
