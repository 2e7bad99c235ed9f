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
"""``airflow pinning criteria`` and ``set-criteria``."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import replace

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.change import confirm, requested_change, require_answerable
from airflow_providers_pinning.cli.command import changes, note_committed, shows
from airflow_providers_pinning.cli.commands.soak import given_criteria
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import say_styled, show
from airflow_providers_pinning.cli.wording import properties, say
from airflow_providers_pinning.domain.changes.criteria import set_criteria
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.soak.criteria import StoredCriteria, criteria_of
from airflow_providers_pinning.domain.versions.identity import require_dag


@shows
def pinning_criteria(args: Namespace) -> None:
    """Show the criteria of a Dag."""
    with create_session(scoped=False) as session:
        require_dag(args.dag_id, session=session)
        stored = criteria_of(args.dag_id, session=session)
    _show(args, stored)


@changes
def pinning_set_criteria(args: Namespace) -> None:
    """Replace the criteria of a Dag."""
    change = requested_change(args)
    given = given_criteria(args)
    require_answerable(args)
    with create_session(scoped=False) as session:
        before = criteria_of(args.dag_id, session=session)
        rehearsed = rehearse(lambda: set_criteria(args.dag_id, given, change, session=session), session=session)
        say(f"Versions of Dag {args.dag_id!r} are judged by {_named(rehearsed)} instead of {_named(before)}.")
        if args.dry_run:
            _show(args, rehearsed)
            return
        if not args.yes:
            confirm()
            if change.expected_revision is None:
                change = replace(change, expected_revision=before.revision)
        after = commit(lambda: set_criteria(args.dag_id, given, change, session=session), session=session)
    note_committed(args)
    say_styled(f"Done: revision {after.revision} of the criteria.", "green")
    _show(args, after)


def _named(criteria: StoredCriteria) -> str:
    return ", ".join(f"{name}={value}" for name, value in criteria.stored.items()) or "the defaults"


def _show(args: Namespace, stored: StoredCriteria) -> None:
    own = {name: f"{value} (of the Dag)" for name, value in stored.stored.items()}
    shown = {name: own.get(name, value) for name, value in stored.criteria.items()}
    show(
        args.output,
        plain(stored),
        properties(
            {
                "dag_id": stored.dag_id,
                **shown,
                **own,
                "revision": stored.revision,
                "set by": stored.actor,
                "reason": stored.reason,
            }
        ),
    )
