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
"""The examples parse without a connection, and have the structure that the documentation promises."""

from __future__ import annotations

import json
import threading
from datetime import datetime, timezone
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.api.common.trigger_dag import trigger_dag
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagrun import DagRun
from airflow.providers.standard.exceptions import HITLRejectException
from airflow.sdk import DAG, RetryAction, TriggerRule
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException, TaskAwaitingInput
from airflow.serialization.serialized_objects import DagSerialization
from airflow.utils.session import create_session
from airflow.utils.types import DagRunTriggeredByType, DagRunType
from jinja2 import Template
from sqlalchemy import select

from airflow_providers_pinning.domain.canaries.outcomes import record_outcome
from airflow_providers_pinning.hooks.pinning import PinningHook
from airflow_providers_pinning.operators.approval import ApproveDagVersionOperator
from airflow_providers_pinning.operators.pin import PinDagVersionOperator
from airflow_providers_pinning.sensors.version import NewDagVersionSensor
from tests.support.replays import push
from tests.support.sources import CHANGED, STABLE
from tests.support.task_context import task_context

OPEN_WINDOW = {"window_cron": "0 * * * *", "window_seconds": 3600}
FOLDER = Path(__file__).parents[3] / "example_dags"


@pytest.fixture(scope="module")
def dags(airflow_database):
    bag = DagBag(FOLDER, safe_mode=False, bundle_path=FOLDER, bundle_name="examples")
    assert bag.import_errors == {}
    return bag.dags


def test_every_example_is_there_and_can_be_serialized(dags):
    assert set(dags) == {path.stem for path in FOLDER.glob("example_*.py")}
    for dag in dags.values():
        assert DagSerialization.from_dict(DagSerialization.to_dict(dag)).task_dict.keys() == dag.task_dict.keys()


def test_promotion_is_a_chain_from_a_new_version_to_a_bake(dags):
    dag = dags["example_promote_dag_version"]
    chain = ["new_version", "canary", "soak", "difference", "not_held", "approval", "window", "still_not_held", "pin"]
    chain += ["bake", "roll_back"]
    for task_id, following in pairwise(chain):
        assert following in dag.get_task(task_id).downstream_task_ids


def test_promotion_pins_exactly_what_was_tested_and_approved(dags):
    dag = dags["example_promote_dag_version"]
    for task_id, bound_to in (
        ("canary", "new_version"),
        ("soak", "new_version"),
        ("pin", "approval"),
        ("bake", "approval"),
    ):
        for condition, key in (
            ("version_number", "version_number"),
            ("expected_dag_hash", "dag_hash"),
            ("expected_bundle_version", "bundle_version"),
        ):
            bound = getattr(dag.get_task(task_id), condition)
            assert (bound.operator.task_id, bound.key) == (bound_to, key)
        assert dag.get_task(bound_to).multiple_outputs
    assert dag.get_task("approval").version.operator.task_id == "new_version"
    revision = dag.get_task("pin").expected_revision
    assert (revision.operator.task_id, revision.key) == ("approval", "revision")


def test_promotion_that_fails_before_the_pin_rejects_and_after_it_rolls_back_its_own_version_only(dags):
    dag = dags["example_promote_dag_version"]
    reject, roll_back = dag.get_task("reject"), dag.get_task("roll_back")
    assert reject.upstream_task_ids == {"canary", "soak", "approval"}
    assert roll_back.upstream_task_ids == {"bake"}
    assert reject.trigger_rule == roll_back.trigger_rule == TriggerRule.ONE_FAILED
    assert "task_ids='pin'" in roll_back.expected_version
    assert dag.get_task("approval").fail_on_reject
    assert dag.get_task("approval").defaults == ["Reject"]


def test_promotion_lets_every_field_of_the_isolation_be_chosen_and_leaves_it_safe(dags):
    dag = dags["example_promote_dag_version"]
    isolation = Template(dag.get_task("canary").isolation)
    assert json.loads(isolation.render(params={"canary_isolation": dag.params["canary_isolation"]})) == {}
    wanted = {"pool": "canaries", "connections": {"warehouse": "warehouse_canary"}}
    assert json.loads(isolation.render(params={"canary_isolation": wanted})) == wanted


