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
"""What a user interface stumbles over: odd ids, markup, and Dags for each test to change."""

from __future__ import annotations

from pathlib import Path
from unittest import mock

from sqlalchemy.orm import Session

from tests.e2e.dags import MARKUP, STOCKS, with_asset, with_markup
from tests.e2e.history import History, sha
from tests.e2e.story import Told, pin_twice

DOTTED = "sales.europe.täglich_отчёт"
"""Airflow takes dots and letters of every language in a Dag's id."""
SPACED = "weekly report"
"""Airflow takes no spaces any more, but a database that was upgraded may have such an id."""
PRACTICE = (
    "pins",
    "previews",
    "rolls_back",
    "unpins",
    "moves_on",
    "canaries",
    "replays",
    "rejects",
    "approves",
    "releases",
    "releases_too",
    "planned",
    "planned_too",
    "bulk",
    "bulk_too",
    "unpinned",
    "overrides",
    "is_bound",
    "holds",
    "lifts",
    "changes_later",
    "ramps",
    "repairs",
    "repairs_runs",
    "escapes",
    "tells",
    "hangs",
    "conflicts",
    "keyboard",
    "loses_answers",
    "refused",
    "incident",
    "triggers",
    "backfills",
)
"""A Dag for each test that changes one: version 2 is pinned, version 1 was before, and version 3 waits."""


def set_traps(root: Path, session: Session) -> None:
    """
    Add them to the database.

    :param root: where the commits are written
    :param session: database session
    """
    told = Told("maria", "First of all", "Tested")
    with mock.patch("airflow.sdk.definitions._internal.node.KEY_REGEX", mock.Mock(match=lambda key: True)):
        names = (DOTTED, SPACED, *(f"practice_{name}" for name in PRACTICE))
        pin_twice(History(root / "odd", session), dict.fromkeys(names, told))
    _markup(History(root / "markup", session))
    _stocks(History(root / "stocks", session))


def _markup(history: History) -> None:
    with history.ago(days=3, actor=MARKUP):
        history.commit(sha("markup 1"), markup=with_markup(1))
        history.pin("markup", 1, reason=MARKUP)
        history.report_code("markup", 1, "missing", MARKUP)
        history.run("markup")
    with history.ago(days=2, actor=MARKUP):
        history.commit(sha("markup 2"), markup=with_markup(2))
        history.candidate("markup", 2, reason=MARKUP)
        history.canaries("markup", 2, "success", note=MARKUP)


def _stocks(history: History) -> None:
    with history.ago(days=3):
        history.commit(sha("stocks 1"), stocks=with_asset(1))
        history.pin(STOCKS, 1, reason="First of all")
        history.report_code(STOCKS, 1)
    with history.ago(days=2):
        history.commit(sha("stocks 2"), stocks=with_asset(2))
