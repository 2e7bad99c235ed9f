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
"""Whatever people do in whatever order: each run has a version for a reason, and a version that failed gets none."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest
from sqlalchemy import select

from airflow_providers_pinning.domain.errors import PinningError
from airflow_providers_pinning.domain.monitoring.escaped_runs import escaped_run_ids
from airflow_providers_pinning.domain.monitoring.release_state import release_state
from airflow_providers_pinning.domain.ramp_steps import Step
from airflow_providers_pinning.enforcement.runs import ramp as patch
from airflow_providers_pinning.models import Pin, Ramp
from airflow_providers_pinning.vocabulary import RampAction, RampStatus
from tests.support.ramps import act_on_ramp, make_run, start_ramp
from tests.support.sources import dag_file

VERSIONS = 4
MOVES = 60
OPEN = {RampStatus.RUNNING.value, RampStatus.PAUSED.value}


class Player:
    """Makes moves by chance, and checks what must hold after each."""

    def __init__(self, lab, seed):
        self.lab, self.chance = lab, random.Random(seed)
        self.seen = []
        self.failed = set()
        """Ramps of whose version a run failed."""
        for number in range(1, VERSIONS + 1):
            lab.commit(f"sha{number}", orders=dag_file("orders", tasks=f"extract task_{number}"))
            lab.candidate("orders", number)
        lab.pin("orders", 1)

    def move(self):
        names = ("start", "act", "pin", "unpin", "roll_back", "review", *("run",) * 6)
        name = self.chance.choice(names)
        before = self._state()
        self.seen.append(name)
        try:
            getattr(self, f"_{name}")()
        except PinningError:
            self.lab.session.rollback()
        self._check(before)

    def _start(self):
        steps = [
            Step(Decimal(share), self.chance.choice([1, 1, 2, None]))
            for share in sorted(self.chance.sample(["0.3", "0.5", "1"], 2))
        ]
        start_ramp(self.lab, self._version(), *steps, supersede=self.chance.random() < 0.5)

    def _act(self):
        act_on_ramp(self.lab, self.chance.choice([one.value for one in RampAction]))

    def _pin(self):
        self.lab.pin("orders", self._version(), supersede=self.chance.random() < 0.3)

    def _unpin(self):
        if self.chance.random() < 0.2:
            self.lab.unpin("orders", supersede=self.chance.random() < 0.5)

    def _roll_back(self):
        self.lab.roll_back("orders", reject_current=False)

    def _review(self):
        if self.chance.random() < 0.3:
            self.lab.reject("orders", self._version())
        else:
            self.lab.restore("orders", self._version())

    def _run(self):
        before = self._state()
        ends = self.chance.choice(["success", "success", "success", "failed"])
        number = make_run(self.lab, ends)
        ramp = before.ramp
        allowed = {before.active.version_number}
        if ramp and ramp.status == RampStatus.RUNNING.value and ramp.id not in self.failed:
            allowed.add(ramp.version.version_number)
        assert number in allowed, f"{number} of {allowed} after {self.seen}"
        now = self._state().ramp
        for one in (ramp, now):
            if one and ends == "failed" and number == one.version.version_number:
                self.failed.add(one.id)

    def _check(self, before):
        session = self.lab.session
        now = self._state()
        assert now.revision >= before.revision
        ramps = {ramp.id: ramp for ramp in session.scalars(select(Ramp))}
        opened = {ramp_id for ramp_id, ramp in ramps.items() if ramp.status in OPEN}
        pin = session.get_one(Pin, "orders")
        assert opened == ({pin.ramp_id} if pin.ramp_id else set()), self.seen
        assert all((ramp.ended_after is None) == (ramp.id in opened) for ramp in ramps.values())
        if now.ramp:
            assert now.pinned
            assert now.ramp.version != now.active, self.seen
        assert escaped_run_ids("orders", limit=10, session=session) == [], self.seen
        assert now.health.status.value == "healthy", now.health

    def _state(self):
        self.lab.session.expire_all()
        return release_state("orders", session=self.lab.session)

    def _version(self):
        return self.chance.randint(1, VERSIONS)


@pytest.mark.parametrize("seed", range(5))
def test_hold_what_a_ramp_promises(seed, lab):
    patch._noted.clear()
    player = Player(lab, seed)

    for _ in range(MOVES):
        player.move()

    assert lab.session.scalars(select(Ramp)).all()
