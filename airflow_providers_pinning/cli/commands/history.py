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
"""Show and export the history of changes."""

from __future__ import annotations

import csv
import json
import sys
from argparse import Namespace
from collections.abc import Iterable
from itertools import islice
from typing import Any

from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.command import shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.lists import show_list
from airflow_providers_pinning.cli.wording import Row
from airflow_providers_pinning.domain.files.commits import CommitInfo
from airflow_providers_pinning.domain.history import search
from airflow_providers_pinning.domain.history.commits import with_commits
from airflow_providers_pinning.domain.history.search import EventFilter
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import EVENT_COLUMNS, EventKind

SHOWN = 100
"""Default limit; an export has no limit."""

Told = Iterable[tuple[Event, CommitInfo | None]]
"""Changes with the commits that they are about."""


@shows
def pinning_history(args: Namespace) -> None:
    """List the changes of one Dag, or of all Dags."""
    which = EventFilter(
        dag_id=args.dag_id,
        kinds=tuple(EventKind(kind) for kind in args.kind or ()),
        actor=args.actor,
        since=args.since,
        until=args.until,
        text=args.search,
    )
    with create_session(scoped=False) as session:
        if args.dag_id is not None:
            require_dag(args.dag_id, session=session)
        if args.output in _EXPORTS:
            last = None if args.limit is None else args.offset + args.limit
            found = islice(search.every_event(which, session=session), args.offset, last)
            _EXPORTS[args.output](with_commits(found, session=session))
            return
        _show(args, which, session)


def _show(args: Namespace, which: EventFilter, session: Session) -> None:
    args.limit = args.limit or SHOWN
    listed, total = search.list_events(which, limit=args.limit, offset=args.offset, session=session)
    told = list(with_commits(listed, session=session))
    rows = [_row(event, commit, with_dag=args.dag_id is None) for event, commit in told]
    show_list(args, [_entry(event, commit) for event, commit in told], rows, total)


def _entry(event: Event, commit: CommitInfo | None) -> dict[str, Any]:
    return {**plain(event), "commit": plain(commit)}


def _row(event: Event, commit: CommitInfo | None, *, with_dag: bool) -> Row:
    return {
        **({"dag_id": event.dag_id} if with_dag else {}),
        "revision": event.revision,
        "at": event.created_at,
        "kind": event.kind,
        "from": _number(event.from_version),
        "to": _number(event.to_version),
        "actor": event.actor,
        "reason": event.reason,
        "commit": f"{commit.bundle_version[:12]} {commit.summary}" if commit else None,
        "by": event.actor_kind,
        "override_reason": event.override_reason,
        "id": event.id,
    }


def _number(recorded: dict[str, Any] | None) -> int | None:
    return recorded["version_number"] if recorded else None


def _write_json_lines(events: Told) -> None:
    for event, commit in events:
        sys.stdout.write(json.dumps(_entry(event, commit)) + "\n")


def _write_csv(events: Told) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(EVENT_COLUMNS)
    for event, commit in events:
        entry = plain(event)
        versions = {name: (entry[name] or {}).get("version_number") for name in ("from_version", "to_version")}
        source = {"source": json.dumps(entry["source"]) if entry["source"] else None}
        of_commit = {
            "commit": commit and commit.bundle_version,
            "commit_author": commit and commit.author,
            "commit_message": commit and commit.message,
        }
        values = {**entry, **versions, **source, **of_commit}
        writer.writerow([_harmless(values[column]) for column in EVENT_COLUMNS])


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from executing user text as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


_EXPORTS = {"jsonl": _write_json_lines, "csv": _write_csv}
