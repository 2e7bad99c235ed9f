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
"""What commands of Airflow say when the package is installed and its tables are not migrated."""

from __future__ import annotations

import pytest
from airflow import settings
from airflow.cli.cli_parser import get_parser

from airflow_providers_pinning.db_manager import PinningDBManager
from airflow_providers_pinning.models import Base
from tests.support.sources import dag_file


@pytest.fixture
def run(capsys):
    """Run a command as ``airflow`` does, and return how it ended and what it wrote to stderr."""

    def run(*arguments):
        capsys.readouterr()
        args = get_parser().parse_args(arguments)
        try:
            args.func(args)
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return code, capsys.readouterr().err

    return run


@pytest.fixture
def database(lab):
    """Return what alters a database in which a Dag is registered."""
    lab.commit("sha1", orders=dag_file("orders"))
    lab.session.close()
    settings.engine.dispose()

    def alter(*statements):
        with settings.engine.begin() as connection:
            for statement in statements:
                connection.exec_driver_sql(f"ALTER TABLE {statement}")
        settings.engine.dispose()

    return alter


@pytest.fixture
def unmigrated(database):
    """Take the tables away for the length of a test."""
    names = [PinningDBManager.version_table_name, *(table.name for table in Base.metadata.sorted_tables)]
    database(*(f"{name} RENAME TO gone_{name}" for name in names))
    yield
    database(*(f"gone_{name} RENAME TO {name}" for name in names))


@pytest.mark.parametrize(
    "command",
    [
        ("dags", "list"),
        ("dags", "show", "orders"),
        ("dags", "trigger", "orders"),
        ("dags", "next-execution", "orders"),
        ("tasks", "list", "orders"),
        ("backfill", "create", "--dag-id", "orders", "--from-date", "2026-01-01", "--to-date", "2026-01-02"),
    ],
    ids=" ".join,
)
def test_a_command_that_needs_the_tables_says_to_migrate_in_one_line(command, run, unmigrated):
    code, said = run(*command)

    assert code == 1
    [line] = [line for line in said.splitlines() if "airflow-providers-pinning" in line]
    assert "Run `airflow db migrate`" in line
    assert "Traceback" not in said


@pytest.mark.parametrize("command", [("version",), ("variables", "list"), ("db", "check")], ids=" ".join)
def test_a_command_that_does_not_need_them_works(command, run, unmigrated):
    assert run(*command)[0] == 0


def test_a_column_that_a_later_release_brought_is_missed_too(run, database):
    database("pinning_pin RENAME COLUMN bundle_version TO gone")
    try:
        code, said = run("dags", "trigger", "orders")
    finally:
        database("pinning_pin RENAME COLUMN gone TO bundle_version")

    assert (code, "Run `airflow db migrate`" in said) == (1, True)


def test_another_error_of_the_database_is_as_in_stock(run, database):
    database("variable RENAME TO gone_variable")
    try:
        with pytest.raises(Exception, match=r"no such table: variable|relation \"variable\" does not exist"):
            run("variables", "list")
    finally:
        database("gone_variable RENAME TO variable")
