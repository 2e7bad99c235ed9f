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
"""With very many pins, picking a version still is one probe of the primary key."""

from __future__ import annotations

import pytest
from airflow.models.dag_version import DagVersion
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import Executable, select, text
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql import ClauseElement

from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.resolution.active import active_condition
from airflow_providers_pinning.domain.versions import code_availability
from airflow_providers_pinning.domain.versions.code_availability import rounds
from airflow_providers_pinning.models import ManagedVersion
from airflow_providers_pinning.vocabulary import PinOrder
from tests.support.sources import CHANGED, STABLE

PINS = 100_000

MORE_PINS = text(
    """
    INSERT INTO pinning_pin (dag_id, revision, dag_version_id, version_number, bundle_name, bundle_version, dag_hash,
                             changed_at, last_run_before)
    SELECT 'other_' || n, 1, gen_random_uuid(), 1, 'team_dags', 'sha1', md5(n::text), now(), 0
    FROM generate_series(1, :count) n
    """
)

MORE_VERSIONS = text(
    """
    INSERT INTO pinning_version (dag_version_id, dag_id, version_number, bundle_name, bundle_version, dag_hash,
                                 relative_fileloc, state, state_changed_at, code_state, code_checked_at, created_at)
    SELECT gen_random_uuid(), 'other_' || n, 1, 'team_dags', 'sha' || n % 1000, md5(n::text), 'orders.py', 'retained',
           now(), 'available', now() - interval '1 minute', now()
    FROM generate_series(1, :count) n
    """
)


@pytest.fixture
def many_pins(lab, session, server, airflow_database):
    lab.commit("sha1", orders=STABLE, zebra=STABLE.replace('"orders"', '"zebra"'))
    lab.pin("zebra", 1)
    lab.pin("orders", 1)
    lab.commit("sha2", orders=CHANGED)
    session.execute(MORE_PINS, {"count": PINS})
    session.commit()
    server.execute("VACUUM ANALYZE", database=airflow_database)


def nodes(plan):
    yield plan
    for child in plan.get("Plans", ()):
        yield from nodes(child)


class Explained(Executable, ClauseElement):
    """A statement of which the plan is wanted; its values are bound as in the statement itself."""

    inherit_cache = False

    def __init__(self, statement):
        self.statement = statement


@compiles(Explained, "postgresql")
def compile_explained(explained, compiler, **kwargs):
    return f"EXPLAIN (ANALYZE, FORMAT JSON) {compiler.process(explained.statement, **kwargs)}"


def explain(statement, session):
    """Run a statement and return the nodes of its plan."""
    [(explained,)] = session.execute(Explained(statement)).all()
    return list(nodes(explained[0]["Plan"]))


@pytest.mark.parametrize("dag_id", ["orders", "zebra", "never_pinned"])
@pytest.mark.parametrize(
    "select_version",
    [
        SerializedDagModel.latest_item_select_object,
        lambda dag_id: DagVersion._latest_version_select(dag_id).where(active_condition(dag_id)),
        lambda dag_id: SerializedDagModel._latest_by_version_select([dag_id]),
    ],
    ids=["serialized_dag", "dag_version", "many_serialized_dags"],
)
def test_picking_a_version_probes_the_primary_key_of_the_pins(many_pins, lab, session, select_version, dag_id):
    lab.commit("sha3", never_pinned=STABLE.replace('"orders"', '"never_pinned"'))
    plan = explain(select_version(dag_id), session)
    on_pins = [node for node in plan if node.get("Relation Name") == "pinning_pin"]
    assert on_pins
    for node in on_pins:
        assert node["Node Type"].startswith("Index")
        assert node["Index Name"] == "pinning_pin_pkey"
        assert node["Actual Rows"] <= 1
        assert node["Actual Loops"] <= 2, "one probe for each version of the Dag"


@pytest.mark.parametrize("kind", [0, 1, 2], ids=["never_checked", "not_found", "checked_long_ago"])
def test_asking_whether_code_is_to_be_checked_reads_no_version_that_is_not(session, server, airflow_database, kind):
    session.execute(MORE_VERSIONS, {"count": PINS})
    session.commit()
    server.execute("VACUUM ANALYZE pinning_version", database=airflow_database)
    condition = rounds.conditions(["team_dags"])[kind]

    plan = explain(select(ManagedVersion.dag_version_id).where(condition).limit(1), session)

    assert not code_availability.is_check_due(["team_dags"], session=session)
    [scan] = [node for node in plan if node.get("Relation Name") == "pinning_version"]
    assert "Index" in scan["Node Type"] or "Bitmap" in scan["Node Type"]
    assert scan.get("Rows Removed by Filter", 0) == 0


@pytest.mark.parametrize(
    ("asked", "compiles"),
    [
        ({}, True),
        ({"which": PinFilter(failing=True)}, False),
        ({"which": PinFilter(failing=False)}, False),
        ({"order": PinOrder.FAILED_RUNS}, False),
    ],
)
def test_a_list_by_runs_is_not_compiled(asked, compiles, lab, session):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)

    list_pins(**{"which": PinFilter(), **asked}, limit=9, offset=0, session=session)

    assert session.scalar(text("SHOW jit")) == ("on" if compiles else "off")
    session.rollback()
    assert session.scalar(text("SHOW jit")) == "on"
