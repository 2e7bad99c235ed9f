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
"""Put Dags on hold, and lift holds."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.change import confirm, requested_change, require_answerable, warn
from airflow_providers_pinning.cli.command import changes, note_committed
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import say_styled, show
from airflow_providers_pinning.cli.release import hold_words, short
from airflow_providers_pinning.cli.wording import Row, say
from airflow_providers_pinning.domain.changes import hold
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState


@changes
def pinning_hold(args: Namespace) -> None:
    """Put Dags on hold."""
    _change_all(
        args,
        lambda change, session: hold.hold_all(args.dag_id, change, until=args.until, session=session),
        lambda state: f"Dag {state.dag_id!r} is on hold{_end(state)}: only a rollback can change its active version.",
    )


@changes
def pinning_unhold(args: Namespace) -> None:
    """Lift the holds of Dags."""
    _change_all(
        args,
        lambda change, session: hold.unhold_all(args.dag_id, change, session=session),
        lambda state: f"Dag {state.dag_id!r} is not on hold: its active version can change again.",
    )


def _change_all(
    args: Namespace,
    action: Callable[[Change, Session], list[ReleaseState]],
    says: Callable[[ReleaseState], str],
) -> None:
    change = requested_change(args)
    require_answerable(args)
    with create_session(scoped=False) as session:
        if args.dry_run or not args.yes:
            states = rehearse(lambda: action(change, session), session=session)
            _tell(states, says)
            if args.dry_run:
                _show(args, states)
                return
            confirm()
        states = commit(lambda: action(change, session), session=session)
    note_committed(args)
    if args.yes:
        _tell(states, says)
    say_styled("Done.", "green")
    _show(args, states)


def _tell(states: list[ReleaseState], says: Callable[[ReleaseState], str]) -> None:
    for state in states:
        say(says(state))
        warn(state.warnings)


def _end(state: ReleaseState) -> str:
    return f" until {state.hold.until:%Y-%m-%d %H:%M:%S%z}" if state.hold and state.hold.until else ""


def _show(args: Namespace, states: list[ReleaseState]) -> None:
    show(args.output, [plain(state) for state in states], [_row(state) for state in states])


def _row(state: ReleaseState) -> Row:
    return {
        "dag_id": state.dag_id,
        "hold": hold_words(state.hold),
        "active": short(state.active),
        "revision": state.revision,
    }
