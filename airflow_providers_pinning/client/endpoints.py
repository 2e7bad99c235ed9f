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
"""All requests to the API server."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from airflow_providers_pinning.client.soak import SoakCriteria

PREFIX = "/pinning/api/v1"


@dataclass(frozen=True)
class ApiRequest:
    """One request, relative to the base URL of the API server."""

    method: str
    path: str
    params: dict[str, Any] = field(default_factory=dict)
    body: dict[str, Any] | None = None

    @property
    def repeatable(self) -> bool:
        """Whether the request is idempotent."""
        return self.method == "GET" or "idempotency_key" in {**self.params, **(self.body or {})}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _dag(dag_id: str, rest: str = "") -> str:
    return f"{PREFIX}/dags/{quote(dag_id, safe='')}{rest}"


def release_state(dag_id: str) -> ApiRequest:
    """Get the release state of a Dag."""
    return ApiRequest("GET", _dag(dag_id))


def versions(dag_id: str, limit: int = 50, offset: int = 0) -> ApiRequest:
    """List the registered versions, newest first."""
    return ApiRequest("GET", _dag(dag_id, "/versions"), {"limit": limit, "offset": offset})


def registration(dag_id: str, bundle_version: str) -> ApiRequest:
    """Get the registration of a commit for a Dag."""
    return ApiRequest("GET", _dag(dag_id, "/registration"), {"bundle_version": bundle_version})


def events(dag_id: str, limit: int = 50, offset: int = 0, **filters: Any) -> ApiRequest:
    """List the history of a Dag, newest first."""
    return ApiRequest("GET", _dag(dag_id, "/events"), {"limit": limit, "offset": offset, **_given(**filters)})


def event_feed(**filters: Any) -> ApiRequest:
    """List the history of all Dags, newest first."""
    return ApiRequest("GET", f"{PREFIX}/events", _given(**filters))


def compare(dag_id: str, **versions: int | str | None) -> ApiRequest:
    """Compare two versions."""
    return ApiRequest("GET", _dag(dag_id, "/compare"), _given(**versions))


def pins(**filters: Any) -> ApiRequest:
    """List the pinned Dags."""
    return ApiRequest("GET", f"{PREFIX}/pins", _given(**filters))


def health() -> ApiRequest:
    """Get the health of the deployment."""
    return ApiRequest("GET", f"{PREFIX}/health")


def soak(dag_id: str, version_number: int, criteria: SoakCriteria) -> ApiRequest:
    """Get the verdict on a version."""
    return ApiRequest("GET", _dag(dag_id, f"/versions/{version_number}/soak"), criteria.as_params())


def criteria(dag_id: str) -> ApiRequest:
    """Get the criteria of a Dag."""
    return ApiRequest("GET", _dag(dag_id, "/criteria"))


def set_criteria(dag_id: str, **body: Any) -> ApiRequest:
    """Replace the criteria of a Dag."""
    return ApiRequest("PUT", _dag(dag_id, "/criteria"), body=_given(**body))


def replays(dag_id: str, version_number: int, limit: int = 50, offset: int = 0) -> ApiRequest:
    """List the replays of a version with their originals, newest first."""
    return ApiRequest("GET", _dag(dag_id, f"/versions/{version_number}/replays"), {"limit": limit, "offset": offset})


def dag_run(dag_id: str, run_id: str) -> ApiRequest:
    """Get a run from Airflow's own API."""
    return ApiRequest("GET", f"/api/v2/dags/{quote(dag_id, safe='')}/dagRuns/{quote(run_id, safe='')}")


def pin(dag_id: str, **body: Any) -> ApiRequest:
    """Pin a version."""
    return ApiRequest("PUT", _dag(dag_id, "/pin"), body=_given(**body))


def unpin(dag_id: str, **params: Any) -> ApiRequest:
    """Make the latest version active again."""
    return ApiRequest("DELETE", _dag(dag_id, "/pin"), _given(**params))


def rollback(dag_id: str, **body: Any) -> ApiRequest:
    """Pin the previously active version."""
    return ApiRequest("POST", _dag(dag_id, "/rollback"), body=_given(**body))


def pending_change(dag_id: str) -> ApiRequest:
    """Get the pending change of a Dag."""
    return ApiRequest("GET", _dag(dag_id, "/pending"))


def pending_changes(limit: int = 100, offset: int = 0) -> ApiRequest:
    """List pending changes."""
    return ApiRequest("GET", f"{PREFIX}/pending", {"limit": limit, "offset": offset})


def cancel_pending_change(dag_id: str, **params: Any) -> ApiRequest:
    """Cancel the pending change of a Dag."""
    return ApiRequest("DELETE", _dag(dag_id, "/pending"), _given(**params))


def start_ramp(dag_id: str, **body: Any) -> ApiRequest:
    """Give a share of the new runs of a Dag another version."""
    return ApiRequest("POST", _dag(dag_id, "/ramp"), body=_given(**body))


def change_ramp(dag_id: str, **body: Any) -> ApiRequest:
    """Pause, resume, abort or promote the ramp of a Dag."""
    return ApiRequest("PATCH", _dag(dag_id, "/ramp"), body=_given(**body))


def hold(dag_id: str, **body: Any) -> ApiRequest:
    """Put a Dag on hold."""
    return ApiRequest("PUT", _dag(dag_id, "/hold"), body=_given(**body))


