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
from unittest import mock

from sqlalchemy.orm import Session

from tests.e2e.dags import MARKUP, ORDERS, plain, with_markup
from tests.e2e.history import PROMOTION, History, sha

UNAVAILABLE = "customers"
"""A Dag whose pinned commit cannot be had."""
GONE = "ledger"
"""A Dag whose pinned version was deleted."""
NEVER_PINNED = "newsletter"
DOTTED = "sales.europe.täglich_日報"
"""Airflow takes dots and letters of every language in a Dag's id."""
SPACED = "weekly report"
"""Airflow takes no spaces any more, but a database that was upgraded may have such an id."""
PLAIN = ("billing", UNAVAILABLE, "inventory", "invoices", "payments", "refunds", "returns", "shipments", "taxes")
"""Dags with three versions; the second is pinned, and the first was before."""


def tell(root: Path, session: Session) -> None:
    """
    Let two weeks go by.

    :param root: where the commits are written
    :param session: database session
    """
    _orders(History(root / "orders", session))
    _others(History(root / "others", session))
    _markup(History(root / "markup", session))


def _orders(history: History) -> None:
    def runs(begin: float, end: float, *, failed: int = 0) -> None:
        hours = range(int(begin * 24), int(end * 24), -6)
        for index, hour in enumerate(hours):
            with history.ago(hours=hour):
                history.run("orders", "failed" if index >= len(hours) - failed else "success")

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
    with history.ago(days=7.8, actor="promotion", source=PROMOTION):
        history.canaries("orders", 2, "failed")
    with history.ago(days=7.6, actor="jan"):
        history.reject("orders", 2, reason="Its canary run failed: there is no such option")
    with history.ago(days=6.5):
        commit(3)
        history.candidate("orders", 3, reason="Converts currencies")
    for hour in (150, 146, 142):
        with history.ago(hours=hour, actor="promotion", source=PROMOTION):
            history.canaries("orders", 3, "success")
    with history.ago(days=5.25, actor="promotion", source=PROMOTION):
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
    for hour, state in ((20, "success"), (12, "success"), (0.2, "running")):
        with history.ago(hours=hour, actor="promotion", source=PROMOTION):
            history.canaries("orders", 4, state)


def _others(history: History) -> None:
    pinned = (*PLAIN, DOTTED, SPACED, GONE)

    def commit(version: int) -> None:
        files = {f"dag_{index}": plain(name, version) for index, name in enumerate((*pinned, NEVER_PINNED))}
        with mock.patch("airflow.sdk.definitions._internal.node.KEY_REGEX", mock.Mock(match=lambda key: True)):
            history.commit(sha(f"others {version}"), **files)

    for version, reason in ((1, "Freeze for the audit"), (2, "Tested, and approved by jan")):
        with history.ago(days=11 - 3 * version):
            commit(version)
            history.run(NEVER_PINNED)
        for index, name in enumerate(pinned):
            with history.ago(days=10.5 - 3 * version, hours=-index * 3, actor=("maria", "jan", "promotion")[index % 3]):
                history.pin(name, version, reason=reason)
                history.report_code(name, version)
                if (name, version) != (GONE, 2):
                    # The database keeps versions that have run.
                    history.run(name)
    with history.ago(days=2):
        commit(3)
        history.run(NEVER_PINNED)
    with history.ago(hours=5):
        history.remove_version(GONE, 2)
        history.report_code(UNAVAILABLE, 2, "missing", f"commit {sha('others 2')[:12]} is not in the repository")


def _markup(history: History) -> None:
    with history.ago(days=3, actor=MARKUP):
        history.commit(sha("markup 1"), markup=with_markup(1))
        history.pin("markup", 1, reason=MARKUP)
        history.report_code("markup", 1, "missing", MARKUP)
    with history.ago(days=2, actor=MARKUP):
        history.commit(sha("markup 2"), markup=with_markup(2))
        history.candidate("markup", 2, reason=MARKUP)
        history.canaries("markup", 2, "success", note=MARKUP)
