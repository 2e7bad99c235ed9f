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
"""How a command makes a change: rehearse it, show it, confirm it, then make exactly the change that was shown."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable
from dataclasses import dataclass, replace
from uuid import uuid4

from airflow.utils.net import get_hostname
from airflow.utils.platform import getuser
from airflow.utils.session import create_session
from rich.console import Console
from rich.prompt import Confirm
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.command import CommandError, note_committed, note_repair, note_repaired
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import say_styled, show
from airflow_providers_pinning.cli.release import repaired_words, state_rows
from airflow_providers_pinning.cli.wording import say
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, Repetition, release_state
from airflow_providers_pinning.domain.policies.seen import SeenRules, seen_rules
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.vocabulary import MAX_ID, CallerKind, ExitCode

ACTOR_VARIABLE = "AIRFLOW_PINNING_ACTOR"
"""Environment variable with the name of the user who makes changes, for services and shared shells."""


@dataclass(frozen=True)
class Effect:
    """The release state before and after a change."""

    before: ReleaseState
    after: ReleaseState
    about: VersionIdentity | None = None
    """The version that is judged, for changes that do not select one."""
    rules: SeenRules | None = None
    """The release rules that the change was checked against."""

    def is_as_shown(self, shown: Effect) -> bool:
        """Return whether this is the change that the user confirmed."""
        return self._chosen == shown._chosen

    @property
    def _chosen(self) -> tuple[VersionIdentity | None, ...]:
        later = self.after.pending
        return self.before.active, self.after.active, self.about, later.version if later else None

    def __str__(self) -> str:
        was, becomes = self.before.active, self.after.active
        if was == becomes:
            return f"New runs of Dag {self.after.dag_id!r} keep using {_label(becomes)}."
        if was and becomes and was.version_number == becomes.version_number:
            return f"New runs of Dag {self.after.dag_id!r} keep using {_label(becomes)}; its code was {_code(was)}."
        return f"New runs of Dag {self.after.dag_id!r} use {_label(becomes)} instead of {_label(was)}."


def later_words(effect: Effect) -> str:
    """Describe the pending changes line by line."""
    later = effect.after.pending
    if later is None:
        return ""
    what = (
        f"{_label(later.version)} instead of it"
        if later.version
        else ("the latest version, because the Dag is no longer pinned")
    )
    return f"Runs due at {later.effective_from.isoformat()} or later use {what}."


def requested_change(args: Namespace) -> Change:
    """Return who makes a change, why, and under which conditions."""
    user = getuser()
    named = getattr(args, "actor", None) or os.environ.get(ACTOR_VARIABLE, "").strip()[:MAX_ID] or None
    source = {"hostname": get_hostname(), "os_user": user}
    return Change(
        caller=Caller(named or user, CallerKind.CLI, source),
        reason=args.reason,
        expected_revision=getattr(args, "expected_revision", None),
        expected_dag_hash=getattr(args, "expected_dag_hash", None),
        expected_bundle_version=getattr(args, "expected_bundle_version", None),
        expected_policy_revision=getattr(args, "expected_policy_revision", None),
        idempotency_key=args.idempotency_key,
        override_reason=getattr(args, "override_reason", None),
        effective_from=getattr(args, "effective_from", None),
        supersede=bool(getattr(args, "supersede", False)),
    )


def bound_to(rules: SeenRules | None, change: Change) -> Change:
    """Return a change that overrides no other rules than those that were shown to the user."""
    if rules is None or not change.override_reason:
        return change
    expected = change.expected_policy_revision
    return replace(
        change,
        expected_policy_revision=rules.policy_revision if expected is None else expected,
        expected_freeze_id=rules.freeze_id,
    )


def make_change(
    args: Namespace,
    action: Callable[[Change, Session], ReleaseState],
    *,
    about: Callable[[Session], VersionIdentity | None] = lambda session: None,
    also: Callable[[Effect], str] | None = None,
    finish: Callable[[ReleaseState, Session], ReleaseState] | None = None,
) -> None:
    """
    Make a change and show the resulting release state.

    :param args: the command's arguments
    :param action: makes the change in a session, without committing it
    :param about: finds the judged version in the transaction of the action, which locks the Dag
    :param also: describes side effects beyond the active version
    :param finish: repairs runs after the commit. Running the command again would make such a change twice, so it gets
        an idempotency key
    """
    change = requested_change(args)
    if finish and change.idempotency_key is None:
        args.made_key = f"cli-{uuid4()}"
        change = replace(change, idempotency_key=args.made_key)
    require_answerable(args)
    with create_session(scoped=False) as session:

        def run() -> Effect:
            before = release_state(args.dag_id, session=session)
            after = action(change, session)
            # The rules stay as they are until the rehearsal is undone.
            effect = Effect(before, after, about(session), seen_rules(session=session))
            if shown is not None and not effect.is_as_shown(shown):
                raise CommandError(
                    ExitCode.REFUSED,
                    (
                        "changed_meanwhile: another version was parsed in the meantime, so no change was made. It "
                        f"would now be: {effect} "
                    )
                    + (f"It affects {effect.about.label}. " if effect.about else "")
                    + "Review the change, then run the command again.",
                )
            return effect

        shown: Effect | None = None

        if args.dry_run or not args.yes:
            rehearsed = rehearse(run, session=session)
            _tell(rehearsed, also)
            if rehearsed.after.repeated and finish and not args.dry_run:
                session.rollback()
                state = _repair(args, rehearsed.after, change, finish, session=session)
                _tell_repaired(args, state, change)
                return
            if args.dry_run or rehearsed.after.repeated:
                _show(args, rehearsed.after)
                return
            confirm()
            shown = rehearsed
            if change.expected_revision is None:
                change = replace(change, expected_revision=shown.before.revision)
            change = bound_to(shown.rules, change)
        effect = commit(run, session=session)
        note_committed(args)
        # No output before the runs are repaired: a broken pipe must not stop the repair.
        state = _repair(args, effect.after, change, finish, session=session) if finish else effect.after
    if args.yes:
        _tell(effect, also)
    if not effect.after.repeated:
        say_styled(f"Done (revision {effect.after.revision}).", "green")
    _tell_repaired(args, state, change)


def _repair(
    args: Namespace,
    state: ReleaseState,
    change: Change,
    finish: Callable[[ReleaseState, Session], ReleaseState],
    *,
    session: Session,
) -> ReleaseState:
    """Repair runs; if that is interrupted, the message says how to continue."""
    if state.repair is None or not (state.repair.canceled or state.repair.rerun):
        return state
    note_repair(args, state.repeated.revision if state.repeated else state.revision, change.idempotency_key or "")
    state = finish(state, session)
    note_repaired(args)
    return state


def _tell_repaired(args: Namespace, state: ReleaseState, change: Change) -> None:
    """
    Report the repaired runs, and show the state.

    :raises SystemExit: if some runs are not repaired yet
    """
    pending = state.repair.pending if state.repair else 0
    for line in repaired_words(state.repair) if state.repair else ():
        say(line)
    if pending:
        say(
            f"{plural(pending, 'run')} {'is' if pending == 1 else 'are'} not repaired yet. Run the command again with "
            f"--idempotency-key {change.idempotency_key} to continue."
        )
    _show(args, state)
    if pending:
        raise SystemExit(ExitCode.PROGRESSING)


def require_answerable(args: Namespace) -> None:
    """
    Check that confirmation is possible, before looking anything up.

    :raises CommandError: if it is not
    """
    if not (args.yes or args.dry_run or sys.stdin.isatty()):
        raise CommandError(
            ExitCode.NOT_CONFIRMED,
            "not_confirmed: confirmation needed, but stdin is not a terminal. Use --yes to skip the prompt, "
            "or --dry-run to preview.",
        )


def confirm() -> None:
    """
    Ask for confirmation.

    :raises CommandError: if the answer is not yes
    """
    try:
        agreed = Confirm.ask("Make this change?", console=Console(stderr=True), default=False)
    except (EOFError, KeyboardInterrupt) as end:
        # The cursor is still behind the question.
        say("")
        if isinstance(end, KeyboardInterrupt):
            raise
        agreed = False
    if not agreed:
        raise CommandError(ExitCode.NOT_CONFIRMED, "not_confirmed: no change made.")


def warn(warnings: tuple[str, ...]) -> None:
    """Show warnings."""
    for warning in warnings:
        say_styled(f"Warning: {warning}", "yellow")


def _label(version: VersionIdentity | None) -> str:
    return version.label if version else "no version"


def _code(version: VersionIdentity) -> str:
    return f"bundle {version.bundle_name!r} at {version.bundle_version or 'no version'} with hash {version.dag_hash}"


def tell_repeated(repeated: Repetition) -> None:
    """Report that the same command already made the change."""
    version = f" (version {repeated.version.version_number})" if repeated.version else ""
    say_styled(f"Already applied at revision {repeated.revision}{version}. No change made.", "green")


def _tell(effect: Effect, also: Callable[[Effect], str] | None) -> None:
    if effect.after.repeated:
        tell_repeated(effect.after.repeated)
    else:
        say(str(effect))
        # Line by line, because a line break within one is shown as an escape sequence.
        for line in also(effect).splitlines() if also else ():
            say(line)
    warn(effect.after.warnings)


def _show(args: Namespace, state: ReleaseState) -> None:
    show(args.output, plain(state), state_rows(state))
