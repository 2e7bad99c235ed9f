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
"""Failures since the pin."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterable

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.command import shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import show, show_text
from airflow_providers_pinning.cli.wording import Row, words
from airflow_providers_pinning.domain.monitoring.failure_logs import FailureLog, read_failures
from airflow_providers_pinning.domain.versions.identity import require_dag


@shows
def pinning_failures(args: Namespace) -> None:
    """Show the latest failure of each task since the pin, with the last lines of its log."""
    with create_session(scoped=False) as session:
        require_dag(args.dag_id, session=session)
        failures = read_failures(args.dag_id, tasks=args.tasks, lines=args.lines, session=session)
    if args.output == "table":
        show_text("\n".join(_paragraph(failures)) if failures else "No task has failed since the pin.")
        return
    show(args.output, {"failures": [plain(failure) for failure in failures]}, list(_rows(failures)))


def _paragraph(failures: Iterable[FailureLog]) -> Iterable[str]:
    """Return a heading and a log per failure, because log lines are too long for a table."""
    for number, failure in enumerate(failures):
        if number:
            yield ""
        yield f"{_name(failure)}, try {failure.try_number} of {failure.run_id}, failed at {words(failure.ended_at)}"
        yield from (f"  {line.text}" for line in failure.lines)
        if failure.problem:
            yield f"  {failure.problem}"


def _rows(failures: Iterable[FailureLog]) -> Iterable[Row]:
    for failure in failures:
        texts = [line.text for line in failure.lines] + ([failure.problem] if failure.problem else [])
        for text in texts:
            yield {"task": _name(failure), "run_id": failure.run_id, "try": failure.try_number, "line": text}


def _name(failure: FailureLog) -> str:
    return failure.task_id if failure.map_index < 0 else f"{failure.task_id} [{failure.map_index}]"
