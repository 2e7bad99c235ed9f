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
"""The base of all parts of the client: sending requests, and the conditions of changes."""

from __future__ import annotations

from typing import Any, TypedDict
from uuid import uuid4

from airflow_providers_pinning.client.endpoints import ApiRequest


class Expected(TypedDict, total=False):
    """
    What the caller saw of a Dag, to prevent changing anything else. Each key is optional and may be ``None``.

    The change is refused with ``revision_conflict`` or ``version_drifted`` if it no longer matches.
    """

    expected_revision: int | None
    """Revision of the release state."""
    expected_dag_hash: str | None
    """Hash of the given version."""
    expected_bundle_version: str | None
    """Commit of the given version, because the code may change without changing the hash."""


class SeenRules(TypedDict, total=False):
    """Which release rules the caller saw, so that ``override_reason`` passes over no others; each is optional."""

    expected_policy_revision: int | None
    """Revision of the policies; with others in force, the change is refused with ``policy_conflict``."""
    expected_freeze_id: int | None
    """Highest id of the freezes, 0 if there were none; a later one is not overridden."""


class ExpectedWithRules(Expected, SeenRules, total=False):
    """Both."""


class PinningCalls:
    """Sends requests, as the hook defines."""

    def call(self, request: ApiRequest) -> dict[str, Any]:
        """Send a request, and return the parsed response."""
        raise NotImplementedError


def new_key() -> str:
    """Return a new idempotency key for a call."""
    return f"call-{uuid4()}"