def unhold(dag_id: str, **params: Any) -> ApiRequest:
    """Lift the hold of a Dag."""
    return ApiRequest("DELETE", _dag(dag_id, "/hold"), _given(**params))


def hold_all(**body: Any) -> ApiRequest:
    """Put several Dags on hold."""
    return ApiRequest("POST", f"{PREFIX}/holds", body=_given(**body))


def unhold_all(**body: Any) -> ApiRequest:
    """Lift the holds of several Dags."""
    return ApiRequest("POST", f"{PREFIX}/holds/lift", body=_given(**body))


def release(*, dry_run: bool = False, **body: Any) -> ApiRequest:
    """Change the pins of many Dags together."""
    return ApiRequest("POST", f"{PREFIX}/releases", {"dry_run": "true"} if dry_run else {}, body=_given(**body))


def roll_back_release(release_id: str, *, dry_run: bool = False, **body: Any) -> ApiRequest:
    """Roll a release back."""
    params = {"dry_run": "true"} if dry_run else {}
    return ApiRequest("POST", f"{PREFIX}/releases/{quote(release_id, safe='')}/rollback", params, body=_given(**body))


def export_pins(**filters: Any) -> ApiRequest:
    """Export the pins as a document."""
    return ApiRequest("GET", f"{PREFIX}/pins/export", _given(**filters))


def apply_pins(*, dry_run: bool = False, **body: Any) -> ApiRequest:
    """Apply a document of pins."""
    return ApiRequest("POST", f"{PREFIX}/pins/apply", {"dry_run": "true"} if dry_run else {}, body=_given(**body))


def unpinned(**filters: Any) -> ApiRequest:
    """List the unpinned Dags."""
    return ApiRequest("GET", f"{PREFIX}/unpinned", _given(**filters))


def releases(**filters: Any) -> ApiRequest:
    """List releases, newest first."""
    return ApiRequest("GET", f"{PREFIX}/releases", _given(**filters))


def release_of(release_id: str, **page: Any) -> ApiRequest:
    """Get a release with its Dags, or a page of them."""
    return ApiRequest("GET", f"{PREFIX}/releases/{quote(release_id, safe='')}", _given(**page))


def candidate(dag_id: str, **body: Any) -> ApiRequest:
    """Put a version under evaluation."""
    return ApiRequest("POST", _dag(dag_id, "/candidates"), body=_given(**body))


def judgement(dag_id: str, version_number: int, judged: str, **body: Any) -> ApiRequest:
    """Reject, restore or repair a version."""
    return ApiRequest("POST", _dag(dag_id, f"/versions/{version_number}/{judged}"), body=_given(**body))


def acknowledgements(dag_id: str, **body: Any) -> ApiRequest:
    """Acknowledge runs that escaped the pin."""
    return ApiRequest("POST", _dag(dag_id, "/acknowledgements"), body=_given(**body))


def canary_runs(dag_id: str, **body: Any) -> ApiRequest:
    """Create canary runs."""
    return ApiRequest("POST", _dag(dag_id, "/canaryRuns"), body=_given(**body))


def policies() -> ApiRequest:
    """Get the policies in force."""
    return ApiRequest("GET", f"{PREFIX}/policies")


def policies_overview() -> ApiRequest:
    """Ask which Dags each policy selects."""
    return ApiRequest("GET", f"{PREFIX}/policies/overview")


def apply_policies(**body: Any) -> ApiRequest:
    """Replace all policies."""
    return ApiRequest("PUT", f"{PREFIX}/policies", body=_given(**body))


def check_policies(**body: Any) -> ApiRequest:
    """Check policies."""
    return ApiRequest("POST", f"{PREFIX}/policies/check", body=_given(**body))


def explain_policies(dag_id: str, **params: Any) -> ApiRequest:
    """Explain which policies apply to a Dag."""
    return ApiRequest("GET", _dag(dag_id, "/policy"), _given(**params))


def freezes(**params: Any) -> ApiRequest:
    """List the freezes."""
    return ApiRequest("GET", f"{PREFIX}/freezes", _given(**params))


def freeze(**body: Any) -> ApiRequest:
    """Place a freeze."""
    return ApiRequest("POST", f"{PREFIX}/freezes", body=_given(**body))


def thaw(freeze_id: int, **params: Any) -> ApiRequest:
    """Lift a freeze."""
    return ApiRequest("DELETE", f"{PREFIX}/freezes/{freeze_id}", _given(**params))


def evidence(dag_id: str, version_number: int) -> ApiRequest:
    """List the evidence and approvals of a version."""
    return ApiRequest("GET", _dag(dag_id, f"/versions/{version_number}/evidence"))


def record_evidence(dag_id: str, version_number: int, **body: Any) -> ApiRequest:
    """Record evidence on a version."""
    return ApiRequest("POST", _dag(dag_id, f"/versions/{version_number}/evidence"), body=_given(**body))


def approve(dag_id: str, version_number: int, **body: Any) -> ApiRequest:
    """Approve a version."""
    return ApiRequest("POST", _dag(dag_id, f"/versions/{version_number}/approvals"), body=_given(**body))


def revoke_approval(dag_id: str, version_number: int, **params: Any) -> ApiRequest:
    """Revoke an approval."""
    return ApiRequest("DELETE", _dag(dag_id, f"/versions/{version_number}/approvals"), _given(**params))
