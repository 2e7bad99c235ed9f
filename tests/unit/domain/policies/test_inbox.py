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
from __future__ import annotations

from datetime import timedelta

import pytest
from airflow._shared.timezones.timezone import utcnow
from airflow.api.common.trigger_dag import trigger_dag
from airflow.models.dag import DagModel
from airflow.models.hitl import HITLDetail
from airflow.utils.types import DagRunTriggeredByType

from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.policies.approvals import approve
from airflow_providers_pinning.domain.policies.inbox import inbox
from airflow_providers_pinning.domain.policies.store import apply
from airflow_providers_pinning.domain.policies.unapproved import narrow
from airflow_providers_pinning.domain.sight import only
from airflow_providers_pinning.operators.approval import EXACTLY
from airflow_providers_pinning.vocabulary import InboxReason
from tests.support.remembered import remembered
from tests.support.sources import dag_file

OWNED = "schedule=None, tags=['tier-1'], default_args={'owner': 'jan, of sales'}"
OWNED_TOO = "schedule=None, tags=['tier-2'], default_args={'owner': 'maria'}"


@pytest.fixture
@remembered
def deployment(lab):
    """Pin four Dags: one is on hold, one has a newer candidate, one an older one and an owner, one a pending change."""
    names = ("held", "waiting", "older", "scheduled")
    lab.commit("sha1", bundle="others", alone=dag_file("alone"))
    lab.pin("alone", 1)
    lab.commit("sha2", alone=None, **{name: dag_file(name, OWNED if name == "held" else OWNED_TOO) for name in names})
    for name in names:
        lab.candidate(name, 1)
    lab.commit("sha3", **{name: dag_file(name, OWNED if name == "held" else OWNED_TOO, "one two") for name in names})
    for name in names:
        lab.pin(name, 2 if name == "older" else 1)
    lab.candidate("waiting", 2)
    lab.pin_row("alone").actor = "carol"
    row = lab.pin_row("held")
    row.hold_reason, row.hold_actor, row.hold_at = "audit", "alice", utcnow()
    lab.pin_from("scheduled", 2, utcnow() + timedelta(hours=1))
    lab.session.commit()
    return lab


ABOUT = {"version_number": 2, "bundle_name": "team_dags", "bundle_version": "sha3", "dag_hash": "1f"}


@pytest.fixture
def asked():
    """Return a function that lets a task ask for the approval of a version of a Dag."""

    def ask(lab, dag_id, *, before="Look at it."):
        lab.commit("sha9", promote=dag_file("promote", "schedule=None"))
        run = trigger_dag("promote", triggered_by=DagRunTriggeredByType.REST_API, session=lab.session)
        [task] = run.task_instances
        task.state = "awaiting_input"
        detail = HITLDetail(
            ti_id=task.id,
            options=["Approve", "Reject"],
            subject="Release it?",
            body=f"{before}\n\n{EXACTLY.format(**ABOUT, target_dag_id=dag_id)}",
            params={},
        )
        lab.session.add(detail)
        lab.session.flush()
        return detail

    return ask


def found(lab, **which):
    return [pin.dag_id for pin in list_pins(PinFilter(**which), limit=100, offset=0, session=lab.session)[0]]


@pytest.mark.parametrize(
    ("which", "expected"),
    [
        ({"held": True}, ["held"]),
        ({"held": False}, ["alone", "older", "scheduled", "waiting"]),
        ({"waiting": True}, ["waiting"]),
        ({"waiting": False}, ["alone", "held", "older", "scheduled"]),
        ({"scheduled": True}, ["scheduled"]),
        ({"scheduled": False}, ["alone", "held", "older", "waiting"]),
        ({"tags": ("tier-1", "unknown")}, ["held"]),
        ({"tags": ("tier-1", "tier-2"), "held": False}, ["older", "scheduled", "waiting"]),
        ({"bundles": ("others",)}, ["alone"]),
        ({"actors": ("carol",)}, ["alone"]),
        ({"owners": ("maria",)}, ["older", "scheduled", "waiting"]),
        ({"owners": ("mari_",)}, []),
        ({"owners": ("aria",)}, []),
        ({"dag_id_globs": ("h?ld", "al*")}, ["alone", "held"]),
    ],
    ids=str,
)
def test_pins_are_found_by_what_airflow_and_the_pin_say_of_them(which, expected, deployment):
    assert found(deployment, **which) == expected


