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
"""Releases of many Dags through the REST API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from airflow_providers_pinning.client import endpoints
from airflow_providers_pinning.client.calls import PinningCalls, SeenRules, new_key

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Released(TypedDict, total=False):
    """
    The Dags of a release, and their versions. Each key is optional.

    A pin needs one of ``bundle_version``, ``versions``, ``latest`` and ``newest``.
    """

    action: str | None
    """``pin`` (default), ``unpin``, or ``rollback``, which returns each Dag to its previous version."""
    bundle_version: str | None
    """The commit to pin."""
    bundle_name: str | None
    """The bundle of the commit, if several bundles have it."""
    versions: dict[str, int] | None
    """A version number for each Dag."""
    latest: bool | None
    """Pin each Dag to its current version."""
    newest: bool | None
    """Pin each Dag to its newest candidate, otherwise to its newest version if that has related changes."""
    scope: str | None
    """Which Dags of the commit, if they are not named: ``changed`` (default), ``pinned`` or ``all``."""
    dag_ids: list[str] | None
    tags: list[str] | None
    bundles: list[str] | None
    dag_id_patterns: list[str] | None
    owners: list[str] | None
    exclude: list[str] | None
    """Dags to leave as they are."""
    effective_from: str | None
    """When a pin takes effect, as ISO 8601 with a zone; at once by default."""
    override_reason: str | None
    expected_plan: str | None
    """``plan_hash`` of a dry run: another plan is refused with ``revision_conflict``."""
    expected_policy_revision: int | None
    """``policy_revision`` of a dry run: other policies are refused with ``policy_conflict``."""
    expected_freeze_id: int | None
    """``freeze_id`` of a dry run: a later freeze is not overridden."""


class PinningReleases(PinningCalls):
    """Makes releases, rolls them back, and reads them."""

    def release(
        self, *, reason: str, dry_run: bool = False, idempotency_key: str | None = None, **released: Any
    ) -> dict[str, Any]:
        """
        Change the pins of many Dags in one transaction, all or none, and return the release.

        :param dry_run: only return what would be done
        :param released: the keys of :class:`Released`
        """
        return self.call(
            endpoints.release(dry_run=dry_run, reason=reason, idempotency_key=idempotency_key or new_key(), **released)
        )

    def roll_back_release(
        self,
        release_id: str,
        *,
        reason: str,
        leave_moved: bool = False,
        exclude: list[str] | None = None,
        override_reason: str | None = None,
        expected_plan: str | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
        **seen: Unpack[SeenRules],
    ) -> dict[str, Any]:
        """
        Restore what was active before a release, for all of its Dags or none.

        :param leave_moved: skip Dags that have changed since; by default, they block the rollback
        :param expected_plan: ``plan_hash`` of a dry run: another plan is refused with ``revision_conflict``
        """
        return self.call(
            endpoints.roll_back_release(
                release_id,
                dry_run=dry_run,
                reason=reason,
                leave_moved=leave_moved or None,
                exclude=exclude,
                override_reason=override_reason,
                expected_plan=expected_plan,
                idempotency_key=idempotency_key or new_key(),
                **seen,
            )
        )

    def list_releases(
        self, *, dag_id: str | None = None, bundle_version: str | None = None, limit: int = 50, offset: int = 0
    ) -> dict[str, Any]:
        """Return ``releases``, newest first, and ``total_entries``."""
        return self.call(endpoints.releases(dag_id=dag_id, bundle_version=bundle_version, limit=limit, offset=offset))

    def get_release(self, release_id: str, *, limit: int | None = None, offset: int = 0) -> dict[str, Any]:
        """
        Return a release with its ``dags``, in the order of their ids, and their ``total_entries``.

        :param limit: how many Dags, at most 1,000; by default all of them
        :param offset: how many to leave out before
        """
        return self.call(endpoints.release_of(release_id, limit=limit, offset=offset or None))

    def export_pins(
        self,
        *,
        tags: list[str] | None = None,
        bundles: list[str] | None = None,
        owners: list[str] | None = None,
        dag_id_patterns: list[str] | None = None,
        owns: bool = False,
    ) -> dict[str, Any]:
        """
        Return the pins of Dags as a document for :meth:`apply_pins`.

        :param owns: let the document own the Dags, so that applying it unpins those that it does not list
        """
        return self.call(
            endpoints.export_pins(
                tags=tags, bundles=bundles, owners=owners, dag_id_patterns=dag_id_patterns, owns=owns or None
            )
        )

    def apply_pins(
        self,
        *,
        reason: str,
        document: Mapping[str, Any] | None = None,
        text: str | None = None,
        override_reason: str | None = None,
        dry_run: bool = False,
        idempotency_key: str | None = None,
        **seen: Unpack[SeenRules],
    ) -> dict[str, Any]:
        """
        Apply a document of pins, all or none, and return the release. Its ID is None if there was nothing to change.

        :param document: the pins as a mapping, or
        :param text: as YAML
        :param dry_run: only return what would be done
        """
        return self.call(
            endpoints.apply_pins(
                dry_run=dry_run,
                reason=reason,
                document=dict(document) if document is not None else None,
                text=text,
                override_reason=override_reason,
                idempotency_key=idempotency_key or new_key(),
                **seen,
            )
        )

    def list_unpinned(
        self,
        *,
        dag_id_pattern: str | None = None,
        tags: list[str] | None = None,
        bundles: list[str] | None = None,
        limit: int = 100,
        offset: int = 0,
    ) -> dict[str, Any]:
        """Return the Dags that are not pinned as ``dags``, and ``total_entries``."""
        return self.call(
            endpoints.unpinned(dag_id_pattern=dag_id_pattern, tags=tags, bundles=bundles, limit=limit, offset=offset)
        )
