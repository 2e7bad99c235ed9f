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
"""Queries through the REST API."""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.calls import PinningCalls
from airflow_providers_pinning.client.soak import SoakCriteria


class PinningReads(PinningCalls):
    """The reading half of :class:`~airflow_providers_pinning.hooks.pinning.PinningHook`; it changes nothing."""

    def get_release_state(self, dag_id: str) -> dict[str, Any]:
        """Return the version that new runs of a Dag use, and why."""
        return self.call(endpoints.release_state(dag_id))

    def get_pending_change(self, dag_id: str) -> dict[str, Any]:
        """Return the ``pending`` change of a Dag, or ``None``, and the ``failure`` of the last one."""
        return self.call(endpoints.pending_change(dag_id))

    def list_pending_changes(self, *, limit: int = 100, offset: int = 0) -> dict[str, Any]:
        """Return the ``pending`` changes of all Dags that the user may read, and ``total_entries``."""
        return self.call(endpoints.pending_changes(limit, offset))

    def list_versions(self, dag_id: str, *, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """Return ``versions``, newest first, and ``total_entries``."""
        return self.call(endpoints.versions(dag_id, limit, offset))

    def get_registration(self, dag_id: str, bundle_version: str) -> dict[str, Any]:
        """Return the ``registration`` of a commit for a Dag, and its ``version``."""
        return self.call(endpoints.registration(dag_id, bundle_version))

    def list_events(self, dag_id: str, *, limit: int = 50, offset: int = 0, **filters: Any) -> dict[str, Any]:
        """
        Return the history as ``events``, newest first, and ``total_entries``.

        ``filters`` are ``kind`` (one or a list), ``actor``, ``since``, ``until`` and ``text``.
        """
        return self.call(endpoints.events(dag_id, limit, offset, **filters))

    def list_all_events(self, *, limit: int = 50, before: int | None = None, **filters: Any) -> dict[str, Any]:
        """
        Return the history of all Dags that the user may read as ``events``, newest first, and ``next_before``.

        ``filters`` are those of :meth:`list_events` and ``dag_id_pattern``. ``next_before`` is the ``before`` of the
        next call.
        """
        return self.call(endpoints.event_feed(limit=limit, before=before, **filters))

    def compare(
        self,
        dag_id: str,
        *,
        from_version: int | None = None,
        to_version: int | None = None,
        expected_dag_hash: str | None = None,
        expected_bundle_version: str | None = None,
    ) -> dict[str, Any]:
        """
        Compare two versions, by default the active one and the latest.

        ``expected_dag_hash`` and ``expected_bundle_version`` are the hash and the commit that ``to_version`` must have.
        """
        return self.call(
            endpoints.compare(
                dag_id,
                from_version=from_version,
                to_version=to_version,
                expected_dag_hash=expected_dag_hash,
                expected_bundle_version=expected_bundle_version,
            )
        )

    def list_pins(
        self,
        *,
        dag_id_pattern: str | None = None,
        behind: bool | None = None,
        unhealthy: bool | None = None,
        failing: bool | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> dict[str, Any]:
        """Return the pinned Dags that the user may read as ``pins``, and ``total_entries``."""
        return self.call(
            endpoints.pins(
                dag_id_pattern=dag_id_pattern,
                behind=behind,
                unhealthy=unhealthy,
                failing=failing,
                limit=limit,
                offset=offset,
            )
        )

    def list_replays(self, dag_id: str, version_number: int, *, limit: int = 50, offset: int = 0) -> dict[str, Any]:
        """Return the ``replays`` of a version, with their differences from their originals, newest first."""
        return self.call(endpoints.replays(dag_id, version_number, limit, offset))

    def get_health(self) -> dict[str, Any]:
        """Return the components of the deployment, the pins with problems, and escaped runs."""
        return self.call(endpoints.health())

    def get_dag_run(self, dag_id: str, run_id: str) -> dict[str, Any]:
        """Return a run from Airflow's own API."""
        return self.call(endpoints.dag_run(dag_id, run_id))

    def get_criteria(self, dag_id: str) -> dict[str, Any]:
        """Return the criteria of a Dag, and their differences from the defaults as ``stored``."""
        return self.call(endpoints.criteria(dag_id))

    def get_soak(self, dag_id: str, version_number: int, criteria: SoakCriteria | None = None) -> dict[str, Any]:
        """Return the verdict on a version, with its evidence."""
        return self.call(endpoints.soak(dag_id, version_number, criteria or SoakCriteria()))
