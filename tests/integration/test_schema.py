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
"""The tables of the pin store, made either way, and their removal."""

from __future__ import annotations

import pytest
from airflow import settings
from airflow.utils import db
from sqlalchemy import inspect, text

from airflow_providers_pinning.db_manager import REVISION_HEADS, PinningDBManager
from airflow_providers_pinning.models import Base
from tests.support.rows import fill_every_table

TABLES = set(Base.metadata.tables)


@pytest.fixture
def manager(session):
    """Return the manager of the pin store, whose tables are there again afterwards."""
    yield PinningDBManager(session)
    session.rollback()
    PinningDBManager(session).upgradedb()


def tables_of_the_store():
    return {name for name in inspect(settings.engine).get_table_names() if name.startswith("pinning_")}


def schema():
    """Describe every column, key and index."""
    found = inspect(settings.engine)
    return {
        table: {
            "columns": [
                (column["name"], repr(column["type"]), column["nullable"], column["default"])
                for column in found.get_columns(table)
            ],
            "primary_key": found.get_pk_constraint(table),
            "unique": sorted(found.get_unique_constraints(table), key=str),
            "indexes": sorted(found.get_indexes(table), key=str),
            "foreign_keys": found.get_foreign_keys(table),
        }
        for table in tables_of_the_store()
    }


def remove(manager, session):
    manager.downgrade("base")
    session.commit()


def test_migrations_and_models_make_the_same_tables(manager, session):
    remove(manager, session)
    manager.upgradedb(use_migration_files=True)
    migrated = schema()
    remove(manager, session)
    Base.metadata.create_all(settings.engine)
    created = schema()
    Base.metadata.drop_all(settings.engine)
    assert migrated == created
    assert set(created) == TABLES


def test_downgrade_removes_every_table_and_nothing_else(manager, session):
    before = set(inspect(settings.engine).get_table_names())
    remove(manager, session)
    assert before - set(inspect(settings.engine).get_table_names()) == TABLES
    assert manager.check_migration() is False


def test_upgrade_after_a_downgrade_is_complete(manager, session):
    remove(manager, session)
    manager.upgradedb()
    assert tables_of_the_store() == TABLES
    assert manager.check_migration() is True


def test_downgrade_to_the_first_release_keeps_what_that_knows(manager, session):
    remove(manager, session)
    manager.upgradedb(use_migration_files=True)
    with settings.engine.begin() as connection:
        fill_every_table(connection)

    manager.downgrade(REVISION_HEADS["0.1.0"])
    session.commit()

    kept = tables_of_the_store()
    assert kept == {"pinning_pin", "pinning_version", "pinning_event", "pinning_run", "pinning_component"}
    manager.upgradedb(use_migration_files=True)
    rows = {table: session.scalar(text(f"SELECT count(*) FROM {table}")) for table in TABLES}
    session.commit()
    remove(manager, session)
    assert rows == {table: int(table in kept) for table in TABLES}


def test_reset_of_the_whole_database_works(manager, lab, session):
    from tests.support.sources import STABLE

    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    session.close()
    db.resetdb()
    assert tables_of_the_store() == TABLES
    assert PinningDBManager(session).check_migration() is True
