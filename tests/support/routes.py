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
"""Every route of the REST API, with a request that is valid."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

ROOT = "/pinning"

RELEASE_ID = "release-1"
"""Id of the release that the requests are about, where one is."""


@dataclass(frozen=True)
class Route:
    """A route and a request to it."""

    method: str
    template: str
    query: str = ""
    body: Any = None

    def url(self, dag_id: str, *, event_id: int = 1) -> str:
        """
        Return the address on Airflow's API server.

        :param dag_id: the Dag
        :param event_id: a change in the history; only whoever gives it knows that there is one
        """
        names = {"dag_id": dag_id, "version_number": 2, "event_id": event_id, "freeze_id": 1, "release_id": RELEASE_ID}
        return f"{ROOT}{self.template}".format(**names) + self.query

    def __str__(self) -> str:
        return f"{self.method} {self.template.removeprefix('/api/v1')}"


REASON = {"reason": "because"}

READS = (
    Route("GET", "/api/v1/dags/{dag_id}"),
    Route("GET", "/api/v1/dags/{dag_id}/versions"),
    Route("GET", "/api/v1/dags/{dag_id}/registration", "?bundle_version=sha1"),
    Route("GET", "/api/v1/dags/{dag_id}/events"),
    Route("GET", "/api/v1/dags/{dag_id}/runs"),
    Route("GET", "/api/v1/dags/{dag_id}/failures"),
    Route("GET", "/api/v1/dags/{dag_id}/permissions"),
    Route("GET", "/api/v1/dags/{dag_id}/rollback"),
    Route("GET", "/api/v1/dags/{dag_id}/compare"),
    Route("GET", "/api/v1/dags/{dag_id}/criteria"),
    Route("GET", "/api/v1/dags/{dag_id}/policy"),
    Route("GET", "/api/v1/dags/{dag_id}/versions/{version_number}/evidence"),
    Route("GET", "/api/v1/dags/{dag_id}/versions/{version_number}/params"),
    Route("GET", "/api/v1/policies"),
    Route("GET", "/api/v1/policies/overview"),
    Route("GET", "/api/v1/freezes"),
    Route("GET", "/api/v1/dags/{dag_id}/pending"),
    Route("GET", "/api/v1/pending"),
    Route("GET", "/api/v1/pins"),
    Route("GET", "/api/v1/pins/export"),
    Route("GET", "/api/v1/unpinned"),
    Route("GET", "/api/v1/inbox"),
    Route("GET", "/api/v1/events"),
    Route("GET", "/api/v1/events/{event_id}"),
    Route("GET", "/api/v1/releases"),
    Route("GET", "/api/v1/releases/{release_id}"),
    Route("GET", "/api/v1/health"),
    Route("GET", "/api/v1/components"),
    Route("GET", "/api/v1/dags/{dag_id}/versions/{version_number}/replays"),
    Route("GET", "/api/v1/dags/{dag_id}/versions/{version_number}/soak"),
)
WRITES = (
    Route("PUT", "/api/v1/dags/{dag_id}/pin", body={"version_number": 2, **REASON}),
    Route("DELETE", "/api/v1/dags/{dag_id}/pin", "?reason=because"),
    Route("POST", "/api/v1/dags/{dag_id}/rollback", body=REASON),
    Route("DELETE", "/api/v1/dags/{dag_id}/pending", "?reason=because"),
    Route(
        "POST",
        "/api/v1/dags/{dag_id}/ramp",
        body={"version_number": 2, "steps": [{"share": 0.5, "runs": 3}], **REASON},
    ),
    Route("PATCH", "/api/v1/dags/{dag_id}/ramp", body={"action": "abort", **REASON}),
    Route("PUT", "/api/v1/dags/{dag_id}/hold", body=REASON),
    Route("DELETE", "/api/v1/dags/{dag_id}/hold", "?reason=because"),
    Route("POST", "/api/v1/releases", body={"versions": {"orders": 2}, **REASON}),
    Route("POST", "/api/v1/releases/{release_id}/rollback", body=REASON),
    Route(
        "POST",
        "/api/v1/pins/apply",
        body={"document": {"pins": [{"dag_id": "orders", "version_number": 2}]}, **REASON},
    ),
    Route("POST", "/api/v1/holds", body={"dag_ids": ["orders"], **REASON}),
    Route("POST", "/api/v1/holds/lift", body={"dag_ids": ["orders"], **REASON}),
    Route("POST", "/api/v1/dags/{dag_id}/candidates", body=REASON),
    Route("POST", "/api/v1/dags/{dag_id}/versions/{version_number}/reject", body=REASON),
    Route("POST", "/api/v1/dags/{dag_id}/versions/{version_number}/restore", body=REASON),
    Route("POST", "/api/v1/dags/{dag_id}/versions/{version_number}/repair", body=REASON),
    Route("POST", "/api/v1/dags/{dag_id}/acknowledgements", body=REASON),
    Route("PUT", "/api/v1/dags/{dag_id}/criteria", body={"criteria": {"min_runs": 5}, **REASON}),
    Route(
        "POST",
        "/api/v1/dags/{dag_id}/versions/{version_number}/evidence",
        body={"name": "regression", "verdict": "successful", **REASON},
    ),
    Route("POST", "/api/v1/dags/{dag_id}/versions/{version_number}/approvals", body=REASON),
    Route("DELETE", "/api/v1/dags/{dag_id}/versions/{version_number}/approvals", "?reason=because"),
    Route("POST", "/api/v1/dags/{dag_id}/canaryRuns", body={"version_number": 2}),
)

RULES = (
    Route("PUT", "/api/v1/policies", body={"document": {"policies": []}, **REASON}),
    Route("POST", "/api/v1/policies/check", body={}),
    Route("POST", "/api/v1/freezes", body={"match": {"dag_ids": ["nothing"]}, **REASON}),
    Route("DELETE", "/api/v1/freezes/{freeze_id}", "?reason=because"),
)
"""Changes of policies and freezes, which are about no Dag and need a right of their own."""
