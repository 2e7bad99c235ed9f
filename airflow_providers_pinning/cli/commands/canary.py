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
"""Canary runs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Mapping
from dataclasses import replace

from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.state import DagRunState, State
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.change import confirm, requested_change, require_answerable, tell_repeated, warn
from airflow_providers_pinning.cli.command import CommandError, changes, note_committed
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import show
from airflow_providers_pinning.cli.release import short
from airflow_providers_pinning.cli.waiting import look_until
from airflow_providers_pinning.cli.wording import say
from airflow_providers_pinning.domain.canaries.delays import cost_of_shared_slots
from airflow_providers_pinning.domain.canaries.isolation import Isolation, settle
from airflow_providers_pinning.domain.canaries.replays import Replay
from airflow_providers_pinning.domain.canaries.substitutes import warn_of_workers
from airflow_providers_pinning.domain.changes import canary, conditions, preconditions
from airflow_providers_pinning.domain.changes.baseline_replays import require_baseline
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, CanaryRuns
from airflow_providers_pinning.domain.changes.canary_runs import new_run_ids
from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.dag_model.stored_dags import read_dag
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring import attestation
from airflow_providers_pinning.domain.policies.canaries import with_policies
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.domain.versions.identity import (
    VersionIdentity,
    find_version,
    pinned_identity,
    require_dag,
)
from airflow_providers_pinning.models import Pin
from airflow_providers_pinning.vocabulary import MAX_REPLAYS, Alerts, Assets, ExitCode, Slots, StateWrites, Triggers

DELETED = "deleted"
"""Shown instead of the state of a deleted run, which never finishes."""


@changes
def pinning_canary(args: Namespace) -> None:
    """Start runs of a version while the active version stays."""
    change = requested_change(args)
    require_answerable(args)
    request = CanaryRequest(
        args.version_number,
        args.count,
        args.conf,
        args.note or args.reason,
        isolation=_isolation(args),
        replay=_replay(args),
        partition_key=args.partition_key,
    )
    with create_session(scoped=False) as session:
        runs = canary.find_created(args.dag_id, request, change, session=session)
        if runs is None and (args.dry_run or not args.yes):
            version = _preview(args, request, change, session=session)
            if args.dry_run:
                return
            confirm()
            change = replace(change, expected_dag_hash=version.dag_hash, expected_bundle_version=version.bundle_version)
        if runs is None:
            runs = commit(
                lambda: canary.create_canary_runs(args.dag_id, request, change, session=session), session=session
            )
    if not args.wait:
        note_committed(args)
    if runs.repeated:
        tell_repeated(runs.repeated)
    warn(runs.warnings)
    if args.dry_run:
        return
    states: Mapping[str, str] = {}
    if args.wait:
        say(f"Waiting for {plural(len(runs.run_ids), 'run')} ...")
        states = look_until(_are_finished, lambda session: _states(runs, session=session), timeout=args.timeout)
    note_committed(args)
    try:
        _show(args, runs, states)
    finally:
        if args.wait:
            _end_as(runs, states)


def _isolation(args: Namespace) -> Isolation:
    return Isolation(
        assets=Assets(args.assets or Assets.WITHHOLD),
        alerts=Alerts(args.alerts or Alerts.WITHHOLD),
        triggers=Triggers(args.triggers or Triggers.REFUSE),
        slots=Slots(args.slots) if args.slots else None,
        pool=args.pool,
        queue=args.queue,
        executor=args.executor,
        state=StateWrites(args.state or StateWrites.WITHHOLD),
        connections=dict(args.connection or ()),
        variables=dict(args.variable or ()),
    )


def _replay(args: Namespace) -> Replay | None:
    if not (args.replay or args.replay_last):
        if args.replay_baseline:
            raise CommandError(ExitCode.USAGE, "--replay-baseline needs --replay or --replay-last.")
        return None
    inputs = (args.conf, args.partition_key)
    if (args.replay and args.replay_last) or args.count != 1 or inputs != (None, None):
        raise CommandError(
            ExitCode.USAGE,
            "Use either --replay or --replay-last, without --count, --conf and --partition-key: a replay uses its "
            "original's conf and partition.",
        )
    runs = tuple(args.replay or ())
    if len(set(runs)) < len(runs):
        raise CommandError(ExitCode.USAGE, "The same run is given twice with --replay.")
    if len(runs) > MAX_REPLAYS:
        raise CommandError(
            ExitCode.USAGE,
            f"--replay takes at most {MAX_REPLAYS} runs, not {len(runs)}.",
        )
    return Replay(runs, args.replay_last, args.replay_baseline)


def _preview(args: Namespace, request: CanaryRequest, change: Change, *, session: Session) -> VersionIdentity:
    """Check what can be checked without creating runs, which would notify Airflow's listeners and metrics."""
    dag_model = require_dag(args.dag_id, session=session)
    version = find_version(args.dag_id, version_number=args.version_number, session=session)
    conditions.check_expected(args.dag_id, version, change)
    preconditions.check_pinnable(args.dag_id, version, change, session=session)
    attestation.require_enforcement(session=session)
    dag = read_dag(version, dag_id=args.dag_id, session=session)
    by_policy = with_policies(args.dag_id, version, request.isolation, change, session=session)
    settled = settle(by_policy.isolation, dag, dag_model.max_active_runs, session=session)
    replayed = canary.runs_to_replay(dag_model, request.replay, session.get(Pin, args.dag_id), session=session)
    count = len(replayed) or args.count
    if args.replay_baseline:
        require_baseline(args.dag_id, version, pinned_identity(session.get(Pin, args.dag_id)))
    costs = cost_of_shared_slots(dag_model, settled, count, session=session)
    runs = new_run_ids(args.dag_id, version, count)
    shape = canary.shape_of(dag, version, runs, request, replayed, dag_model, session=session)
    session.rollback()
    warn((*by_policy.warnings, *costs, *warn_of_workers(settled), *shape.warnings))
    beside = f", and {plural(count, 'replay')} of the same runs by the active version" if args.replay_baseline else ""
    say(
        f"This starts {plural(count, 'run')} of Dag {args.dag_id!r} with {version.label}{beside}. Canary tasks have "
        "real side effects. The active version stays."
    )
    return version


def _states(runs: CanaryRuns, *, session: Session) -> dict[str, str]:
    run_ids = (*runs.run_ids, *runs.baseline_replays)
    query = select(DagRun.run_id, DagRun.state).where(DagRun.dag_id == runs.dag_id, DagRun.run_id.in_(run_ids))
    found = {row.run_id: str(row.state) for row in session.execute(query)}
    return {run_id: found.get(run_id, DELETED) for run_id in run_ids}


def _are_finished(states: Mapping[str, str]) -> bool:
    return all(state == DELETED or state in State.finished_dr_states for state in states.values())


def _end_as(runs: CanaryRuns, states: Mapping[str, str]) -> None:
    if not _are_finished(states):
        raise SystemExit(ExitCode.PROGRESSING)
    if any(states[run_id] != DagRunState.SUCCESS for run_id in runs.run_ids):
        raise SystemExit(ExitCode.FAILED)


def _show(args: Namespace, runs: CanaryRuns, states: Mapping[str, str]) -> None:
    show(
        args.output,
        {**plain(runs), **({"states": dict(states)} if states else {})},
        [
            {"run_id": run_id, "version": short(runs.version), **({"state": states[run_id]} if states else {})}
            for run_id in runs.run_ids
        ],
    )
