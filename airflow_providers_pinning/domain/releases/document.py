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
"""A document that defines which version each Dag is pinned to, for a repository or another program."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from airflow_providers_pinning.domain.policies.model import Match
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.vocabulary import ReleaseAction

IDENTITY = ("version_number", "bundle_name", "bundle_version", "dag_hash")
"""The fields of a version in a document, in the order in which they are written."""


@dataclass(frozen=True)
class DocumentedPin:
    """The version of a Dag in a document: its number or its commit, and further conditions."""

    version_number: int | None = None
    bundle_name: str | None = None
    bundle_version: str | None = None
    dag_hash: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return the given fields."""
        return {name: value for name in IDENTITY if (value := getattr(self, name)) is not None}

    def differences(self, version: VersionIdentity) -> list[str]:
        """Describe how a version differs from the document; empty if it matches."""
        return [
            f"{name} is {getattr(version, name)!r}, not {value!r}"
            for name, value in self.as_dict().items()
            if getattr(version, name) != value
        ]


@dataclass(frozen=True)
class PinsDocument:
    """The version that each Dag is pinned to, and which other Dags are unpinned."""

    pins: Mapping[str, DocumentedPin] = field(default_factory=dict)
    """Versions, by Dag."""
    owns: Match | None = None
    """Dags that are unpinned unless they are listed; ``None`` unpins none."""

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> PinsDocument:
        """Return the document from its validated form."""
        pins = {
            pin["dag_id"]: DocumentedPin(**{name: pin[name] for name in IDENTITY if name in pin})
            for pin in values["pins"]
        }
        return cls(pins, Match.from_dict(values["owns"]) if values.get("owns") else None)

    def as_request(self) -> dict[str, Any]:
        """Return the document as plain values, for the history and for comparing requests."""
        pins = {dag_id: pin.as_dict() for dag_id, pin in sorted(self.pins.items())}
        return {
            "action": ReleaseAction.APPLY.value,
            "listed": len(pins),
            "sha256": sha256(json.dumps(pins).encode()).hexdigest(),
            **({"owns": self.owns.as_dict()} if self.owns else {}),
        }
