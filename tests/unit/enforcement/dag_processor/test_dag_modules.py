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
"""What a file imports from its bundle is told by the process that parses it, and recorded for managed Dags only."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest
from sqlalchemy import event, select

from airflow_providers_pinning.enforcement.dag_processor.dag_modules import MODULES, parse_file, take_modules
from airflow_providers_pinning.models import DagModules
from tests.support.dag_processor import Processor
from tests.support.lab import Lab
from tests.support.sources import dag_file


@pytest.fixture
def processor(tmp_path, session, monkeypatch):
    """Return a dag processor over a repository with a Dag that imports a helper."""
    processor = Processor(tmp_path, session, monkeypatch)
    processor.repository.write("lib/rates.py", "RATE = 5\n")
    processor.repository.commit(orders=f"import lib.rates\n{dag_file('orders')}")
    processor.parse()
    return processor


def recorded_modules(session):
    return dict(session.execute(select(DagModules.dag_id, DagModules.modules)).all())


def statements_of(act, session):
    """Return what is sent to the database meanwhile, by whichever session."""
    sent = []
    engine = session.get_bind()

    def note(connection, cursor, statement, *others):
        sent.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        act()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    return sent


def test_dags_that_nothing_manages_cost_no_statement(processor, session):
    sent = statements_of(processor.parse, session)
    assert [statement for statement in sent if "pinning_dag_modules" in statement] == []
    assert recorded_modules(session) == {}


def test_modules_of_a_managed_dag_are_written_when_they_change(processor, session, tmp_path):
    Lab(tmp_path / "lab", session).pin("orders", 1)
    processor.parse()
    assert recorded_modules(session) == {"orders": ["lib/rates.py", "orders.py"]}
    sent = statements_of(processor.parse, session)
    assert [s.split()[0] for s in sent if "pinning_dag_modules" in s] == ["SELECT"]

    processor.repository.commit(orders=dag_file("orders"))
    processor.parse()
    assert recorded_modules(session) == {"orders": ["orders.py"]}


def test_what_is_recorded_once_is_not_asked_for_again(processor, session, tmp_path):
    from airflow_providers_pinning.enforcement.dag_processor.dag_modules import RecordedModules

    Lab(tmp_path / "lab", session).pin("orders", 1)
    recorded = RecordedModules()
    recorded.note(frozenset({"orders"}), ("orders.py",))
    sent = statements_of(lambda: recorded.note(frozenset({"orders"}), ("orders.py",)), session)
    assert sent == []


def test_trouble_with_the_record_does_not_stop_parsing(processor, session, tmp_path, monkeypatch):
    from airflow_providers_pinning.domain.files import modules

    Lab(tmp_path / "lab", session).pin("orders", 1)
    monkeypatch.setattr(modules, "recorded_modules", lambda *args, **options: 1 / 0)
    processor.parse()
    assert recorded_modules(session) == {}


class Strange:
    """A module that computes its attributes, and fails at it."""

    def __getattr__(self, name):
        raise RuntimeError(name)


def test_modules_may_be_anything(tmp_path):
    result = SimpleNamespace(warnings=None)

    def parse():
        sys.modules["strange_one"] = Strange()
        sys.modules["strange_two"] = None
        sys.modules["strange_three"] = SimpleNamespace(__file__=3)
        sys.modules["strange_four"] = SimpleNamespace(__file__=f"{tmp_path}/a b/größe.py")
        sys.modules["strange_five"] = SimpleNamespace(__file__=f"{tmp_path}-beside/x.py")
        return result

    try:
        assert parse_file(SimpleNamespace(proceed=parse, msg=SimpleNamespace(bundle_path=tmp_path))) is result
    finally:
        for name in [name for name in sys.modules if name.startswith("strange_")]:
            del sys.modules[name]
    assert take_modules(result) == ("a b/größe.py",)


def test_warnings_of_airflow_are_left_as_they_are():
    theirs = {"dag_id": "orders", "warning_type": "runtime varying value", "message": "m"}
    result = SimpleNamespace(warnings=[theirs, {MODULES: ["a.py"]}])
    assert take_modules(result) == ("a.py",)
    assert result.warnings == [theirs]
    assert take_modules(result) is None
    assert take_modules(None) is None


def test_a_callback_has_no_result_to_tell_it_in(tmp_path):
    assert parse_file(SimpleNamespace(proceed=lambda: None, msg=SimpleNamespace(bundle_path=tmp_path))) is None