@pytest.mark.parametrize(("runs", "told"), [(1, True), (3, False)])
def test_whoever_approves_is_told_if_fewer_live_runs_could_be_replayed_than_were_asked_for(dags, runs, told):
    soak = {"verdict": "successful", "message": "Fine.", "evidence": {"withheld_effects": 0}}
    pulled = {"soak": soak, "canary": {"run_ids": ["replay"] * runs}}
    ti = SimpleNamespace(xcom_pull=lambda task_ids: pulled[task_ids])
    evidence, _, _ = (
        dags["example_promote_dag_version"].get_task("approval").body.partition("{{ ti.xcom_pull(task_ids='diff")
    )

    shown = Template(evidence).render(ti=ti, params={"canary_runs": 3})

    assert ("Only 1 of 3 live runs could be replayed" in shown) is told
    assert "Fine." in shown


def test_approval_that_was_answered_is_not_asked_for_again_but_one_that_was_lost_is(dags):
    approval = dags["example_promote_dag_version"].get_task("approval")
    answered = {"params_input": {}, "responded_at": datetime.now(timezone.utc), "responded_by_user": None}
    event = {**answered, "chosen_options": approval.defaults, "timedout": True}
    with pytest.raises(HITLRejectException) as raised:
        approval.execute_complete(task_context(), event, about={"version_number": 2})
    assert approval.retries > 0
    assert approval.retry_policy.evaluate(raised.value, 1, approval.retries).action is RetryAction.FAIL
    assert approval.retry_policy.evaluate(ConnectionError(), 1, approval.retries).action is RetryAction.DEFAULT


def test_waiting_tasks_of_the_promotion_occupy_no_worker(dags):
    dag = dags["example_promote_dag_version"]
    assert all(dag.get_task(task_id).deferrable for task_id in ("new_version", "canary", "soak", "window", "bake"))


def test_scheduled_release_handles_each_dag_in_a_group_of_its_own(dags):
    dag = dags["example_deployment_window"]
    assert dag.get_task("release.pin").get_closest_mapped_task_group() is not None
    assert dag.get_task("release.window").window["deny"][0]["name"] == "end of year freeze"


def test_scheduled_release_does_not_undo_what_a_person_did_since_it_was_proposed(dags):
    pin, approval = (dags["example_deployment_window"].get_task(f"release.{name}") for name in ("pin", "approval"))
    assert (pin.expected_revision.operator.task_id, pin.expected_revision.key) == ("release.approval", "revision")
    assert approval.version.operator.task_id == "release.new_version"


def test_release_goes_on_only_after_an_approval(dags):
    gate = dags["example_deployment_window"].get_task("release.only_if_approved")
    assert (gate.upstream_task_ids, gate.downstream_task_ids) == ({"release.approval"}, {"release.window"})
    gate.python_callable({"chosen_options": ["Approve"]})
    with pytest.raises(AirflowSkipException, match="comes up again"):
        gate.python_callable({"chosen_options": ["Reject"]})


def test_release_asks_nobody_about_a_dag_on_hold(dags):
    gate = dags["example_deployment_window"].get_task("release.only_if_not_held")
    assert (gate.upstream_task_ids, gate.downstream_task_ids) == ({"release.new_version"}, {"release.approval"})
    gate.python_callable({"hold_reason": None})
    with pytest.raises(AirflowSkipException, match="on hold: loses orders"):
        gate.python_callable({"hold_reason": "loses orders"})


def test_setup_and_teardown_surround_the_work(dags):
    dag = dags["example_pin_setup_teardown"]
    assert dag.get_task("pin").is_setup and dag.get_task("unpin").is_teardown
    assert dag.get_task("close_the_month").upstream_task_ids == {"pin"}


@pytest.fixture
def register(session, tmp_path, monkeypatch):
    """Return a function that registers Dags, so that they can be run."""
    local = "airflow.dag_processing.bundles.local.LocalDagBundle"
    bundles = {"team_dags": tmp_path, "examples": FOLDER}
    configured = [{"name": name, "classpath": local, "kwargs": {"path": str(path)}} for name, path in bundles.items()]
    monkeypatch.setenv("AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST", json.dumps(configured))

    def sync(**dags):
        session.add(DagBundleModel(name="examples"))
        session.commit()
        bag = DagBag(FOLDER, safe_mode=False, bundle_path=FOLDER, bundle_name="examples", collect_dags=False)
        bag.dags.update(dags)
        sync_bag_to_db(bag, "examples", None, session=session)
        session.commit()

    return sync


def states_of(run):
    return {(ti.task_id, ti.map_index): str(ti.state) for ti in run.get_task_instances()}


