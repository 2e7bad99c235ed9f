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
"""What happened in the deployment that the browser shows."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sqlalchemy.orm import Session

from tests.e2e import recorded_files
from tests.e2e.dags import ORDERS, plain
from tests.e2e.history import History, promotion, sha


class Told(NamedTuple):
    """Of a Dag, who pinned its version 1 and then its version 2, and why."""

    actor: str
    before: str
    now: str


UNAVAILABLE = "customers"
"""A Dag whose pinned commit cannot be had."""
GONE = "ledger"
"""A Dag whose pinned version was deleted."""
NEVER_PINNED = "newsletter"
UP_TO_DATE = ("inventory", "shipments", "taxes")
"""Dags whose newest version is pinned."""
TOLD = {
    "billing": Told("maria", "Freeze for the audit", "Month-end close is done"),
    UNAVAILABLE: Told("jan", "Freeze for the audit", "New fields for support"),
    "inventory": Told("promotion", "Approved by maria", "Approved by jan"),
    "invoices": Told("maria", "Freeze for the audit", "VAT of 2027"),
    GONE: Told("jan", "Freeze for the audit", "Reconciles twice a day"),
    "payments": Told("promotion", "Approved by maria", "Approved by maria: 5 of 5 canary runs succeeded"),
    "refunds": Told("maria", "Until the new bank is tested", "The new bank is tested"),
    "returns": Told("promotion", "Approved by jan", "Approved by jan: 3 of 3 canary runs succeeded"),
    "shipments": Told("jan", "Carrier outage", "Carrier is back"),
    "taxes": Told("maria", "Freeze for the audit", "VAT of 2027"),
}


def tell(root: Path, session: Session) -> None:
    """
    Let two weeks go by.

    :param root: where the commits are written
    :param session: database session
    """
    _orders(History(root / "orders", session))
    _others(History(root / "others", session))
    up_to_date = {name: TOLD[name] for name in UP_TO_DATE}
    pin_twice(History(root / "up_to_date", session), up_to_date, waits=False)
    recorded_files.record(session)


def pin_twice(history: History, dags: dict[str, Told], *, waits: bool = True) -> None:
    """Register Dags, pin their first version and then their second, and register one that waits."""

    def commit(version: int) -> None:
        files = {f"dag_{name.encode().hex()}": plain(name, version) for name in dags}
        history.commit(sha(f"others {version}"), **files)

    def pin(version: int) -> None:
        for index, (name, told) in enumerate(dags.items()):
            with history.ago(days=10.5 - 3 * version, hours=-4.1 * index, actor=told.actor):
                history.pin(name, version, reason=told.before if version == 1 else told.now)
                history.report_code(name, version)

    def run(*days: float) -> None:
        for day in days:
            for name in dags:
                # The database keeps versions that have run.
                if name != GONE or day > 5:
                    with history.ago(days=day):
                        history.run(name)

    with history.ago(days=8.2):
        commit(1)
    run(8, 7, 6)
    pin(1)
    with history.ago(days=5):
        commit(2)
    run(5, 4)
    pin(2)
    if waits:
        with history.ago(days=2):
            commit(3)
    run(1.5, 0.5)


def _orders(history: History) -> None:
    live: dict[int, str] = {}

    def runs(begin: float, end: float, *, failed: int = 0) -> None:
        hours = range(int(begin * 24), int(end * 24), -6)
        for index, hour in enumerate(hours):
            with history.ago(hours=hour):
                live[hour] = history.run("orders", "failed" if index >= len(hours) - failed else "success")

    def commit(version: int) -> None:
        history.commit(sha(f"orders {version}"), orders=ORDERS[version - 1])

    with history.ago(days=14.1):
        commit(1)
    runs(14, 9)
    with history.ago(days=9):
        history.pin("orders", 1, reason="Keep what runs until the quarter is closed")
        history.report_code("orders", 1)
    runs(9, 5.25)
    with history.ago(days=8):
        commit(2)
        history.candidate("orders", 2, reason="Logs more")
    with history.ago(days=7.8, actor="promotion", source=promotion("canary")):
        history.canaries("orders", 2, "failed")
    with history.ago(days=7.6, actor="jan"):
        history.reject("orders", 2, reason="Its canary run failed: there is no such option")
    with history.ago(days=6.5):
        commit(3)
        history.candidate("orders", 3, reason="Converts currencies")
    for hour in (150, 146, 142):
        with history.ago(hours=hour, actor="promotion", source=promotion("canary")):
            history.canaries("orders", 3, "success")
    with history.ago(days=5.25, actor="promotion", source=promotion("pin")):
        history.pin("orders", 3, reason="3 of 3 canary runs succeeded, approved by maria")
        history.report_code("orders", 3)
    runs(5.2, 2.25, failed=3)
    with history.ago(days=2.2, actor="jan"):
        history.roll_back("orders", reason="Totals are wrong since the conversion", hold=True)
        history.report_code("orders", 1)
    runs(2.1, 0)
    with history.ago(days=1.1):
        commit(4)
        history.candidate("orders", 4, reason="Rounds amounts, and reports them")
        history.report_code("orders", 4)
    for hour, original, before, after in ((20, 26, 91_234.5, 91_235), (12, 20, 88_412, 88_412)):
        with history.ago(hours=hour, actor="promotion", source=promotion("canary")):
            run_id = history.replay("orders", 4, live[original])
            for of_run, total in ((live[original], before), (run_id, after)):
                history.push("orders", of_run, "load", {"rows": 1840, "total": total})
                history.publish("orders", of_run, "load", "orders_loaded", total=total)
            history.record("orders", run_id)
    with history.ago(hours=0.2, actor="promotion", source=promotion("canary")):
        history.replay("orders", 4, live[2], "running")


def _others(history: History) -> None:
    pin_twice(history, {name: told for name, told in TOLD.items() if name not in UP_TO_DATE})
    with history.ago(days=4):
        history.commit(sha("newsletter"), **dict.fromkeys(_names(history)), newsletter=plain(NEVER_PINNED, 1))
        history.run(NEVER_PINNED)
    with history.ago(hours=5):
        history.remove_version(GONE, 2)
        history.report_code(UNAVAILABLE, 2, "missing", f"commit {sha('others 2')[:12]} is not in the repository")


def _names(history: History) -> list[str]:
    return [path.removesuffix(".py") for path in history.sources]
