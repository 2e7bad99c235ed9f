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
"""What the commands ``airflow db ...`` do to the pin store, in a process and a database of their own."""

from __future__ import annotations

import pytest

from tests.support.python import answer_of, own_airflow

SCRIPT = """
from airflow.cli import cli_parser
from airflow.cli.commands import db_command
from sqlalchemy import inspect, text

parser = cli_parser.get_parser()


def airflow(*arguments):
    parsed = parser.parse_args(list(arguments))
    return parsed.func(parsed)


def tables():
    from airflow import settings

    return sorted(name for name in inspect(settings.engine).get_table_names() if "pinning" in name)


def rows(table):
    from airflow import settings

    with settings.engine.connect() as connection:
        return connection.execute(text(f"SELECT count(*) FROM {table}")).scalar()


try:
    airflow("db", "check-migrations", "--migration-wait-timeout", "0")
    unmigrated = ""
except TimeoutError as error:
    unmigrated = str(error)
airflow("db", "migrate")
migrated = tables()
airflow("db", "check-migrations", "--migration-wait-timeout", "1")

from airflow.utils.session import create_session
from airflow_providers_pinning.models import Pin

with create_session() as session:
    session.add(Pin(dag_id="orders", revision=1, last_run_before=0))
stored = rows("pinning_pin")
airflow("db", "reset", "--yes")
after_reset = (tables(), rows("pinning_pin"))
airflow("db", "reset", "--yes", "--skip-init")
after_drop = tables()
answer = dict(unmigrated=unmigrated, migrated=migrated, stored=stored, after_reset=after_reset, after_drop=after_drop)
"""
TABLES = [
    "alembic_version_pinning",
    "pinning_acknowledgement",
    "pinning_activation",
    "pinning_approval",
    "pinning_broken_file",
    "pinning_bundle_version",
    "pinning_commit",
    "pinning_commit_files",
    "pinning_component",
    "pinning_criteria",
    "pinning_dag_modules",
    "pinning_event",
    "pinning_evidence",
    "pinning_file_content",
    "pinning_freeze",
    "pinning_gap",
    "pinning_pin",
    "pinning_policy",
    "pinning_ramp",
    "pinning_release",
    "pinning_release_dag",
    "pinning_run",
    "pinning_version",
    "pinning_version_content",
    "pinning_version_files",
    "pinning_withheld_effect",
]


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    return answer_of(SCRIPT, **own_airflow(tmp_path_factory.mktemp("home")))


def test_migrating_creates_the_pin_store(outcome):
    assert outcome["migrated"] == TABLES


def test_resetting_empties_the_pin_store(outcome):
    assert outcome["stored"] == 1
    assert outcome["after_reset"] == [TABLES, 0]


def test_resetting_without_a_new_start_drops_the_pin_store(outcome):
    assert outcome["after_drop"] == []


def test_a_database_that_was_not_migrated_is_noticed(outcome):
    assert "unapplied migrations" in outcome["unmigrated"]
