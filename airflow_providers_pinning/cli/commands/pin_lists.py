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
"""The lists of pinned Dags and of others, and how many want attention."""

from __future__ import annotations

from argparse import Namespace

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.command import CommandError, shows
from airflow_providers_pinning.cli.commands.releases import selection
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.lists import show_list
from airflow_providers_pinning.cli.output import show
from airflow_providers_pinning.cli.release import behind, enforcement, short
from airflow_providers_pinning.cli.wording import Row
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, PinSummary, list_pins
from airflow_providers_pinning.domain.policies.inbox import inbox
from airflow_providers_pinning.domain.policies.model import Match
from airflow_providers_pinning.domain.policies.unapproved import narrow
from airflow_providers_pinning.domain.policies.unpinned import UnpinnedFilter, list_unpinned
from airflow_providers_pinning.vocabulary import ExitCode, InboxReason, PinOrder

ABOUT_PINS = ("behind", "unhealthy", "failing", "held", "waiting", "unapproved", "scheduled", "actor")
"""Filters that say nothing of a Dag without a pin."""

WANTED = {
    InboxReason.FAILING: "the newest run since the pin failed",
    InboxReason.UNHEALTHY: "the pin is not enforced, or needs attention",
    InboxReason.WAITING: "a newer candidate waits for a decision",
    InboxReason.UNAPPROVED: "a version waits for an approval",
    InboxReason.HELD: "on hold",
    InboxReason.SCHEDULED: "a change takes effect later",
}
"""Why a Dag wants attention, as people read it."""


@shows
def pinning_inbox(args: Namespace) -> None:
    """Show how many Dags want attention, and the command that lists them."""
    with create_session(scoped=False) as session:
        counts = inbox(session=session).as_dict()
    why = {reason.value: told for reason, told in WANTED.items()} | {"unpinned": "not pinned"}
    show(
        args.output,
        counts,
        [
            {"dags": count, "why": why[name], "list_them": f"airflow pinning list --{name}"}
            for name, count in counts.items()
        ],
    )


@shows
def pinning_list(args: Namespace) -> None:
    """List the Dags that are pinned, or those that are not."""
    if args.unpinned:
        _list_unpinned(args)
        return
    chosen = selection(args)
    with create_session(scoped=False) as session:
        among = narrow(args.unapproved, session=session)
    which = PinFilter(
        dag_id_pattern=args.dag_id_pattern,
        behind=args.behind,
        unhealthy=args.unhealthy,
        failing=args.failing,
        held=args.held,
        waiting=args.waiting,
        scheduled=args.scheduled,
        tags=chosen.tags,
        bundles=chosen.bundles,
        owners=chosen.owners,
        dag_id_globs=chosen.dag_id_patterns,
        actors=(args.actor,) if args.actor is not None else (),
        among=among,
    )
    with create_session(scoped=False) as session:
        listed, total = list_pins(
            which,
            order=PinOrder(args.order_by),
            descending=args.descending,
            limit=args.limit,
            offset=args.offset,
            session=session,
        )
    show_list(args, [plain(pin) for pin in listed], [_row(pin) for pin in listed], total)


def _list_unpinned(args: Namespace) -> None:
    about_pins = [name for name in ABOUT_PINS if getattr(args, name) is not None]
    if about_pins or args.descending or args.order_by != PinOrder.DAG_ID.value:
        raise CommandError(
            ExitCode.USAGE, "usage: --unpinned takes only the filters --dag-id-pattern and --match, and no order."
        )
    chosen = selection(args)
    match = Match(chosen.tags, chosen.bundles, chosen.dag_id_patterns, owners=chosen.owners)
    with create_session(scoped=False) as session:
        listed, total = list_unpinned(
            UnpinnedFilter(dag_id_pattern=args.dag_id_pattern, match=match),
            limit=args.limit,
            offset=args.offset,
            session=session,
        )
    rows = [
        {"dag_id": dag.dag_id, "bundle": dag.bundle_name, "latest": dag.latest, "gate": ", ".join(dag.gates)}
        for dag in listed
    ]
    show_list(args, [plain(dag) for dag in listed], rows, total)


def _row(pin: PinSummary) -> Row:
    return {
        "dag_id": pin.dag_id,
        "active": short(pin.active),
        "latest": pin.latest_version_number,
        "behind": behind(pin.versions_behind, pin.related_versions_behind),
        "enforcement": enforcement(pin.health),
        "runs": f"{pin.runs} (failing)" if pin.runs.failing else str(pin.runs),
        "head": pin.head.status.value,
        "on_hold": pin.hold is not None,
        "ramp": str(pin.ramp) if pin.ramp else "",
        "revision": pin.revision,
        "pinned_at": pin.pin.pinned_at,
        "actor": pin.pin.actor,
        "reason": pin.pin.reason,
    }
