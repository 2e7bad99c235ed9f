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
"""Change the pins of many Dags in one transaction."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.change import (
    bound_to,
    confirm,
    requested_change,
    require_answerable,
    warn,
)
from airflow_providers_pinning.cli.command import CommandError, changes, note_committed, shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.lists import show_list
from airflow_providers_pinning.cli.output import progress_of, say_styled, show
from airflow_providers_pinning.cli.release import short
from airflow_providers_pinning.cli.wording import Row, say
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.seen import SeenRules
from airflow_providers_pinning.domain.releases import lists, release, rollback
from airflow_providers_pinning.domain.releases.apply import UNLISTED
from airflow_providers_pinning.domain.releases.ledger import refuse_blocked
from airflow_providers_pinning.domain.releases.plan import PlannedDag, ReleaseReport
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest, Selection
from airflow_providers_pinning.domain.releases.work import Progress
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.vocabulary import ExitCode, ReleaseAction, ReleaseOutcome, ReleaseScope

EVERYTHING = Access()
"""Commands on a host of the deployment may change every Dag."""

Plan = Callable[[Change, Session], ReleaseReport]
Make = Callable[[Change, Progress, Session], ReleaseReport]


@changes
def pinning_release(args: Namespace) -> None:
    """Pin many Dags to a commit."""
    if not args.commit:
        raise CommandError(ExitCode.USAGE, "usage: give the commit with --commit.")
    if args.pinned and args.all:
        raise CommandError(ExitCode.USAGE, "usage: use at most one of --pinned and --all.")
    scope = ReleaseScope.ALL if args.all else ReleaseScope.PINNED if args.pinned else ReleaseScope.CHANGED
    request = ReleaseRequest(
        selection=selection(args),
        bundle_name=args.bundle,
        bundle_version=args.commit,
        scope=scope,
        effective_from=moment_of(args),
    )
    make_release(args, request)


@changes
def pinning_rollback_release(args: Namespace) -> None:
    """Restore what was active before a release."""
    request = rollback.RollbackRequest(args.release_id, leave_moved=args.leave_moved, exclude=tuple(args.exclude or ()))
    make_planned(
        args,
        lambda change, session: rollback.plan_rollback(request, change, EVERYTHING, session=session),
        lambda change, progress, session: rollback.roll_back_release(
            request, change, EVERYTHING, progress=progress, session=session
        ),
    )


@shows
def pinning_releases(args: Namespace) -> None:
    """List the releases, or show one with its Dags."""
    with create_session(scoped=False) as session:
        if args.release_id:
            report = lists.read_release(args.release_id, EVERYTHING, session=session).report
            _say_counts(report)
            warn(report.warnings)
            _show(args, report)
            return
        listed, total = lists.list_releases(
            lists.ReleaseFilter(args.dag_id, args.commit),
            EVERYTHING,
            limit=args.limit,
            offset=args.offset,
            session=session,
        )
        shown, rows = [_summary(one) for one in listed], [_release_row(one) for one in listed]
    show_list(args, shown, rows, total)


def moment_of(args: Namespace) -> datetime | None:
    """Return when a release takes effect, in UTC."""
    moment: datetime | None = args.effective_from
    return moment.astimezone(timezone.utc) if moment else None


def selection(args: Namespace) -> Selection:
    """Return the Dags that the arguments select."""
    found: dict[str, list[str]] = {"tag": [], "bundle": [], "owner": [], "dag-id": []}
    for kind, wanted in args.match or ():
        found[kind].append(wanted)
    named = getattr(args, "dag_id", None)
    return Selection(
        dag_ids=tuple(named) if isinstance(named, list) else None,
        tags=tuple(found["tag"]),
        bundles=tuple(found["bundle"]),
        owners=tuple(found["owner"]),
        dag_id_patterns=tuple(found["dag-id"]),
        exclude=tuple(getattr(args, "exclude", None) or ()),
    )


def make_release(args: Namespace, request: ReleaseRequest) -> None:
    """Plan a release, show it, ask for confirmation, and make it."""
    make_planned(
        args,
        lambda change, session: release.plan_release(request, change, EVERYTHING, session=session),
        lambda change, progress, session: release.make_release(
            request, change, EVERYTHING, progress=progress, session=session
        ),
    )


def make_planned(args: Namespace, plan: Plan, make: Make) -> None:
    """Show what a change of many Dags would do, ask, and make it."""
    change = requested_change(args)
    require_answerable(args)
    shown: ReleaseReport | None = None
    with create_session(scoped=False) as session, progress_of("Changing pins") as progress:
        if args.dry_run or not args.yes:
            shown = plan(change, session)
            session.rollback()
            _say_plan(shown)
            if args.dry_run:
                _show(args, shown)
                _end_with_plan(args, shown)
                return
            refuse_blocked(shown)
            if shown.action is ReleaseAction.APPLY and not shown.of(ReleaseOutcome.CHANGED):
                _show(args, shown)
                return
            confirm()
            if shown.policy_revision is not None and shown.freeze_id is not None:
                change = bound_to(SeenRules(shown.policy_revision, shown.freeze_id), change)

        def run() -> ReleaseReport:
            made = make(change, progress, session)
            if shown is not None and not made.repeated and _targets(made) != _targets(shown):
                raise CommandError(
                    ExitCode.REFUSED,
                    "changed_meanwhile: the affected Dags or versions have changed, so no change was made. Run "
                    "the command again to review them.",
                )
            return made

        report = commit(run, session=session)
    note_committed(args)
    if report.repeated:
        say_styled(f"Already applied as release {report.release_id}. No change made.", "green")
    else:
        if args.yes:
            _say_plan(report)
        if report.release_id is not None:
            say_styled(f"Done (release {report.release_id}).", "green")
    _show(args, report)


def _end_with_plan(args: Namespace, shown: ReleaseReport) -> None:
    if shown.of(ReleaseOutcome.BLOCKED):
        raise SystemExit(ExitCode.REFUSED)
    if getattr(args, "exit_code", False) and shown.of(ReleaseOutcome.CHANGED):
        raise SystemExit(ExitCode.DIFFERENT)


def _targets(report: ReleaseReport) -> set[tuple[str, Any]]:
    return {(dag.dag_id, dag.to_version and dag.to_version.dag_version_id) for dag in report.concerned}


def _say_plan(report: ReleaseReport) -> None:
    _say_counts(report)
    for dag in report.of(ReleaseOutcome.BLOCKED):
        say_styled(f"{dag.dag_id} blocks the release ({dag.reason}): {dag.message}", "red")
    for dag in report.dags:
        warn(tuple(f"{dag.dag_id}: {one}" for one in dag.warnings))
    warn(report.warnings)


def _say_counts(report: ReleaseReport) -> None:
    if report.action is ReleaseAction.APPLY:
        say(_changes_by_kind(report))
        return
    what = {
        ReleaseAction.PIN: "will be pinned to another version",
        ReleaseAction.UNPIN: "are unpinned",
        ReleaseAction.ROLLBACK: "will return to the previously active version",
    }[report.action]
    counts = report.counts
    if moment := report.effective_from:
        what += f" at {moment.isoformat()}"
    concerned = len(report.concerned) - counts.get("canceled", 0)
    parts = [f"{plural(concerned, 'Dag')} {what}", f"{counts['unchanged']} already up to date"]
    parts += [f"pending changes of {plural(counts['canceled'], 'Dag')} are canceled"] if "canceled" in counts else []
    parts += [f"{counts['failed']} could not be changed"] if "failed" in counts else []
    parts += [f"{counts['left']} skipped"] if counts["left"] else []
    parts += [f"{counts['blocked']} cannot be changed, which blocks the release"] if counts["blocked"] else []
    say(f"{', '.join(parts)}.")


def _changes_by_kind(report: ReleaseReport) -> str:
    changed = report.of(ReleaseOutcome.CHANGED)
    unpinned = sum(dag.reason == UNLISTED for dag in changed)
    added = sum(not dag.was_pinned for dag in changed)
    moved = len(changed) - unpinned - added
    counted = (
        (added, "pinned that was not", "pinned that were not"),
        (moved, "pinned to another version", "pinned to another version"),
        (unpinned, "unpinned", "unpinned"),
    )
    parts = [f"{plural(count, 'Dag')} {f'is {one}' if count == 1 else f'are {many}'}" for count, one, many in counted]
    parts = [part for part, (count, _, _) in zip(parts, counted, strict=True) if count] or ["No Dag changes"]
    parts.append(f"{report.counts['unchanged']} stay as they are")
    if blocked := report.counts["blocked"]:
        parts.append(f"{blocked} cannot be changed, so none is")
    return f"{', '.join(parts)}."


def _show(args: Namespace, report: ReleaseReport) -> None:
    data = {
        **plain(replace(report, dags=list(report.dags))),
        "status": plain(report.status),
        "total_entries": len(report.dags),
        "plan_hash": report.plan_hash,
    }
    show(args.output, data, [_dag_row(dag) for dag in report.dags])


def _dag_row(dag: PlannedDag) -> Row:
    return {
        "dag_id": dag.dag_id,
        "change": dag.outcome.value,
        "from": short(dag.from_version),
        "to": short(dag.to_version),
        "reason": dag.reason,
        "message": dag.message,
    }


def _summary(one: lists.ListedRelease) -> dict[str, Any]:
    names = ("action", "bundle_name", "bundle_version", "actor", "reason", "changed", "created_at", "effective_from")
    links = ("rolls_back", "rolled_back_by")
    return {
        "release_id": one.id,
        "status": one.status.value,
        **{name: plain(getattr(one, name)) for name in (*names, *links)},
    }


def _release_row(one: lists.ListedRelease) -> Row:
    return {
        "release_id": one.id,
        "action": one.action,
        "state": one.status.value,
        "dags": one.changed,
        "commit": one.bundle_version,
        "by": one.actor,
        "created_at": one.created_at,
        "effective_from": one.effective_from,
        "reason": one.reason,
    }
