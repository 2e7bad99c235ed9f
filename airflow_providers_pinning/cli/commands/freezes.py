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
"""Freezes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from airflow.utils.session import create_session
from sqlalchemy.orm import Session

from airflow_providers_pinning.cli.change import confirm, requested_change, require_answerable
from airflow_providers_pinning.cli.command import changes, note_committed, shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import say_styled, show
from airflow_providers_pinning.cli.wording import Row, say
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies import freezes
from airflow_providers_pinning.domain.policies.model import Match
from airflow_providers_pinning.domain.policies.views import FreezeView


@shows
def pinning_freezes(args: Namespace) -> None:
    """List freezes."""
    with create_session(scoped=False) as session:
        listed = freezes.list_freezes(over=args.all, limit=args.limit, session=session)
    show(args.output, [plain(one) for one in listed], [_row(one) for one in listed])


@changes
def pinning_freeze(args: Namespace) -> None:
    """Freeze changes."""
    match = Match.from_dict({kind: getattr(args, kind) for kind in ("tags", "bundles", "dag_ids", "teams", "owners")})

    def make(change: Change, session: Session) -> FreezeView:
        return freezes.freeze(change, match=match, until=args.until, session=session)

    _change(args, make, lambda one: f"Stops all changes except rollbacks of {_which(one)}{_end(one)}.")


@changes
def pinning_thaw(args: Namespace) -> None:
    """Lift a freeze."""

    def make(change: Change, session: Session) -> FreezeView:
        return freezes.thaw(args.freeze_id, change, session=session)

    _change(args, make, lambda one: f"Freeze {one.id} ({one.reason}) no longer stops changes of {_which(one)}.")


def _change(args: Namespace, make: Callable[[Change, Session], FreezeView], says: Callable[[FreezeView], str]) -> None:
    change = requested_change(args)
    require_answerable(args)
    with create_session(scoped=False) as session:
        if args.dry_run or not args.yes:
            rehearsed = rehearse(lambda: make(change, session), session=session)
            say(says(rehearsed))
            if args.dry_run:
                _show(args, rehearsed)
                return
            confirm()
        done = commit(lambda: make(change, session), session=session)
    note_committed(args)
    if args.yes:
        say(says(done))
    say_styled(f"Done (freeze {done.id}).", "green")
    _show(args, done)


def _show(args: Namespace, one: FreezeView) -> None:
    show(args.output, plain(one), [_row(one)])


def _which(one: FreezeView) -> str:
    lists = "; ".join(f"{kind} {', '.join(named)}" for kind, named in one.match.items())
    return f"Dags that match {lists}" if lists else "every Dag"


def _end(one: FreezeView) -> str:
    return f" until {one.until:%Y-%m-%d %H:%M:%S%z}" if one.until else " until it is lifted"


def _row(one: FreezeView) -> Row:
    return {
        "id": one.id,
        "dags": _which(one),
        "reason": one.reason,
        "actor": one.actor,
        "since": one.created_at,
        "until": one.until or "lifted",
        "lifted": f"by {one.lifted_by}: {one.lift_reason}" if one.lifted_at else None,
    }
