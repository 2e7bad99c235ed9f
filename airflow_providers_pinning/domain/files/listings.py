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
"""All files of a bundle at the commits of versions."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from airflow._shared.timezones import timezone
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.files.git import Clone
from airflow_providers_pinning.domain.files.listing import Sharing, pack, unpack
from airflow_providers_pinning.models import Base, CommitFiles

SETTLED_AFTER = timedelta(minutes=2)
"""Time for a new file to be parsed, and turn out to define a Dag."""
CHANGED_CONTENTS = 100
"""Maximum number of changed files per commit to store that belong to no known Dag."""


class Listings:
    """
    File listings of a bundle, each read once.

    :param bundle_name: name of the bundle
    :param clone: repository of listings that are not stored; ``None`` to read none
    :param sharing: which files the Dags of the bundle share
    :param rows: receives the listings to store
    :param session: database session, used only for reading except by :meth:`settle`
    """

    def __init__(
        self, bundle_name: str, clone: Clone | None, sharing: Sharing, rows: list[Base], *, session: Session
    ) -> None:
        self._bundle_name = bundle_name
        self._clone = clone
        self._sharing = sharing
        self._rows = rows
        self._session = session
        self._read: dict[str, dict[str, str]] = {}
        self._changed: dict[str, list[str]] = {}

    def at(self, commit: str) -> dict[str, str]:
        """Return the files at a commit, and store them."""
        if commit not in self._read:
            row = self._session.get(CommitFiles, (self._bundle_name, commit))
            listing = unpack(row.listing) if row else None
            if listing is None:
                listing = self._clone.listing(commit) if self._clone else {}
                self._write(commit, listing)
            self._read[commit] = listing
        return self._read[commit]

    def changed_contents(self, commit: str) -> list[str]:
        """Return contents that belong to no known Dag but may explain why a commit counts as related."""
        return self._changed.get(commit, [])

    def due(self) -> dict[str, str | None]:
        """Return the commits whose listings have to be settled, with the new hash if it has changed."""
        now = timezone.utcnow()
        rows = self._session.execute(
            select(CommitFiles.bundle_version, CommitFiles.basis, CommitFiles.settles_at).where(
                CommitFiles.bundle_name == self._bundle_name
            )
        ).all()
        return {
            row.bundle_version: None if row.basis == self._sharing.basis else self._digest(row.bundle_version)
            for row in rows
            if row.basis != self._sharing.basis or (row.settles_at is not None and row.settles_at <= now)
        }

    def settle(self, due: Mapping[str, str | None]) -> None:
        """
        Recompute the hashes of the bundle's listings after a change of the inputs.

        :param due: the result of :meth:`due`; the caller commits
        """
        for commit, digest in due.items():
            stored = self._session.get(CommitFiles, (self._bundle_name, commit), populate_existing=True)
            if stored is None:
                continue
            stored.settles_at = None
            if digest is not None:
                stored.shared_digest, stored.basis = digest, self._sharing.basis

    def _digest(self, commit: str) -> str | None:
        """Return the hash of a commit's listing, if available."""
        stored = self._session.get(CommitFiles, (self._bundle_name, commit))
        listing = unpack(stored.listing) if stored else None
        if listing is None and self._clone is not None:
            listing = self._clone.listing(commit)
        return None if listing is None else self._sharing.digest(listing)

    def _write(self, commit: str, listing: dict[str, str]) -> None:
        before = self._newest()
        shared, shared_before = self._sharing.of(listing), self._sharing.of(before or {})
        is_new = before is not None and any(path.endswith(".py") for path in shared.keys() - shared_before.keys())
        if before is not None:
            different = [path for path in {**shared_before, **shared} if shared.get(path) != shared_before.get(path)]
            sides = (
                side.get(path) for path in sorted(different)[:CHANGED_CONTENTS] for side in (shared_before, shared)
            )
            self._changed[commit] = [content for content in sides if content]
        self._rows.append(
            CommitFiles(
                bundle_name=self._bundle_name,
                bundle_version=commit,
                shared_digest=self._sharing.digest(listing),
                basis=self._sharing.basis,
                file_count=len(listing),
                listing=pack(listing),
                settles_at=timezone.utcnow() + SETTLED_AFTER if is_new else None,
                looked_at=timezone.utcnow(),
            )
        )

    def _newest(self) -> dict[str, str] | None:
        """Return the listing that was stored last."""
        packed = self._session.scalar(
            select(CommitFiles.listing)
            .where(CommitFiles.bundle_name == self._bundle_name)
            .order_by(CommitFiles.looked_at.desc())
            .limit(1)
        )
        return unpack(packed)