def test_rollback_form_rolls_back_every_dag_that_can_be(dags, airflow_server, lab, register):
    """Runs the example: form, mapped tasks, templates and XCom."""
    for dag_id in ("orders", "billing"):
        lab.commit("sha1", **{dag_id: STABLE.replace("orders", dag_id)})
        lab.pin(dag_id, 1)
    lab.commit("sha2", orders=CHANGED)
    lab.pin("orders", 2)
    dag = dags["example_rollback_dag_version"]
    register(**{dag.dag_id: dag})
    run = dag.test(run_conf={"dags": ["orders", "billing"], "reason": "it fails"})
    hook = PinningHook()
    assert hook.get_release_state("orders")["active"]["version_number"] == 1
    assert hook.get_release_state("orders")["pin"]["reason"].startswith("it fails")
    assert hook.get_release_state("billing")["hold"] is None
    states = states_of(run)
    assert (states["roll_back", 0], states["roll_back", 1]) == ("failed", "success")  # billing, orders


def test_rollback_form_can_leave_runs_alone_that_cannot_be_repaired(dags):
    dag = dags["example_rollback_dag_version"]

    assert dag.params["skip_blocked"] is False
    assert dag.get_task("roll_back").partial_kwargs["repair"]["skip_blocked"] == "{{ params.skip_blocked }}"


def test_identity_of_the_candidate_reaches_the_pin(airflow_server, lab, register):
    lab.pin_first_of_two()
    with DAG("promote", schedule=None) as dag:
        new_version = NewDagVersionSensor(task_id="new_version", target_dag_id="orders", deferrable=False)
        PinDagVersionOperator(
            task_id="pin",
            target_dag_id="orders",
            version_number=new_version.output["version_number"],
            expected_dag_hash=new_version.output["dag_hash"],
            expected_revision=new_version.output["revision"],
        )
    dag.fileloc = str(FOLDER / "promote.py")
    register(promote=dag)
    run = dag.test()
    assert set(states_of(run).values()) == {"success"}
    assert PinningHook().get_release_state("orders")["active"]["version_number"] == 2
    links = {
        ti.task_id: ti.xcom_pull(task_ids=ti.task_id, key="_link_PinningTabLink") for ti in run.get_task_instances()
    }
    assert all(link.endswith("/dags/orders/plugin/pinning") for link in links.values())


class Deployment:
    """Ends every queued run of the target Dag, as workers would, while the promotion waits for them."""

    def __init__(self, state: str) -> None:
        self.state = state
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._work, daemon=True)

    def _work(self) -> None:
        while not self.over.wait(0.3):
            with create_session() as session:
                now = datetime.now(timezone.utc)
                queued = select(DagRun).where(DagRun.dag_id == "orders", DagRun.state == "queued")
                for run in session.scalars(queued).all():
                    run.state, run.start_date, run.end_date = self.state, now, now
                    for task in run.task_instances:
                        task.state, task.start_date, task.end_date = self.state, now, now
                        task.try_number, task.duration = 1, 0
                    record_outcome(run, session=session)

    def __enter__(self) -> None:
        self.thread.start()

    def __exit__(self, *_) -> None:
        self.over.set()
        self.thread.join()


@pytest.fixture
def shown(monkeypatch):
    """Have somebody approve whatever is asked, and return what they read."""
    seen = []

    def approve(task, context):
        with pytest.raises(TaskAwaitingInput) as waiting:
            execute(task, context)
        seen.append(task.body)
        answer = {"params_input": {}, "responded_at": datetime.now(timezone.utc), "responded_by_user": None}
        return task.execute_complete(context, {**answer, "chosen_options": [task.APPROVE]}, **waiting.value.kwargs)

    execute = ApproveDagVersionOperator.execute
    monkeypatch.setattr(ApproveDagVersionOperator, "execute", approve)
    return seen


@pytest.fixture
def promotion(dags, lab, register):
    """Return the example, with the second version of its target to be found at once."""
    lab.pin_first_of_two()
    dag = dags["example_promote_dag_version"]
    dag.get_task("new_version").debounce = 0
    for task in dag.tasks:
        task.retries = 0
    for task_id in ("canary", "soak", "bake"):
        dag.get_task(task_id).poke_interval = 0.2
    register(**{dag.dag_id: dag})
    return dag


def test_promotion_does_not_reject_a_candidate_because_the_difference_could_not_be_told(
    promotion, airflow_server, monkeypatch
):
    def unreachable(*args, **options):
        raise ConnectionError("no answer")

    monkeypatch.setattr(PinningHook, "compare", unreachable)
    with Deployment("success"):
        run = promotion.test(run_conf={"canary_runs": 1})
    states = {task_id: state for (task_id, _), state in states_of(run).items()}
    assert (states["difference"], states["approval"], states["reject"]) == ("failed", "upstream_failed", "skipped")
    assert PinningHook().list_versions("orders")["versions"][0]["state"] == "candidate"


