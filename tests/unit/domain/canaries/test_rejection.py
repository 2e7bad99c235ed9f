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
"""Nothing of a rejected version starts any more; what is running of it is told."""

from __future__ import annotations

from datetime import timedelta

import pytest
from airflow._shared.timezones import timezone
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dagrun import DagRun
from airflow.models.taskinstance import TaskInstance
from airflow.utils.types import DagRunTriggeredByType
from sqlalchemy import select, update

from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.canaries.rejection import ENDED
from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.canary import CanaryRequest
from airflow_providers_pinning.domain.soak import soak
from airflow_providers_pinning.domain.soak.soak import SoakQuestion
from airflow_providers_pinning.models import Event, ManagedVersion, RoutedRun
from airflow_providers_pinning.vocabulary import Verdict
from tests.support.api import PINNING
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def pinned(lab):
    lab.pin_first_of_two()
    return lab


def canaries(lab, number=2, *, count=1, **conditions):
    created = canary.create_canary_runs(
        "orders", CanaryRequest(number, count, None, "trial"), lab.change(**conditions), session=lab.session
    )
    lab.session.commit()
    return created.run_ids


def set_states(lab, state, *run_ids, **values):
    lab.session.execute(update(DagRun).where(DagRun.run_id.in_(run_ids)).values(state=state, **values))
    lab.session.commit()
    lab.session.expire_all()


def states(lab):
    lab.session.expire_all()
    return {run.run_id: run.state for run in lab.runs("orders")}


def start_queued(scheduler):
    scheduler.runner._start_queued_dagruns(scheduler.session)
    scheduler.session.commit()


class TestRejecting:
    def test_ends_queued_canaries_so_that_none_starts(self, pinned, scheduler):
        ids = canaries(pinned, count=3)

        state = pinned.reject("orders", 2, reason="loses orders")
        start_queued(scheduler)

        assert states(pinned) == dict.fromkeys(ids, "failed")
        assert state.warnings == ("3 queued canary runs of version 2 were ended and will not start.",)

    def test_notes_why_with_the_run_and_starts_none_of_its_tasks(self, pinned):
        [run_id] = canaries(pinned)

        pinned.reject("orders", 2, reason="loses orders")

        [run] = pinned.runs("orders")
        assert run.note == "Not started: version 2 was rejected by alice: loses orders\ntrial"
        assert (run.start_date, run.end_date is None) == (None, False)
        tasks = pinned.session.scalars(select(TaskInstance.state).where(TaskInstance.run_id == run_id)).all()
        assert set(tasks) == {"skipped"}

    def test_records_an_outcome_that_is_no_evidence(self, pinned):
        canaries(pinned)

        pinned.reject("orders", 2)

        [routed] = pinned.session.scalars(select(RoutedRun))
        [alteration] = routed.alterations
        assert (routed.counts_as, routed.outcome["no_evidence"]) == ("nothing", "version_rejected")
        assert (routed.state, alteration["what"], alteration["actor"]) == ("failed", ENDED, "alice")

    def test_is_recorded_with_the_runs_that_it_ended(self, pinned):
        ids = canaries(pinned, count=2)

        pinned.reject("orders", 2)

        event = pinned.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert (event.kind, event.evidence["ended_run_ids"]) == ("rejected", list(ids))

    def test_names_running_canaries_and_leaves_them(self, pinned):
        queued, running = canaries(pinned, count=2)
        set_states(pinned, "running", running)

        warnings = " ".join(pinned.reject("orders", 2).warnings)

        assert states(pinned) == {queued: "failed", running: "running"}
        assert "1 queued canary run of version 2 was ended" in warnings
        assert "1 canary run of version 2 is running and was not stopped" in warnings
        assert f"Canary runs that continue: {running}." in warnings

    def test_leaves_canaries_of_other_versions_and_live_runs(self, pinned):
        ids = canaries(pinned)
        pinned.commit("sha3", orders=dag_file("orders", tasks="other"))
        others = canaries(pinned, 3)
        trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=pinned.session)
        pinned.session.commit()

        pinned.reject("orders", 2)

        assert states(pinned) == {ids[0]: "failed", others[0]: "queued", "live": "queued"}

    def test_again_ends_canaries_that_were_started_with_an_override(self, pinned):
        pinned.reject("orders", 2)
        [run_id] = canaries(pinned, override_reason="to see what it does")

        pinned.reject("orders", 2)

        assert states(pinned) == {run_id: "failed"}

    def test_takes_back_everything_if_it_is_not_committed(self, pinned):
        from airflow_providers_pinning.domain.changes import review

        [run_id] = canaries(pinned)

        review.reject("orders", 2, pinned.change(), session=pinned.session)
        pinned.session.rollback()

        assert states(pinned) == {run_id: "queued"}


