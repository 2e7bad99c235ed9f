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

import pytest
from airflow.models.asset import (
    AssetAliasModel,
    AssetModel,
    DagScheduleAssetAliasReference,
    DagScheduleAssetNameReference,
    DagScheduleAssetReference,
    DagScheduleAssetUriReference,
    TaskInletAssetReference,
    TaskOutletAssetReference,
)
from airflow.models.dag import DagModel, DagOwnerAttributes, DagTag
from airflow.models.dagrun import DagRun
from sqlalchemy import func, select

from tests.support.database import empty
from tests.support.lab import Lab
from tests.support.sources import dag_file

VERSIONS = {
    "plain": dag_file("orders"),
    "asset": dag_file("orders", "schedule=[Asset('raw')]"),
    "alias": "from airflow.sdk import AssetAlias\n" + dag_file("orders", "schedule=[AssetAlias('alias')]"),
    "name": dag_file("orders", "schedule=[Asset.ref(name='named')]"),
    "uri": dag_file("orders", "schedule=[Asset.ref(uri='s3://bucket/located')]"),
    "tasks": dag_file("orders", body="EmptyOperator(task_id='a', outlets=[Asset('report')], inlets=[Asset('read')])"),
    "decorated": dag_file(
        "orders",
        "schedule='@hourly', dag_display_name='Shown', description='d', owner_links={'airflow': 'https://x'}, "
        "tags=['t'], max_active_runs=3, max_active_tasks=5, max_consecutive_failed_dag_runs=4, fail_fast=True, "
        "allowed_run_types=['scheduled'], "
        "deadline=DeadlineAlert(name='n', reference=DeadlineReference.DAGRUN_QUEUED_AT, interval=timedelta(hours=1), "
        "callback=AsyncCallback('asyncio.sleep'))",
    ),
}
"""Versions of one Dag, each with something that the others lack."""

CHANGES_BY_ITSELF = {"fileloc", "last_parsed_time", "last_parse_duration"}


def row_and_references(lab):
    """Return what the Dag's row says and leads to, without ids and what no version decides."""
    session = lab.session
    row = session.execute(select(DagModel.__table__).where(DagModel.dag_id == "orders")).mappings().one()
    found = {key: without_ids(value) for key, value in row.items() if key not in CHANGES_BY_ITSELF}
    queries = {
        "tags": select(DagTag.name),
        "owner links": select(DagOwnerAttributes.link),
        "aliases": select(AssetAliasModel.name).join(DagScheduleAssetAliasReference),
        "names": select(DagScheduleAssetNameReference.name),
        "uris": select(DagScheduleAssetUriReference.uri),
        "assets": select(AssetModel.name).join(DagScheduleAssetReference),
        "inlets": select(AssetModel.name).join(TaskInletAssetReference),
        "outlets": select(AssetModel.name).join(TaskOutletAssetReference),
    }
    return {**found, **{name: sorted(session.scalars(query)) for name, query in queries.items()}}


def without_ids(value):
    if isinstance(value, dict):
        return {key: without_ids(part) for key, part in value.items() if key != "id"}
    return [without_ids(part) for part in value] if isinstance(value, list) else value


@pytest.fixture
def empty_lab(tmp_path_factory, session):
    """Return a function that empties the database and returns a new deployment."""

    def new():
        empty(session)
        return Lab(tmp_path_factory.mktemp("lab"), session)

    return new


OTHERS = {
    "plain": [name for name in VERSIONS if name != "plain"],
    "asset": ["alias", "name", "tasks"],
    "alias": ["asset"],
    "name": ["uri", "decorated"],
    "uri": ["name"],
    "tasks": ["asset", "alias"],
    "decorated": ["plain", "uri"],
}
"""Which version is pinned, and which others were active before."""


@pytest.mark.parametrize("pinned", VERSIONS)
def test_a_pinned_dag_is_as_if_there_were_no_version_but_the_pinned_one(pinned, empty_lab):
    lab = empty_lab()
    lab.commit("sha1", orders=VERSIONS[pinned])
    lab.pin("orders", 1)
    expected = row_and_references(lab)

    for other in OTHERS[pinned]:
        lab = empty_lab()
        lab.commit("sha1", orders=VERSIONS[pinned])
        lab.candidate("orders", 1)
        lab.commit("sha2", orders=VERSIONS[other])
        lab.pin("orders", 1)
        assert row_and_references(lab) == expected, other
        lab.parse("sha2")
        assert row_and_references(lab) == expected, other


@pytest.mark.parametrize("old", [name for name in VERSIONS if name != "plain"])
def test_an_unpinned_dag_keeps_nothing_of_the_version_that_was_pinned(old, empty_lab):
    lab = empty_lab()
    lab.commit("sha2", orders=VERSIONS["plain"])
    expected = row_and_references(lab)

    lab = empty_lab()
    lab.commit("sha1", orders=VERSIONS[old])
    lab.pin("orders", 1)
    lab.commit("sha2", orders=VERSIONS["plain"])
    lab.unpin("orders")
    assert row_and_references(lab) == expected


def test_a_rolled_back_dag_gets_no_run_for_the_schedule_that_it_was_rolled_back_from(lab, scheduler, session):
    producer = dag_file("producer", body="EmptyOperator(task_id='a', outlets=[Asset('raw')])")
    lab.commit("sha1", producer=producer, orders=VERSIONS["name"])
    lab.pin("orders", 1)
    lab.commit("sha2", orders=VERSIONS["asset"])
    lab.pin("orders", 2)
    lab.roll_back("orders")

    lab.publish("raw")
    scheduler.create_due_runs()

    assert session.scalar(select(func.count()).select_from(DagRun)) == 0
