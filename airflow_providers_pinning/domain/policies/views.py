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
"""Views of freezes, evidence and approvals. Unlike rows, they do not change or expire."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow_providers_pinning.models import Freeze, VersionApproval, VersionEvidence


@dataclass(frozen=True)
class FreezeView:
    """A freeze."""

    id: int
    match: Mapping[str, list[str]]
    """Which Dags; empty means all."""
    until: datetime | None
    actor: str
    reason: str
    created_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None
    lift_reason: str | None

    @classmethod
    def of(cls, row: Freeze) -> FreezeView:
        """Return the view of a row."""
        names = ("id", "until", "actor", "reason", "created_at", "lifted_at", "lifted_by", "lift_reason")
        return cls(match=row.selection or {}, **{name: getattr(row, name) for name in names})


@dataclass(frozen=True)
class EvidenceView:
    """Evidence on a version."""

    id: int
    version_number: int
    name: str
    verdict: str
    url: str | None
    details: Mapping[str, Any] | None
    expires_at: datetime | None
    actor: str
    created_at: datetime

    @classmethod
    def of(cls, row: VersionEvidence) -> EvidenceView:
        """Return the view of a row."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})


@dataclass(frozen=True)
class ApprovalView:
    """A user's approval of a version."""

    id: int
    version_number: int
    actor: str
    reason: str
    created_at: datetime
    revoked_at: datetime | None
    revoked_by: str | None
    revoke_reason: str | None

    @classmethod
    def of(cls, row: VersionApproval) -> ApprovalView:
        """Return the view of a row."""
        return cls(**{name: getattr(row, name) for name in cls.__dataclass_fields__})
