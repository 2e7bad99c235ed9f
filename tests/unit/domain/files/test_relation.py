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
"""Which commits change a Dag, told by a real dag processor over a real git repository."""

from __future__ import annotations

from sqlalchemy import select

from airflow_providers_pinning.domain.files.relation import is_related, keys_since
from airflow_providers_pinning.models import DagModules, VersionFiles
from tests.support.sources import dag_file

SHARED = "RATE = 5\n"


def importing(dag_id, *, inside=False):
    """Return the source of a Dag that uses a helper, at the top or inside of its task."""
    source = dag_file(dag_id, body="@task\ndef pay():\n    from lib.rates import RATE\npay()" if inside else "")
    return source if inside else f"from lib.rates import RATE\n{source}"


def relations(dag_id, session):
    """Return whether each version differs from the first one in something related."""
    first, *later = keys_since({dag_id: 1}, session=session)[dag_id]
    return [is_related(first, one) for one in later]


def test_in_twenty_dags_a_commit_of_one_is_none_of_the_others(processor, pins, session):
    dags = [f"dag_{number}" for number in range(20)]
    processor.repository.write("lib/rates.py", SHARED)
    processor.repository.commit(**{dag_id: importing(dag_id, inside=dag_id == "dag_7") for dag_id in dags})
    processor.parse()
    for dag_id in dags:
        pins.pin(dag_id, 1)
    processor.record()

    processor.repository.commit(dag_3=importing("dag_3") + "# changed\n")
    processor.round()
    assert {dag_id: relations(dag_id, session) for dag_id in dags} == {dag_id: [dag_id == "dag_3"] for dag_id in dags}

    processor.repository.write("lib/rates.py", "RATE = 50\n")
    processor.repository.commit_all("Raise the rate")
    processor.round()
    assert all(relations(dag_id, session)[-1] for dag_id in dags)
    files = session.scalars(select(VersionFiles.files).where(VersionFiles.dag_id == "dag_7")).all()
    assert all(set(found) == {"dag_7.py", "lib/rates.py"} for found in files)


def test_what_parsing_imported_by_a_computed_name_is_recorded(processor, pins, session):
    processor.repository.write("lib/rates.py", SHARED)
    source = "import importlib\nrates = importlib.import_module('.'.join(['lib', 'rates']))\n" + dag_file("orders")
    processor.repository.commit(orders=source)
    processor.parse()
    pins.pin("orders", 1)
    processor.parse()
    processor.record()
    assert session.scalars(select(DagModules.modules)).all() == [["lib/rates.py", "orders.py"]]
    [files] = session.scalars(select(VersionFiles.files))
    assert set(files) == {"orders.py", "lib/rates.py"}
