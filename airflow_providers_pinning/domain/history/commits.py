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
"""The commits of the versions that changes are about, as far as they are recorded."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from typing import Any

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import IN_A_STATEMENT, pages
from airflow_providers_pinning.domain.files.commits import CommitInfo, commits_by_version
from airflow_providers_pinning.models import Event


def commits_of(events: Collection[Event], *, session: Session) -> dict[int, CommitInfo]:
    """
    Return the commit of the version that each change leads to, else of the one that it is about, by ids of the changes.

    One statement is made for each bundle and :data:`IN_A_STATEMENT` commits.
    """
    places = {event.id: place for event in events if (place := _place(event.to_version or event.from_version))}
    by_bundle: dict[str, set[str]] = defaultdict(set)
    for bundle_name, bundle_version in places.values():
        by_bundle[bundle_name].add(bundle_version)
    found = {name: commits_by_version(name, commits, session=session) for name, commits in by_bundle.items()}
    return {
        event_id: commit
        for event_id, (bundle_name, name) in places.items()
        if (commit := found[bundle_name].get(name)) is not None
    }


def with_commits(events: Iterable[Event], *, session: Session) -> Iterator[tuple[Event, CommitInfo | None]]:
    """Yield changes, of which there may be very many, each with its commit."""
    for page in pages(events, IN_A_STATEMENT):
        commits = commits_of(page, session=session)
        yield from ((event, commits.get(event.id)) for event in page)


def _place(version: dict[str, Any] | None) -> tuple[str, str] | None:
    name, commit = (version or {}).get("bundle_name"), (version or {}).get("bundle_version")
    return (name, commit) if name and commit else None
