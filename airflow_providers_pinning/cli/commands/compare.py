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
"""Compare two versions."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.changes_table import change_rows, diffs, told_of_files
from airflow_providers_pinning.cli.command import shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import say_styled, show, show_diff
from airflow_providers_pinning.cli.wording import say
from airflow_providers_pinning.domain.difference.compare import VersionDifference, compare_versions
from airflow_providers_pinning.vocabulary import ExitCode


@shows
def pinning_compare(args: Namespace) -> None:
    """Show the differences, and with --exit-code exit with 7 if there are any."""
    with create_session(scoped=False) as session:
        difference = compare_versions(
            args.dag_id, from_version=args.from_version, to_version=args.to_version, session=session
        )
    rows = change_rows(difference)
    say(_summary(difference, found=bool(rows or difference.source.diff)))
    _say_notes(difference)
    if rows or args.output in ("json", "yaml"):
        show(args.output, _data(difference, with_diffs=not args.no_source), rows)
    if args.output == "table" and not args.no_source:
        for diff in diffs(difference):
            show_diff(diff)
    if args.exit_code and not difference.identical:
        raise SystemExit(ExitCode.DIFFERENT)


def _say_notes(difference: VersionDifference) -> None:
    for line in told_of_files(difference.files):
        say(line)
    for note in (difference.schedule.note, difference.source.note, difference.files.note, difference.commits.note):
        if note:
            say_styled(f"Note: {note}", "yellow")
    for warning in difference.warnings:
        say_styled(f"Warning: {warning}", "yellow")


def _data(difference: VersionDifference, *, with_diffs: bool) -> dict[str, Any]:
    data: dict[str, Any] = plain(difference)
    if not with_diffs:
        for changed in (data["source"], *data["files"]["changed"]):
            changed["diff"] = None
    return data


def _summary(difference: VersionDifference, *, found: bool) -> str:
    versions = f"Dag {difference.dag_id!r}, from {difference.from_version.label} to {difference.to_version.label}"
    if difference.identical:
        return f"{versions}: new runs would be the same."
    return f"{versions}: they differ." if found else f"{versions}: no differences in the Dag file or structure."
