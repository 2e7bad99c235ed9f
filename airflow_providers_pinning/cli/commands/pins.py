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
"""The pin of a Dag."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.change import Effect, later_words, make_change
from airflow_providers_pinning.cli.command import CommandError, changes, shows
from airflow_providers_pinning.cli.commands.releases import make_release, moment_of, selection
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import progress_of, show
from airflow_providers_pinning.cli.release import repair_words, state_rows
from airflow_providers_pinning.cli.wording import say
from airflow_providers_pinning.domain.changes import pins, rollback, timed
from airflow_providers_pinning.domain.changes.acknowledgement import acknowledge_runs
from airflow_providers_pinning.domain.changes.affected_runs import RunRepair
from airflow_providers_pinning.domain.history.events import Caller
from airflow_providers_pinning.domain.monitoring.health import HealthStatus
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.releases.request import ReleaseRequest
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.vocabulary import (
    CallerKind,
    ExitCode,
    FinishedRuns,
    ReleaseAction,
    ReleaseScope,
    UnfinishedRuns,
)


@shows
def pinning_status(args: Namespace) -> None:
    """Show the release state. Exit with an error code if the pin is not enforced or its runs fail."""
    with create_session(scoped=False) as session:
        state = release_state(args.dag_id, thorough=True, session=session)
        failing = state.runs is not None and state.runs.failing
        caller = Caller("status", CallerKind.CLI)
        previous = rollback.target_of_rollback(args.dag_id, caller, session=session).version if failing else None
    show(args.output, plain(state), state_rows(state))
    if state.health.status != HealthStatus.HEALTHY:
        raise SystemExit(ExitCode.UNHEALTHY)
    if failing:
        _say_what_to_do(args.dag_id, previous)
        raise SystemExit(ExitCode.FAILED)


def _say_what_to_do(dag_id: str, previous: VersionIdentity | None) -> None:
    """Say which commands show why a Dag fails and what changed, and which one goes back."""
    say("The newest run since the pin failed.")
    say(f"  Why:            airflow pinning failures {dag_id}")
    if previous is None:
        return
    say(f"  What changed:   airflow pinning compare {dag_id} --from-version {previous.version_number}")
    say(f"  Go back:        airflow pinning rollback {dag_id} -r REASON")
    say("  ... and repair: --unfinished cancel --finished rerun --only-failed")


@changes
def pinning_pin(args: Namespace) -> None:
    """Pin a version, or the matching version of all Dags that match."""
    if args.match:
        _require_no_single_dag(args, ("version_number", "dag_version_id", "expected_revision", "expected_dag_hash"))
        if args.newest and args.bundle_version is not None:
            raise CommandError(ExitCode.USAGE, "usage: use at most one of --newest and --bundle-version.")
        make_release(
            args,
            ReleaseRequest(
                selection=selection(args),
                bundle_version=args.bundle_version,
                latest=args.bundle_version is None and not args.newest,
                newest=args.newest,
                scope=ReleaseScope.ALL,
                effective_from=moment_of(args),
            ),
        )
        return
    _require_dag(args)
    if [args.version_number, args.dag_version_id, args.bundle_version].count(None) != 2:
        raise CommandError(
            ExitCode.USAGE, "usage: use exactly one of --version-number, --dag-version-id and --bundle-version."
        )
    target = pins.Target.of(args)
    make_change(
        args,
        lambda change, session: timed.pin_version(
            args.dag_id, target, change, ignore_verdict=args.ignore_verdict, session=session
        ),
        also=later_words,
    )


@changes
def pinning_unpin(args: Namespace) -> None:
    """Remove the pin of a Dag, or of all Dags that match."""
    if args.match:
        _require_no_single_dag(
            args, ("expected_revision", "expected_dag_hash", "expected_bundle_version", "effective_from")
        )
        make_release(args, ReleaseRequest(action=ReleaseAction.UNPIN, selection=selection(args)))
        return
    _require_dag(args)
    make_change(args, lambda change, session: timed.unpin(args.dag_id, change, session=session), also=later_words)


def _require_dag(args: Namespace) -> None:
    if args.dag_id is None or args.exclude or getattr(args, "newest", False):
        raise CommandError(
            ExitCode.USAGE, "usage: give a Dag ID, or select Dags with --match, which --exclude and --newest need."
        )


def _require_no_single_dag(args: Namespace, conditions: Collection[str]) -> None:
    if args.dag_id is not None:
        raise CommandError(ExitCode.USAGE, "usage: give a Dag ID, or select Dags with --match, but not both.")
    if given := [name for name in conditions if getattr(args, name) is not None]:
        options = ", ".join(f"--{name.replace('_', '-')}" for name in given)
        raise CommandError(ExitCode.USAGE, f"usage: {options} applies to one Dag and cannot be combined with --match.")


@changes
def pinning_rollback(args: Namespace) -> None:
    """Pin the previously active version."""

    def also(effect: Effect) -> str:
        if effect.after.pending:
            return later_words(effect)
        current = effect.before.active.version_number if effect.before.active else None
        fate = "can still be pinned" if args.keep_current else "is rejected: it cannot be pinned until it is restored"
        held = " The Dag is put on hold." if args.hold else ""
        return f"Version {current} {fate}.{held}\n{repair_words(effect.after.repair, repair)}".rstrip()

    if args.match:
        _roll_back_matching(args)
        return
    _require_dag(args)
    if args.hold_until and not args.hold:
        raise CommandError(ExitCode.USAGE, "usage: --hold-until needs --hold.")
    repair = RunRepair(
        UnfinishedRuns(args.unfinished),
        FinishedRuns(args.finished),
        since=args.runs_since,
        only_failed=args.only_failed,
        skip_blocked=args.skip_blocked,
    )
    if args.effective_from and repair.is_wanted:
        raise CommandError(ExitCode.USAGE, "usage: a rollback with --effective-from cannot repair runs.")
    with progress_of("Repairing runs") as progress:
        make_change(
            args,
            lambda change, session: timed.roll_back(
                args.dag_id,
                change,
                to_version=args.to_version,
                reject_current=not args.keep_current,
                hold=args.hold,
                hold_until=args.hold_until,
                repair=repair,
                session=session,
            ),
            also=also,
            finish=lambda state, session: rollback.repair_runs(state, progress=progress, session=session),
        )


def _roll_back_matching(args: Namespace) -> None:
    of_one_dag = ("to_version", "hold_until", "runs_since", "expected_revision", "effective_from")
    _require_no_single_dag(args, of_one_dag)
    switches = [name for name in ("keep_current", "hold", "only_failed", "skip_blocked") if getattr(args, name)]
    repairs = args.unfinished != UnfinishedRuns.KEEP.value or args.finished != FinishedRuns.KEEP.value
    if switches or repairs:
        raise CommandError(
            ExitCode.USAGE,
            "usage: with --match no version is rejected, no Dag is put on hold, and runs are kept. Hold and repair "
            "the Dags one by one.",
        )
    make_release(args, ReleaseRequest(action=ReleaseAction.ROLLBACK, selection=selection(args)))


@changes
def pinning_acknowledge(args: Namespace) -> None:
    """Stop reporting escaped runs."""
    make_change(
        args,
        lambda change, session: acknowledge_runs(args.dag_id, args.run_id, change, session=session),
        also=lambda effect: "The escaped runs are no longer reported. The runs themselves do not change.",
    )
