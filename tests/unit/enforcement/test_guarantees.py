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
"""
Whatever is done in whatever order, the guarantees hold: a state machine over all that changes what runs.

After each step :mod:`tests.support.guarantees` compares the database, and the runs that were really created, with what
was asked for. ``PINNING_EXAMPLES=200`` looks longer.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable
from contextlib import ExitStack
from datetime import timedelta
from decimal import Decimal
from functools import partial

from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.utils.types import DagRunTriggeredByType
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule, run_state_machine_as_test
from sqlalchemy import select, update

from airflow_providers_pinning.domain.changes import due, hold, pending, pins, ramp, review, rollback, timed
from airflow_providers_pinning.domain.changes.canary import CanaryRequest, create_canary_runs
from airflow_providers_pinning.domain.changes.released import release_of
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import freezes, store
from airflow_providers_pinning.domain.ramp_steps import Plan, Step
from airflow_providers_pinning.domain.releases import apply, release
from airflow_providers_pinning.domain.releases.document import PinsDocument
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest, Selection
from airflow_providers_pinning.domain.releases.rollback import RollbackRequest, roll_back_release
from airflow_providers_pinning.enforcement.runs import breaker as breaker_patch
from airflow_providers_pinning.enforcement.runs import ramp as ramp_patch
from airflow_providers_pinning.models import RoutedRun, TimedChange
from airflow_providers_pinning.schemas.pins_document import validated as validated_pins
from airflow_providers_pinning.schemas.policies import validated
from airflow_providers_pinning.vocabulary import RampAction, ReleaseAction
from tests.support.clock import stopped
from tests.support.guarantees import BEGIN, DAGS, FREE, VERSIONS, Watch, build, source
from tests.support.ramps import end_run
from tests.support.remembered import remembered

EVERYTHING = Access()
LIMITED = {
    "none": {},
    "approvals": {"requires": {"approvals": 1}},
    "closed": {"windows": {"deny": [{"cron": "* * * * *", "duration": "1h"}]}},
    "breaker": {"auto_rollback": {"max_failures": 0, "within_runs": 3}},
}
"""Rules of the Dag orders."""

dags = st.sampled_from(DAGS)
numbers = st.integers(1, VERSIONS + 1)
often = st.sampled_from([False, False, False, True])
seldom = st.sampled_from([False] * 7 + [True])

MOVES: list[tuple[Callable[..., None], dict[str, st.SearchStrategy]]] = []
"""What can be done, as often as its weight is."""


def move(weight: int, **arguments: st.SearchStrategy) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """
    Make a move of a function.

    They are drawn by one rule: Hypothesis takes only some of many rules in each example, and histories of scheduler's
    turns alone show little.
    """

    def add(function: Callable[..., None]) -> Callable[..., None]:
        MOVES.extend([(function, arguments)] * weight)
        return function

    return add


remembered_world = remembered(lambda lab: build(lab))


class Deployment(RuleBasedStateMachine):
    """Two Dags under rules, and one that nothing manages."""

    def __init__(self, lab, scheduler):
        super().__init__()
        self.lab, self.scheduler, self.session = lab, scheduler, lab.session
        self.undo = ExitStack()
        self.clock = self.undo.enter_context(stopped(BEGIN))
        remembered_world(lab=lab)
        due._left.clear()
        ramp_patch._noted.clear()
        breaker_patch._muted.clear()
        self.watch = Watch(lab, self.clock)
        self.policy, self.frozen = "none", None
        self.released = {}
        self.scheduled = None
        self.names = itertools.count(1)
        self.contents = itertools.count(VERSIONS + 1)

    def teardown(self):
        self.session.rollback()
        self.undo.close()

    def change(self, *, override=False, **more):
        return Change(Caller("alice"), "because", override_reason="urgent" if override else None, **more)

    def is_bound(self, dag_id):
        return self.frozen is not None or (dag_id == "orders" and self.policy in ("approvals", "closed"))

    def forward(self, wanted, override):
        """Return what tells whether choices may change as they did: to what was wanted, and only if nothing forbids."""

        def allowed(dag_id, before, after):
            if dag_id not in wanted or after.number != wanted[dag_id]:
                return False
            return override or not (before.hold or self.is_bound(dag_id) or after.number in before.rejected)

        return allowed

    def backward(self, wanted=None):
        def allowed(dag_id, before, after):
            if wanted is not None and dag_id not in wanted:
                return False
            older = after.number is not None and after.number < before.active
            known = after.number in self.watch.chosen[dag_id]
            return (older or not before.hold) and (known or not self.is_bound(dag_id))

        return allowed

    def by_itself(self, dag_id, before, after):
        """Tell whether time, or a run that was created, may have changed a choice as it did."""
        back = dag_id == "orders" and self.policy == "breaker" and after.number in self.watch.chosen[dag_id]
        free = not (before.hold or self.is_bound(dag_id))
        promoted = before.ramp and after.number == before.ramp[1] and free
        in_time = before.pending and before.pending[0] <= self.clock.now and after.number == before.pending[2]
        return bool(back or promoted or (in_time and (free or before.pending[1] == "rollback")))

    def nothing(self, dag_id, before, after):
        return False

    @rule(data=st.data())
    def make_a_move(self, data):
        function, arguments = data.draw(st.sampled_from(MOVES))
        function(self, **{name: data.draw(strategy) for name, strategy in arguments.items()})

    # What is done to one Dag.

    @move(3, dag_id=dags, number=numbers, override=often, supersede=often)
    def pin(self, dag_id, number, override, supersede):
        change = self.change(override=override, supersede=supersede)
        target = pins.Target(version_number=number)
        made = self.watch.step(
            f"pin {dag_id} {number} {override=} {supersede=}",
            lambda: timed.pin_version(dag_id, target, change, session=self.session),
            allowed=self.forward({dag_id: number}, override),
        )
        assert not made or self.watch.see(dag_id).number == number

    @move(1, dag_id=dags, supersede=often, sure=seldom)
    def unpin(self, dag_id, supersede, sure):
        if sure:
            change = self.change(supersede=supersede)
            made = self.watch.step(
                f"unpin {dag_id} {supersede=}",
                lambda: timed.unpin(dag_id, change, session=self.session),
                allowed=self.forward({dag_id: None}, False),
            )
            assert not made or self.watch.see(dag_id).number is None

    @move(2, dag_id=dags, to=st.none() | numbers, reject=often)
    def roll_back(self, dag_id, to, reject):
        self.watch.step(
            f"roll back {dag_id} {to} {reject=}",
            lambda: rollback.roll_back(
                dag_id, self.change(), to_version=to, reject_current=reject, session=self.session
            ),
            allowed=self.backward({dag_id}),
        )

    @move(
        3,
        dag_id=dags,
        number=numbers,
        minutes=st.integers(1, 30),
        what=st.sampled_from(["pin", "pin", "unpin", "roll back"]),
        supersede=often,
    )
    def change_later(self, dag_id, number, minutes, what, supersede):
        change = self.change(effective_from=self.clock.now + timedelta(minutes=minutes), supersede=supersede)
        makes = {
            "pin": partial(timed.pin_version, dag_id, pins.Target(version_number=number), change),
            "unpin": partial(timed.unpin, dag_id, change),
            "roll back": partial(timed.roll_back, dag_id, change),
        }
        self.watch.step(
            f"{what} {dag_id} {number} in {minutes} minutes {supersede=}",
            lambda: makes[what](session=self.session),
            allowed=self.nothing,
        )

    @move(1, dag_id=dags)
    def cancel(self, dag_id):
        self.watch.step(
            f"cancel {dag_id}",
            lambda: pending.cancel(dag_id, self.change(), session=self.session),
            allowed=self.nothing,
        )

    @move(2, dag_id=dags, number=numbers, share=st.sampled_from(["0.3", "0.5"]), supersede=often)
    def ramp_up(self, dag_id, number, share, supersede):
        plan = Plan((Step(Decimal(share), runs=1), Step(Decimal(1), runs=1)), 0)
        target = pins.Target(version_number=number)
        change = self.change(supersede=supersede)
        self.watch.step(
            f"ramp {dag_id} {number} {share} {supersede=}",
            lambda: ramp.start(dag_id, target, plan, change, session=self.session),
            allowed=self.nothing,
        )

    @move(1, dag_id=dags, action=st.sampled_from(RampAction))
    def act_on_ramp(self, dag_id, action):
        under_way = self.watch.see(dag_id).ramp
        wanted = {dag_id: under_way[1]} if under_way and action is RampAction.PROMOTE else {}
        self.watch.step(
            f"{action.value} ramp of {dag_id}",
            lambda: ramp.act(dag_id, action, self.change(), session=self.session),
            allowed=self.forward(wanted, False),
        )

    @move(1, dag_id=dags, number=numbers, what=st.sampled_from(["reject", "restore", "restore", "add_candidate"]))
    def judge(self, dag_id, number, what):
        self.watch.step(
            f"{what} {dag_id} {number}",
            lambda: getattr(review, what)(dag_id, number, self.change(), session=self.session),
            allowed=self.nothing,
        )

    @move(1, dag_id=dags, lift=st.booleans())
    def hold(self, dag_id, lift):
        make = hold.unhold if lift else hold.hold
        self.watch.step(
            f"{make.__name__} {dag_id}",
            lambda: make(dag_id, self.change(), session=self.session),
            allowed=self.nothing,
        )

    @move(1, dag_id=dags, number=numbers)
    def start_canary(self, dag_id, number):
        before = self.lab.dag_model(dag_id)
        schedule = (before.next_dagrun, before.next_dagrun_create_after, before.max_active_runs)
        self.watch.step(
            f"canary {dag_id} {number}",
            lambda: create_canary_runs(dag_id, CanaryRequest(number), self.change(), session=self.session),
            allowed=self.nothing,
        )
        after = self.lab.dag_model(dag_id)
        assert (after.next_dagrun, after.next_dagrun_create_after, after.max_active_runs) == schedule, self.watch

    # What is done to many.

    @move(2, first=numbers, second=numbers, override=often)
    def release(self, first, second, override):
        wanted = {"billing": first, "orders": second}
        self._make_release(
            f"release {wanted} {override=}", ReleaseRequest(versions=wanted), wanted, self.change(override=override)
        )

    @move(1, sure=seldom)
    def unpin_all(self, sure):
        if sure:
            request = ReleaseRequest(action=ReleaseAction.UNPIN, selection=Selection(dag_id_patterns=("*",)))
            self._make_release("unpin all", request, dict.fromkeys(DAGS), self.change())

    def _make_release(self, name, request, wanted, change):
        before = {dag_id: self.watch.see(dag_id) for dag_id in DAGS}
        reports = []
        made = self.watch.step(
            name,
            lambda: reports.append(release.make_release(request, change, EVERYTHING, session=self.session)),
            allowed=self.forward(wanted, change.override_reason is not None),
        )
        self._keep(reports, made, before, wanted)

    @move(2, listed=st.dictionaries(dags, numbers), owns=often)
    def apply_document(self, listed, owns):
        if not (listed or owns):
            return
        pinned = [{"dag_id": dag_id, "version_number": number} for dag_id, number in listed.items()]
        document = PinsDocument.from_dict(
            validated_pins({"pins": pinned, **({"owns": {"dag_ids": ["*"]}} if owns else {})})
        )
        wanted = {**(dict.fromkeys(DAGS) if owns else {}), **listed}
        before = {dag_id: self.watch.see(dag_id) for dag_id in DAGS}

        def run():
            return apply.apply(document, self.change(), EVERYTHING, session=self.session)

        reports = []
        made = self.watch.step(
            f"apply {listed} {owns=}", lambda: reports.append(run()), allowed=self.forward(wanted, False)
        )
        self._keep(reports, made, before, wanted)
        if made:
            again = run()
            self.session.commit()
            assert (again.release_id, again.counts["changed"]) == (None, 0), self.watch

    def _keep(self, reports, made, before, wanted):
        if not made:
            return
        [report] = reports
        assert {dag_id: self.watch.see(dag_id).number for dag_id in wanted} == wanted, self.watch
        if report.release_id:
            changed = {dag.dag_id for dag in report.dags if dag.outcome.value == "changed"}
            self.released[report.release_id] = {dag_id: before[dag_id] for dag_id in changed}, wanted

    @move(2, override=often)
    def roll_back_newest_release(self, override):
        if not self.released:
            return
        release_id = list(self.released)[-1]
        before, wanted = self.released[release_id]
        made = self.watch.step(
            f"roll back release of {wanted} {override=}",
            lambda: roll_back_release(
                RollbackRequest(release_id), self.change(override=override), EVERYTHING, session=self.session
            ),
            allowed=self.backward(before) if not override else lambda dag_id, *_: dag_id in before,
        )
        if made:
            del self.released[release_id]
            for dag_id, seen in before.items():
                back = seen.number or (None if wanted[dag_id] == seen.active else seen.active)
                assert self.watch.see(dag_id).number == back, self.watch

    @move(2, first=numbers, second=numbers, minutes=st.integers(1, 30))
    def release_later(self, first, second, minutes):
        wanted = {"billing": first, "orders": second}
        moment = self.clock.now + timedelta(minutes=minutes)
        request = ReleaseRequest(versions=wanted, effective_from=moment)
        reports = []
        made = self.watch.step(
            f"release {wanted} in {minutes} minutes",
            lambda: reports.append(release.make_release(request, self.change(), EVERYTHING, session=self.session)),
            allowed=self.nothing,
        )
        if made:
            self.scheduled = reports[0].release_id

    @move(1)
    def roll_back_release_of_later(self):
        if self.scheduled is None:
            return
        made = self.watch.step(
            f"roll back the release that was made for {self.scheduled}",
            lambda: roll_back_release(RollbackRequest(self.scheduled), self.change(), EVERYTHING, session=self.session),
            allowed=self.backward(DAGS),
        )
        if made:
            pending = self.session.scalars(select(TimedChange).where(TimedChange.status == "pending"))
            assert self.scheduled not in map(release_of, pending), self.watch
            self.scheduled = None

    @move(1, lift=st.sampled_from([True, True, False]))
    def freeze(self, lift):
        def make():
            if not lift and self.frozen is None:
                self.frozen = freezes.freeze(self.change(), session=self.session).id
            elif lift and self.frozen is not None:
                freezes.thaw(self.frozen, self.change(), session=self.session)
                self.frozen = None

        self.watch.step("thaw" if lift else "freeze", make, allowed=self.nothing)

    @move(1, name=st.sampled_from(["none", "none", "approvals", "closed", "breaker"]))
    def apply_policy(self, name):
        match = {"name": "rule", "match": {"dag_ids": ["orders"]}}
        document = validated({"policies": [{**match, **LIMITED[name]}] if LIMITED[name] else []})
        self.watch.step(
            f"policy {name}", lambda: store.apply(document, self.change(), session=self.session), allowed=self.nothing
        )
        self.policy = name

    # What happens.

    @move(2, dag_id=st.sampled_from([*DAGS, FREE]))
    def register(self, dag_id):
        content = next(self.contents)
        self.watch.step(
            f"commit {content} of {dag_id}",
            lambda: self.lab.commit(f"sha{content}", **{dag_id: source(dag_id, content)}),
            allowed=self.nothing,
        )

    @move(3, minutes=st.sampled_from([1, 5, 10, 30]))
    def let_time_go_by(self, minutes):
        self.clock.advance(60 * minutes)
        self.watch.steps.append(f"{minutes} minutes")

    @move(4)
    def turn_of_the_scheduler(self):
        # As the scheduler does when it finishes a run.
        self.session.execute(update(DagModel).values(exceeds_max_non_backfill=False))
        self.session.commit()
        # A change of a schedule takes effect once the old schedule made its last run, which is in the next turn.
        self.watch.step("turns", partial(self.scheduler.turn, 2), allowed=self.by_itself)

    @move(5, dag_id=st.sampled_from([*DAGS, FREE]), minutes=st.sampled_from([0, 0, 0, -10, 10, 40]))
    def trigger(self, dag_id, minutes):
        run_after = self.clock.now + timedelta(minutes=minutes)
        self.watch.step(
            f"trigger {dag_id} in {minutes} minutes",
            lambda: trigger_dag(
                dag_id,
                run_id=f"manual__{next(self.names)}",
                triggered_by=DagRunTriggeredByType.REST_API,
                run_after=run_after,
                session=self.session,
            ),
            allowed=self.by_itself,
            refusal_writes=True,
        )

    @move(3, dag_id=dags, state=st.sampled_from(["success", "success", "failed"]))
    def end_runs(self, dag_id, state):
        canaries = set(self.session.scalars(select(RoutedRun.run_id).where(RoutedRun.kind == "canary")))
        for run in self.lab.runs(dag_id):
            if run.state in ("queued", "running") and run.run_id not in canaries:
                end_run(self.lab, run, state)
        self.watch.steps.append(f"runs of {dag_id} end: {state}")


def test_hold_whatever_is_done_in_whatever_order(lab, scheduler):
    run_state_machine_as_test(
        lambda: Deployment(lab, scheduler),
        settings=settings(
            max_examples=int(os.environ.get("PINNING_EXAMPLES", "10")),
            stateful_step_count=30,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # To shrink a history of so much takes longer than to read it: it is printed step by step.
            phases=[Phase.explicit, Phase.reuse, Phase.generate],
            database=None,
        ),
    )