@pytest.mark.parametrize("task_id", ["not_held", "still_not_held"])
def test_promotion_of_a_dag_on_hold_ends_before_anybody_is_asked_and_before_the_pin(
    promotion, airflow_server, lab, task_id
):
    lab.pin("orders", 2)
    lab.roll_back("orders", hold=True, reason="loses orders")
    check = promotion.get_task(task_id).python_callable

    with pytest.raises(AirflowFailException, match=r"on hold by alice: loses orders\. .* override_reason"):
        check(params={"target_dag_id": "orders", "override_reason": None})
    check(params={"target_dag_id": "orders", "override_reason": "the repair"})


def test_promotion_of_a_dag_on_hold_asks_nobody_and_rejects_nothing(promotion, airflow_server, lab):
    lab.pin("orders", 2)
    lab.roll_back("orders", hold=True, reason="loses orders", reject_current=False)
    with Deployment("success"):
        run = promotion.test(run_conf={"canary_runs": 1})
    states = {task_id: state for (task_id, _), state in states_of(run).items()}
    assert (str(run.state), states["not_held"], states["approval"]) == ("failed", "failed", "upstream_failed")
    assert (states["reject"], states["roll_back"]) == ("skipped", "skipped")


def test_approval_says_that_the_version_equals_a_rejected_one(promotion, airflow_server, lab, shown):
    lab.reject("orders", 2, reason="loses [orders](x)")
    lab.commit("sha3", orders=CHANGED)
    with Deployment("success"):
        promotion.test(
            run_conf={
                "canary_runs": 1,
                **OPEN_WINDOW,
                "bake_inconclusive_after": 0,
            },
        )
    [approved] = shown
    assert "**Version 3 equals version 2, which was rejected**: loses \\[orders\\](x)." in approved


def test_promotion_replays_the_live_runs_that_there_are_and_shows_whoever_approves_the_pairs(
    promotion, airflow_server, shown, session
):
    trigger_dag(
        "orders",
        run_id="live",
        logical_date=datetime(2026, 1, 5, tzinfo=timezone.utc),
        triggered_by=DagRunTriggeredByType.TIMETABLE,
        session=session,
    )
    run = session.scalar(select(DagRun).where(DagRun.run_id == "live"))
    run.state, run.run_type, run.start_date = "success", DagRunType.SCHEDULED, run.logical_date
    for task in run.task_instances:
        task.state, task.try_number = "success", 1
    push(session, "live", "extract", "rows", 3)
    with Deployment("success"):
        run = promotion.test(run_conf={"canary_runs": 2, **OPEN_WINDOW, "bake_inconclusive_after": 0})
    assert str(run.state) == "success"
    created = next(ti for ti in run.get_task_instances() if ti.task_id == "canary").xcom_pull(task_ids="canary")
    assert list(created["replays"].values()) == ["live"]
    [approved] = shown
    assert "Soak: **successful**. 1 of 1 finished runs succeeded" in approved
    assert "**Replays of live runs** (original → replay): 1 of 1 differs." in approved
    assert "`extract` XCom `rows`: `3` → nothing" in approved


@pytest.mark.parametrize("canaries", ["success", "failed"])
def test_promotion_from_a_commit_to_the_pin_or_the_rejection(promotion, airflow_server, shown, canaries):
    """Runs the example, with its triggers; only the person who approves is left out."""
    with Deployment(canaries):
        run = promotion.test(
            run_conf={
                "canary_runs": 2,
                **OPEN_WINDOW,
                "bake_inconclusive_after": 0,
            },
        )
    states = {task_id: state for (task_id, _), state in states_of(run).items()}
    hook = PinningHook()
    versions = {version["version_number"]: version for version in hook.list_versions("orders")["versions"]}
    assert str(run.state) == canaries
    if canaries == "success":
        assert states.pop("bake") == states.pop("roll_back") == states.pop("reject") == "skipped"
        assert set(states.values()) == {"success"}
        assert versions[2]["is_active"]
        [approved] = shown
        assert "`0 0 * * * (At 00:00)` → `0 * * * * (Every hour)`" in approved
        assert "  - added `transform`" in approved
        assert f"the code of commit `{versions[2]['bundle_version']}`" in approved
        assert f"with structure `{versions[2]['dag_hash']}`" in approved
    else:
        assert (states["soak"], states["pin"], states["reject"]) == ("failed", "upstream_failed", "success")
        assert states["roll_back"] == "skipped"
        assert versions[1]["is_active"] and versions[2]["state"] == "rejected"
    assert sum(versions[2]["run_counts"].values()) == 2
