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

import re
from datetime import timedelta
from io import StringIO

import pytest
from airflow import settings
from airflow._shared.timezones import timezone
from airflow.models.base import Base as AirflowBase
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.dialects import mysql
from sqlalchemy.orm import Session

from airflow_providers_pinning import __version__
from airflow_providers_pinning.db_manager import REVISION_HEADS, PinningDBManager
from airflow_providers_pinning.models import Base, Pin
from tests.support.python import ROOT
from tests.support.rows import fill_every_table

TABLES = {table.name for table in Base.metadata.tables.values()}
VERSION_TABLE = PinningDBManager.version_table_name


@pytest.fixture
def engine(airflow_database, tmp_path, monkeypatch):
    """Make Airflow use an empty database for the test."""
    url = f"sqlite:///{tmp_path}/empty.db"
    engine = create_engine(url)
    monkeypatch.setattr(settings, "engine", engine)
    monkeypatch.setattr(settings, "SQL_ALCHEMY_CONN", url)
    yield engine
    engine.dispose()


@pytest.fixture
def manager(engine):
    with Session(engine) as session:
        yield PinningDBManager(session)


def describe(engine):
    """Return everything of the tables that a difference could be in."""
    inspector = inspect(engine)
    return {
        table: {
            "columns": {
                column["name"]: (str(column["type"]), column["nullable"], column["default"])
                for column in inspector.get_columns(table)
            },
            "primary key": inspector.get_pk_constraint(table),
            "indexes": sorted(
                (index["name"], tuple(index["column_names"]), index["unique"]) for index in inspector.get_indexes(table)
            ),
            "unique": sorted(
                (constraint["name"], tuple(constraint["column_names"]))
                for constraint in inspector.get_unique_constraints(table)
            ),
            "foreign keys": inspector.get_foreign_keys(table),
        }
        for table in inspector.get_table_names()
    }


class TestSchema:
    def test_is_the_same_from_the_models_and_from_the_migrations(self, manager, engine, tmp_path):
        manager.upgradedb(use_migration_files=True)
        other = create_engine(f"sqlite:///{tmp_path}/other.db")
        Base.metadata.create_all(other)

        migrated = describe(engine)
        migrated.pop(VERSION_TABLE)
        assert migrated == describe(other)
        other.dispose()

    def test_has_no_difference_that_alembic_would_migrate(self, manager, engine):
        manager.upgradedb(use_migration_files=True)

        with engine.connect() as connection:
            options = {"compare_type": True, "compare_server_default": True, "version_table": VERSION_TABLE}
            assert compare_metadata(MigrationContext.configure(connection, opts=options), Base.metadata) == []

    def test_has_room_for_long_values_on_mysql_in_the_models_and_in_the_migrations(self, manager):
        """MySQL's TEXT and BLOB end at 64 KiB; Airflow's source code and serialized Dags do not."""
        # Airflow's column types look at the database of the first migration that uses them.
        manager.upgradedb(use_migration_files=True)
        printed = StringIO()
        context = MigrationContext.configure(
            dialect_name="mysql", opts={"as_sql": True, "output_buffer": printed, "version_table": VERSION_TABLE}
        )
        with Operations.context(context):
            for revision in reversed(list(manager.get_script_object().walk_revisions())):
                revision.module.upgrade()
        migrated = {
            (table, column)
            for table, columns in re.findall(r"CREATE TABLE (\w+) \((.*?)\n\)", printed.getvalue(), re.DOTALL)
            for column in re.findall(r"(\w+) MEDIUM(?:TEXT|BLOB)", columns)
        }

        long = {
            (table.name, column.name)
            for table in Base.metadata.tables.values()
            for column in table.columns
            if column.type.compile(mysql.dialect()).startswith("MEDIUM")
        }
        assert migrated == long
        assert {column for table, column in long if table == "pinning_version_content"} == {
            "source_code",
            "data_compressed",
        }

    def test_refers_to_no_table_of_airflow(self):
        """Airflow's tables are dropped first when the database is reset."""
        assert [key for table in Base.metadata.tables.values() for key in table.foreign_keys] == []

    def test_has_no_table_that_airflow_has(self, airflow_database):
        assert TABLES.isdisjoint(AirflowBase.metadata.tables)
        assert all(name.startswith("pinning_") for name in TABLES)


class TestUpgrade:
    @pytest.mark.parametrize("use_migration_files", [False, True], ids=["from the models", "from the migrations"])
    def test_creates_every_table(self, use_migration_files, manager, engine):
        manager.initdb(use_migration_files=use_migration_files)

        assert set(inspect(engine).get_table_names()) == {*TABLES, VERSION_TABLE}
        assert manager.check_migration()

    def test_is_needed_as_long_as_the_tables_are_missing(self, manager):
        assert not manager.check_migration()

    def test_twice_changes_nothing(self, manager, engine):
        manager.upgradedb(use_migration_files=True)
        before = describe(engine)

        manager.upgradedb(use_migration_files=True)

        assert describe(engine) == before

    def test_keeps_what_is_stored(self, manager, engine):
        manager.initdb()
        with engine.begin() as connection:
            connection.execute(
                text(
                    "INSERT INTO pinning_pin (dag_id, revision, changed_at, last_run_before) "
                    "VALUES ('orders', 3, '2026-01-01', 0)"
                )
            )

        manager.initdb()

        with engine.connect() as connection:
            assert connection.execute(text("SELECT dag_id, revision FROM pinning_pin")).all() == [("orders", 3)]