class TestRollingBack:
    def test_ends_queued_canaries_of_the_version_that_it_rejects(self, pinned, scheduler):
        [run_id] = canaries(pinned)
        pinned.pin("orders", 2)

        state = pinned.roll_back("orders")
        start_queued(scheduler)

        assert states(pinned) == {run_id: "failed"}
        assert state.warnings == ("1 queued canary run of version 2 was ended and will not start.",)
        event = pinned.session.scalars(select(Event).order_by(Event.id.desc())).first()
        assert event.evidence["ended_run_ids"] == [run_id]

    def test_leaves_them_if_it_rejects_nothing(self, pinned):
        [run_id] = canaries(pinned)
        pinned.pin("orders", 2)

        pinned.roll_back("orders", reject_current=False)

        assert states(pinned) == {run_id: "queued"}

    def test_tells_of_live_runs_of_the_bad_version_that_wait(self, pinned):
        pinned.pin("orders", 2)
        trigger_dag("orders", run_id="live", triggered_by=DagRunTriggeredByType.REST_API, session=pinned.session)
        pinned.session.commit()

        [warning] = pinned.roll_back("orders").warnings

        assert warning.startswith("1 other run of version 2 is queued or running and not stopped.")
        assert states(pinned) == {"live": "queued"}


def test_runs_are_named_in_the_history_only_to_who_may_read_runs(pinned, api, airflow_app, monkeypatch):
    from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity

    manager = type(airflow_app.state.auth_manager)
    allowed = manager.is_authorized_dag
    queued, running = canaries(pinned, count=2)
    set_states(pinned, "running", running)
    pinned.reject("orders", 2)
    address = f"{PINNING}/dags/orders/events"

    assert api("viewer").get(address).json()["events"][0]["evidence"]["ended_run_ids"] == [queued]
    monkeypatch.setattr(
        manager,
        "is_authorized_dag",
        lambda self, *, access_entity=None, **kwargs: (
            access_entity is not DagAccessEntity.RUN and allowed(self, access_entity=access_entity, **kwargs)
        ),
    )
    assert "canary__" not in api("viewer").get(address).text.split('"kind":"canary"')[0]


class TestEvaluatingAgain:
    """Runs from before an evaluation are no evidence in it."""

    def judge(self, lab):
        return soak.soak("orders", 2, SoakQuestion(), session=lab.session)

    def succeed(self, lab, *run_ids):
        set_states(lab, "success", *run_ids, end_date=timezone.utcnow())

    def age(self, lab):
        """Let everything so far have happened a day ago."""
        day = timedelta(days=1)
        for run in lab.runs("orders"):
            run.created_at -= day
        for row in lab.session.scalars(select(ManagedVersion)):
            row.created_at -= day
            row.state_changed_at -= day
            row.evaluated_since = row.evaluated_since and row.evaluated_since - day
        lab.session.commit()

    @pytest.mark.parametrize("end", ["roll_back", "unpin", "pin another"])
    def test_begins_when_the_version_stops_being_active(self, end, pinned):
        self.succeed(pinned, *canaries(pinned, count=3))
        pinned.pin("orders", 2)
        self.age(pinned)
        if end == "roll_back":
            pinned.roll_back("orders", reject_current=False)
        elif end == "unpin":
            pinned.unpin("orders")
        else:
            pinned.pin("orders", 1)

        canaries(pinned, count=3)

        found = self.judge(pinned)
        assert found.judgement.verdict is Verdict.PROGRESSING
        assert (found.evidence.runs, found.evidence.running) == (0, 3)

    def test_begins_when_the_version_is_restored(self, pinned):
        self.succeed(pinned, *canaries(pinned, count=3))
        pinned.reject("orders", 2)
        self.age(pinned)
        pinned.restore("orders", 2)

        assert self.judge(pinned).evidence.runs == 0

    def test_begins_when_a_retained_version_becomes_a_candidate_again(self, pinned):
        pinned.pin("orders", 2)
        pinned.roll_back("orders", reject_current=False)
        self.succeed(pinned, *canaries(pinned, count=3))
        self.age(pinned)

        pinned.candidate("orders", 2)

        assert pinned.managed("orders")[2] == "candidate"
        assert self.judge(pinned).evidence.runs == 0

    def test_does_not_begin_anew_when_a_candidate_is_named_again(self, pinned):
        self.succeed(pinned, *canaries(pinned, count=3))

        pinned.candidate("orders", 2)

        assert self.judge(pinned).judgement.verdict is Verdict.SUCCESSFUL

    def test_keeps_what_led_to_a_pin(self, pinned):
        self.succeed(pinned, *canaries(pinned, count=3))

        pinned.pin("orders", 2)

        assert self.judge(pinned).evidence.successes == 3

    def test_of_a_version_that_was_managed_before_the_start_was_written_down(self, pinned):
        self.succeed(pinned, *canaries(pinned, count=3))
        pinned.session.execute(update(ManagedVersion).values(evaluated_since=None))
        pinned.session.commit()

        assert self.judge(pinned).evidence.successes == 3

    def test_of_runs_that_a_rejection_ended_needs_new_ones(self, pinned):
        canaries(pinned, count=3)
        pinned.reject("orders", 2)

        pinned.restore("orders", 2)

        assert (self.judge(pinned).evidence.runs, self.judge(pinned).evidence.failures) == (0, 0)


def test_a_rejected_version_is_no_candidate(pinned):
    pinned.reject("orders", 2, reason="loses orders")

    with pytest.raises(errors.VersionRejectedError, match="loses orders"):
        pinned.candidate("orders", 2)
