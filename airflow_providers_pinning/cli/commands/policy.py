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
"""Release policies."""

from __future__ import annotations

import sys
from argparse import Namespace
from dataclasses import replace
from typing import Any

import yaml
from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.change import confirm, requested_change, require_answerable
from airflow_providers_pinning.cli.command import changes, note_committed, shows
from airflow_providers_pinning.cli.files import read_file
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import say_styled, show
from airflow_providers_pinning.cli.wording import Row, properties, say
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.clocks import database_clock
from airflow_providers_pinning.domain.difference.policy_documents import difference_of
from airflow_providers_pinning.domain.policies import check, freezes, store
from airflow_providers_pinning.domain.policies.explain import explain
from airflow_providers_pinning.domain.policies.model import PolicySet
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.schemas import policy_text
from airflow_providers_pinning.vocabulary import MAX_POLICY_BYTES, ExitCode


@shows
def pinning_policy_show(args: Namespace) -> None:
    """Show the current policies."""
    with create_session(scoped=False) as session:
        applied = store.current(session=session)
        for one in freezes.list_freezes(session=session):
            lists = "; ".join(f"{kind} {', '.join(named)}" for kind, named in one.match.items()) or "every Dag"
            say_styled(f"Freeze {one.id} stops changes of {lists} ({one.actor}: {one.reason}).", "yellow")
    if applied.revision:
        say(f"Revision {applied.revision}, applied by {applied.actor}: {applied.reason}")
    show(args.output, plain(applied), [_row(policy) for policy in applied.document["policies"]])


@shows
def pinning_policy_export(args: Namespace) -> None:
    """Export the current policies as a file for apply."""
    with create_session(scoped=False) as session:
        applied = store.current(session=session)
    yaml.safe_dump(dict(applied.document), sys.stdout, sort_keys=False, allow_unicode=True)


@shows
def pinning_policy_check(args: Namespace) -> None:
    """Check a file, or the current policies."""
    with create_session(scoped=False) as session:
        document = _read(args.file) if args.file else store.current(session=session).document
        doubts = check.check(PolicySet.from_dict(0, document), database_clock(session=session), session=session)
    say(f"The document is valid: {plural(len(document['policies']), 'policy', 'policies')}.")
    rows = [
        {"finding": doubt.reason, "policies": ", ".join(doubt.policies), "message": doubt.message} for doubt in doubts
    ]
    show(args.output, [plain(doubt) for doubt in doubts], rows)
    if doubts:
        raise SystemExit(ExitCode.UNHEALTHY)


@shows
def pinning_policy_diff(args: Namespace) -> None:
    """Show what applying a file would change."""
    document = _read(args.file)
    with create_session(scoped=False) as session:
        applied = store.current(session=session)
    lines = difference_of(applied.document, document)
    _tell(lines, applied.revision)
    show(args.output, {"revision": applied.revision, "changed": bool(lines), "difference": lines}, _lines(lines))
    if lines and args.exit_code:
        raise SystemExit(ExitCode.DIFFERENT)


@shows
def pinning_policy_explain(args: Namespace) -> None:
    """Show the policies that apply to a Dag, and what its candidate does not meet."""
    actor = requested_change(Namespace(**vars(args), reason="", idempotency_key=None)).caller.name
    with create_session(scoped=False) as session:
        found = explain(args.dag_id, version_number=args.version_number, actor=actor, session=session)
    about = found.version.label if found.version else "no version"
    merged = found.merged
    rows = properties(
        {
            "dag_id": found.dag_id,
            "version": about,
            "policies": ", ".join(found.policies) or "none",
            "revision": found.revision,
            **{
                f"requires {name}": yaml.safe_dump(rule, default_flow_style=True).strip()
                for name, rule in merged.items()
                if rule
            },
            **({"gate": "new Dags must be pinned, but this one is not"} if found.passes_gate else {}),
            "allowed": "yes" if found.allowed else "no",
            **{f"not met ({number})": problem.message for number, problem in enumerate(found.unmet, 1)},
        }
    )
    answer = {
        "dag_id": found.dag_id,
        "revision": found.revision,
        "policies": list(found.policies),
        "rules": merged,
        "version": plain(found.version) if found.version else None,
        "passes_gate": found.passes_gate,
        "allowed": found.allowed,
        "unmet": [problem.as_dict() for problem in found.unmet],
    }
    show(args.output, answer, rows)


@changes
def pinning_policy_apply(args: Namespace) -> None:
    """Apply the policies of a file."""
    document = _read(args.file)
    change = requested_change(args)
    require_answerable(args)
    with create_session(scoped=False) as session:
        before = store.current(session=session)
        _tell(difference_of(before.document, document), before.revision)
        _warn(document, session=session)
        if args.dry_run or not args.yes:
            rehearsed = rehearse(lambda: store.apply(document, change, session=session), session=session)
            if args.dry_run or not rehearsed.changed:
                _show(args, rehearsed)
                return
            confirm()
            if change.expected_revision is None:
                change = replace(change, expected_revision=before.revision)
        after = commit(lambda: store.apply(document, change, session=session), session=session)
    note_committed(args)
    say_styled(f"Done (revision {after.revision} of the policies).", "green")
    _show(args, after)


def _warn(document: dict[str, Any], *, session: Session) -> None:
    for doubt in check.check(PolicySet.from_dict(0, document), database_clock(session=session), session=session):
        say_styled(f"Warning: {doubt.message}", "yellow")


def _read(name: str) -> dict[str, Any]:
    return read_file(name, policy_text.read, most=MAX_POLICY_BYTES)


def _tell(lines: list[str], revision: int) -> None:
    if not lines:
        say(f"No change: revision {revision} is already in force.")
        return
    for line in lines:
        say(line)


def _lines(lines: list[str]) -> list[Row]:
    return [{"difference": line} for line in lines]


def _show(args: Namespace, applied: store.Applied) -> None:
    show(args.output, plain(applied), [_row(policy) for policy in applied.document["policies"]])


def _row(policy: dict[str, Any]) -> Row:
    def short(value: Any) -> str:
        return yaml.safe_dump(value, default_flow_style=True, width=1000).strip() if value else ""

    return {
        "name": policy["name"],
        "match": short(policy["match"]),
        "windows": short(policy.get("windows")),
        "requires": short(policy.get("requires")),
        "exempt": ", ".join(policy.get("exempt", ["rollback"])) or "nothing",
    }
