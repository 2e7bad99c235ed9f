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
from airflow_providers_pinning.domain.history import search
from airflow_providers_pinning.domain.history.search import EventFilter
from airflow_providers_pinning.domain.versions.identity import require_dag
from airflow_providers_pinning.models import Event
from airflow_providers_pinning.vocabulary import EventKind

SHOWN = 100
"""Default limit; an export has no limit."""


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
            found = search.every_event(which, session=session)
            last = None if args.limit is None else args.offset + args.limit
            _EXPORTS[args.output](islice(found, args.offset, last))
            return
        _show(args, which, session)


def _show(args: Namespace, which: EventFilter, session: Session) -> None:
    args.limit = args.limit or SHOWN
    listed, total = search.list_events(which, limit=args.limit, offset=args.offset, session=session)
    rows = [_row(event, with_dag=args.dag_id is None) for event in listed]
    show_list(args, [plain(event) for event in listed], rows, total)


def _row(event: Event, *, with_dag: bool) -> Row:
    return {
        **({"dag_id": event.dag_id} if with_dag else {}),
        "revision": event.revision,
        "at": event.created_at,
        "kind": event.kind,
        "from": _number(event.from_version),
        "to": _number(event.to_version),
        "actor": event.actor,
        "reason": event.reason,
        "by": event.actor_kind,
        "override_reason": event.override_reason,
        "id": event.id,
    }


def _number(recorded: dict[str, Any] | None) -> int | None:
    return recorded["version_number"] if recorded else None


def _write_json_lines(events: Iterable[Event]) -> None:
    for event in events:
        sys.stdout.write(json.dumps(plain(event)) + "\n")


def _write_csv(events: Iterable[Event]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(CSV_COLUMNS)
    for event in events:
        entry = plain(event)
        versions = {name: (entry[name] or {}).get("version_number") for name in ("from_version", "to_version")}
        source = {"source": json.dumps(entry["source"]) if entry["source"] else None}
        values = {**entry, **versions, **source}
        writer.writerow([_harmless(values[column]) for column in CSV_COLUMNS])


CSV_COLUMNS = (
    "id",
    "created_at",
    "dag_id",
    "kind",
    "revision",
    "from_version",
    "to_version",
    "actor",
    "actor_kind",
    "reason",
    "override_reason",
    "source",
    "release_id",
)


def _harmless(value: Any) -> Any:
    """Keep a spreadsheet from executing user text as a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")) else value


_EXPORTS = {"jsonl": _write_json_lines, "csv": _write_csv}