def test_each_of_several_owners_finds_the_dag(deployment):
    deployment.session.get_one(DagModel, "alone").owners = "lea, kim"
    deployment.session.flush()

    assert [found(deployment, owners=(name,)) for name in ("lea", "kim")] == [["alone"], ["alone"]]


def test_hold_that_ended_by_itself_is_none(deployment):
    row = deployment.pin_row("held")
    row.hold_until = utcnow() - timedelta(seconds=1)
    deployment.session.flush()

    assert found(deployment, held=True) == []
    row.hold_until = utcnow() + timedelta(hours=1)
    deployment.session.flush()
    assert found(deployment, held=True) == ["held"]


def test_inbox_counts_what_the_filter_of_the_same_name_finds(deployment):
    deployment.break_pin("alone")

    counts = inbox(session=deployment.session).wanted

    assert counts == {
        InboxReason.FAILING: 0,
        InboxReason.UNHEALTHY: 1,
        InboxReason.WAITING: 1,
        InboxReason.UNAPPROVED: 0,
        InboxReason.HELD: 1,
        InboxReason.SCHEDULED: 1,
    }
    counts.pop(InboxReason.UNAPPROVED)
    assert all(len(found(deployment, **{reason.value: True})) == count for reason, count in counts.items())


def test_inbox_counts_only_dags_that_may_be_seen(deployment):
    assert set(inbox(only("older"), session=deployment.session).wanted.values()) == {0}
    assert inbox(only("held", "older"), session=deployment.session).wanted[InboxReason.HELD] == 1


def test_inbox_counts_the_dags_that_are_not_pinned(deployment):
    deployment.commit("sha4", **{name: dag_file(name) for name in ("new", "newer")})

    assert inbox(session=deployment.session).unpinned == 2
    assert inbox(only("new", "held"), session=deployment.session).unpinned == 1


def unapproved(lab, wanted=True):
    return found(lab, among=narrow(wanted, session=lab.session))


def require_approvals(lab, count, **exempt):
    document = {"policies": [{"name": "two eyes", "match": {"tags": ["tier-2"]}, "requires": {"approvals": count}}]}
    apply(document, Change(Caller("alice"), "careful"), session=lab.session)


def agree(lab, name):
    approve("waiting", 2, Change(Caller(name), "tested"), session=lab.session)


class TestAVersionThatWaitsForAnApproval:
    def test_is_the_candidate_of_a_dag_whose_policies_ask_for_one(self, deployment):
        require_approvals(deployment, 2)

        assert unapproved(deployment) == ["waiting"]
        assert unapproved(deployment, wanted=False) == ["alone", "held", "older", "scheduled"]
        agree(deployment, "bob")
        assert unapproved(deployment) == ["waiting"]
        assert inbox(session=deployment.session).wanted[InboxReason.UNAPPROVED] == 1
        agree(deployment, "Bob")
        assert unapproved(deployment) == ["waiting"], "one person, however the name is written"
        agree(deployment, "carol")
        assert unapproved(deployment) == []

    def test_is_none_without_such_a_policy(self, deployment):
        assert unapproved(deployment) == []
        assert len(unapproved(deployment, wanted=False)) == 5

    def test_is_what_a_task_asks_about_until_it_is_answered(self, deployment, asked):
        question = asked(deployment, "held")

        assert unapproved(deployment) == ["held"]
        question.responded_at = utcnow()
        deployment.session.flush()
        assert unapproved(deployment) == []

    def test_is_none_whose_task_has_ended(self, deployment, asked):
        asked(deployment, "held").task_instance.state = "failed"
        deployment.session.flush()

        assert unapproved(deployment) == []

    def test_is_what_the_task_says_last(self, deployment, asked):
        """The operator appends it to the text of the Dag's author."""
        asked(deployment, "held", before=EXACTLY.format(**ABOUT, target_dag_id="older"))

        assert unapproved(deployment) == ["held"]
