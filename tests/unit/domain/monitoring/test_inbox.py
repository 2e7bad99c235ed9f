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
from airflow.models.dag import DagModel

from airflow_providers_pinning.domain.monitoring.inbox import inbox
from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.sight import only
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

    counts = inbox(session=deployment.session)

    assert counts == {
        InboxReason.FAILING: 0,
        InboxReason.UNHEALTHY: 1,
        InboxReason.WAITING: 1,
        InboxReason.HELD: 1,
        InboxReason.SCHEDULED: 1,
    }
    assert all(len(found(deployment, **{reason.value: True})) == count for reason, count in counts.items())


def test_inbox_counts_only_dags_that_may_be_seen(deployment):
    assert set(inbox(only("older"), session=deployment.session).values()) == {0}
    assert inbox(only("held", "older"), session=deployment.session)[InboxReason.HELD] == 1
