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
"""Differences between two versions as table rows."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from airflow_providers_pinning.cli.wording import Row
from airflow_providers_pinning.domain.difference.compare import VersionDifference
from airflow_providers_pinning.domain.difference.files import FileChange, FilesComparison
from airflow_providers_pinning.domain.difference.schedule import ScheduleChange
from airflow_providers_pinning.domain.difference.values import FieldChange
from airflow_providers_pinning.domain.files.commits import CommitInfo, CommitsBetween
from airflow_providers_pinning.domain.text import plural

COMMITS = 20
"""How many commits to show."""
NEXT_RUNS = 5
"""How many of the next runs to show."""


def change_rows(difference: VersionDifference) -> list[Row]:
    """Return one change per row, without the source."""
    return [
        *_schedule(difference.schedule),
        *(_row("task", task_id, "added") for task_id in difference.tasks.added),
        *(_row("task", task_id, "removed") for task_id in difference.tasks.removed),
        *(row for task in difference.tasks.changed for row in _fields("task", task.fields, f"{task.task_id}: ")),
        *_fields("parameter", difference.params),
        *_fields("limit", difference.limits),
        *(
            _row(asset.role, f"{asset.task_id}: {asset.name}" if asset.task_id else asset.name, asset.kind)
            for asset in difference.assets
        ),
        *_fields("other", difference.other),
        *(_file(file) for file in difference.files.changed),
        *(_commit(commit, difference.commits) for commit in difference.commits.commits[:COMMITS]),
    ]


def told_of_files(files: FilesComparison) -> Iterator[str]:
    """Summarize files that the table leaves out."""
    if files.related is False:
        yield "Nothing related to the Dag differs."
    if files.left_out:
        yield f"{plural(files.left_out, 'more file')} that may affect the Dag differ."
    if others := [
        *([f"{plural(files.other_dags_files, 'file')} of other Dags"] if files.other_dags_files else []),
        *([f"{plural(files.ignored_files, 'ignored file')}"] if files.ignored_files else []),
    ]:
        yield f"Not related to the Dag: {' and '.join(others)}."


def diffs(difference: VersionDifference) -> Iterator[str]:
    """Return the diffs of all files, starting with the Dag file."""
    shown = difference.source.after_path if difference.source.diff is not None else None
    if difference.source.diff:
        yield difference.source.diff
    for file in difference.files.changed:
        if file.diff and file.path != shown:
            yield file.diff


def _file(file: FileChange) -> Row:
    lines = None if file.lines_added is None else f"+{file.lines_added} -{file.lines_removed}"
    return _row(f"file ({file.role.value})", file.path, file.kind.value, file.before_path, lines or file.note)


def _commit(commit: CommitInfo, commits: CommitsBetween) -> Row:
    first_line = commit.message.partition("\n")[0]
    kind = "taken back" if commits.taken_back else "added"
    return _row("commit", commit.bundle_version[:12], kind, commit.author, first_line)


def _schedule(schedule: ScheduleChange) -> Iterator[Row]:
    if not schedule.changed:
        return
    yield _row("schedule", "", "changed", schedule.before, schedule.after)
    yield _row("next runs", "", "changed", _times(schedule.next_runs_before), _times(schedule.next_runs_after))


def _times(times: Iterable[datetime]) -> list[datetime]:
    return list(times)[:NEXT_RUNS]


def _fields(what: str, fields: Iterable[FieldChange], prefix: str = "") -> Iterator[Row]:
    for field in fields:
        yield _row(what, f"{prefix}{field.name}", field.kind, _text(field.before), _text(field.after))


def _row(what: str, name: str, change: str, before: Any = None, after: Any = None) -> Row:
    return {"what": what, "name": name, "change": change, "before": before, "after": after}


def _text(value: Any) -> Any:
    return value if value is None or isinstance(value, str) else json.dumps(value, ensure_ascii=False)