class TestDowngrade:
    @pytest.mark.parametrize("use_migration_files", [False, True], ids=["from the models", "from the migrations"])
    def test_to_base_removes_every_table(self, use_migration_files, manager, engine):
        manager.initdb(use_migration_files=use_migration_files)
        manager.session.rollback()

        manager.downgrade("base")

        assert TABLES.isdisjoint(inspect(engine).get_table_names())
        assert not manager.check_migration()

    def test_can_be_undone(self, manager, engine):
        manager.upgradedb(use_migration_files=True)
        before = describe(engine)
        manager.session.rollback()
        manager.downgrade("base")
        manager.session.rollback()

        manager.upgradedb(use_migration_files=True)

        assert describe(engine) == before

    def test_to_the_first_release_keeps_what_that_knows(self, manager, engine):
        manager.upgradedb(use_migration_files=True)
        manager.session.rollback()
        with engine.begin() as connection:
            fill_every_table(connection)

        manager.downgrade(REVISION_HEADS["0.1.0"])
        manager.session.rollback()

        kept = set(inspect(engine).get_table_names()) & TABLES
        assert kept == {"pinning_pin", "pinning_version", "pinning_event", "pinning_run", "pinning_component"}
        manager.upgradedb(use_migration_files=True)
        with engine.connect() as connection:
            rows = {table: connection.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES}
        assert rows == {table: int(table in kept) for table in TABLES}

    def test_lifts_the_holds_that_are_over_and_keeps_the_others(self, manager, engine):
        """The first release knows no end: a hold that is over would be one again, and for ever."""
        manager.upgradedb(use_migration_files=True)
        manager.session.rollback()
        now = timezone.utcnow()
        ends = {
            "long_over": now - timedelta(days=40),
            "over": now - timedelta(seconds=1),
            "later_today": now + timedelta(minutes=1),
            "without_end": None,
        }
        with Session(engine) as session:
            for dag_id, until in ends.items():
                held = {"hold_reason": "month end", "hold_actor": "alice", "hold_at": now, "hold_until": until}
                session.add(Pin(dag_id=dag_id, revision=1, **held))
            session.commit()

        manager.downgrade(REVISION_HEADS["0.1.0"])
        manager.session.rollback()

        with engine.connect() as connection:
            rows = connection.execute(text("SELECT dag_id, hold_reason, hold_actor, hold_at IS NULL FROM pinning_pin"))
            holds = {dag_id: (reason, actor, bool(no_time)) for dag_id, reason, actor, no_time in rows}
        on_hold, lifted = ("month end", "alice", False), (None, None, True)
        assert holds == {"long_over": lifted, "over": lifted, "later_today": on_hold, "without_end": on_hold}

    def test_can_be_printed_instead_of_run(self, manager, engine, capsys):
        manager.initdb()
        manager.session.rollback()

        manager.downgrade("base", show_sql_only=True)

        printed = capsys.readouterr().out
        assert all(f"DROP TABLE {table};" in printed for table in TABLES)
        assert set(inspect(engine).get_table_names()) >= TABLES

    def test_from_a_revision_is_for_printing_only(self, manager):
        with pytest.raises(ValueError, match="only for show_sql_only"):
            manager.downgrade("base", from_revision="a3f1c27d9b40")


class TestRevisions:
    def test_have_one_head_which_is_that_of_this_release(self, manager):
        assert manager.get_script_object().get_heads() == [REVISION_HEADS[__version__]]

    def test_are_in_files_that_are_named_by_number_and_release(self, manager):
        from pathlib import Path

        for number, revision in enumerate(reversed(list(manager.get_script_object().walk_revisions())), start=1):
            assert Path(revision.path).name.startswith(f"{number:04}_")


def test_airflow_finds_the_manager_by_itself(airflow_database):
    from airflow.utils.db_manager import RunDBManager

    found = RunDBManager()

    assert PinningDBManager in found._managers
    found.validate()
    assert {*TABLES, VERSION_TABLE} <= found.get_required_table_names()


def test_every_table_is_described_and_dropped_by_the_documentation():
    documentation = (ROOT / "docs" / "operations.md").read_text()
    dropped = documentation.partition("DROP TABLE")[2].partition(";")[0]
    assert {name.strip() for name in dropped.split(",")} == {*TABLES, VERSION_TABLE}
    assert all(f"| `{table}` |" in documentation for table in TABLES)
