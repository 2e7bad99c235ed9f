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
"""What stands in Airflow's database, read without Airflow's models and without the right to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any
from uuid import UUID

from sqlalchemy import Boolean, DateTime, Executable, Uuid, bindparam, create_engine, event, inspect, text


@dataclass(frozen=True)
class TaskInstance:
    """One task instance."""

    task_id: str
    map_index: int
    state: str | None
    try_number: int
    version_number: int | None


@dataclass(frozen=True)
class Run:
    """One Dag run, with the version that it was created with."""

    id: int
    dag_id: str
    run_id: str
    run_type: str
    state: str
    logical_date: datetime | None
    created_at: datetime
    run_after: datetime
    bundle_version: str | None
    version_number: int | None
    tasks: tuple[TaskInstance, ...]

    @property
    def scheduled_for(self) -> datetime:
        """Its logical date, which every scheduled run has."""
        if self.logical_date is None:
            raise ValueError(f"Run {self.run_id} has no logical date")
        return self.logical_date

    @property
    def task_ids(self) -> set[str]:
        """Ids of its tasks."""
        return {task.task_id for task in self.tasks}

    @property
    def task_version_numbers(self) -> set[int | None]:
        """Versions of its task instances, which are all the run's own if all is well."""
        return {task.version_number for task in self.tasks}

    @property
    def is_finished(self) -> bool:
        """Whether it has succeeded or failed."""
        return self.state in ("success", "failed")


@dataclass(frozen=True)
class Version:
    """One registered Dag version."""

    id: UUID
    number: int
    bundle_name: str | None
    bundle_version: str | None
    dag_hash: str


class Database:
    """
    Read-only access to Airflow's database.

    :param url: SQLAlchemy's URL of it
    """

    def __init__(self, url: str) -> None:
        self._engine = create_engine(url)
        if self._engine.dialect.name == "sqlite":
            event.listen(self._engine, "connect", lambda connection, _: connection.execute("PRAGMA query_only = ON"))

    def rows(self, statement: str | Executable, **parameters: Any) -> list[dict[str, Any]]:
        """
        Read rows; times without a zone, which is how SQLite stores them, are given UTC.

        :param statement: SQL with ``:name`` parameters, or a SQLAlchemy statement
        :param parameters: values of the parameters
        """
        with self._engine.connect().execution_options(postgresql_readonly=True) as connection:
            found = connection.execute(text(statement) if isinstance(statement, str) else statement, parameters)
            return [{name: _with_zone(value) for name, value in row.items()} for row in found.mappings()]

    def value(self, statement: str | Executable, **parameters: Any) -> Any:
        """Read the first column of the first row, ``None`` if there is no row."""
        rows = self.rows(statement, **parameters)
        return next(iter(rows[0].values())) if rows else None

    def runs(self, dag_id: str, *, run_type: str | None = None, after: int = 0) -> list[Run]:
        """
        List the runs of a Dag in the order in which they were created.

        :param dag_id: the Dag
        :param run_type: only runs of this type, such as ``scheduled``
        :param after: only runs whose ``id`` is higher
        """
        found = self.rows(
            text(
                "SELECT r.id, r.dag_id, r.run_id, r.run_type, r.state, r.logical_date, r.created_at, r.run_after,"
                " r.bundle_version,"
                " v.version_number"
                " FROM dag_run r LEFT JOIN dag_version v ON v.id = r.created_dag_version_id"
                " WHERE r.dag_id = :dag_id AND r.id > :after ORDER BY r.id"
            ).columns(
                logical_date=DateTime(timezone=True),
                created_at=DateTime(timezone=True),
                run_after=DateTime(timezone=True),
            ),
            dag_id=dag_id,
            after=after,
        )
        wanted = [row for row in found if run_type in (None, row["run_type"])]
        tasks = self._tasks(dag_id) if wanted else {}
        return [Run(**row, tasks=tuple(tasks.get(row["run_id"], ()))) for row in wanted]

    def versions(self, dag_id: str) -> list[Version]:
        """List the registered versions of a Dag, oldest first."""
        found = self.rows(
            text(
                "SELECT v.id, v.version_number AS number, v.bundle_name, v.bundle_version, s.dag_hash"
                " FROM dag_version v JOIN serialized_dag s ON s.dag_version_id = v.id"
                " WHERE v.dag_id = :dag_id ORDER BY v.version_number"
            ).columns(id=Uuid()),
            dag_id=dag_id,
        )
        return [Version(**row) for row in found]

    def stored_version(self, version: Version) -> Mapping[str, list[dict[str, Any]]]:
        """Read everything that is stored of a version, to see whether any of it changed."""
        tables = {"dag_version": "id", "serialized_dag": "dag_version_id", "dag_code": "dag_version_id"}
        return {
            table: self.rows(
                text(f"SELECT * FROM {table} WHERE {column} = :id").bindparams(bindparam("id", type_=Uuid())),
                id=version.id,
            )
            for table, column in tables.items()
        }

    def dag(self, dag_id: str) -> dict[str, Any] | None:
        """Read a Dag's row, which is what the scheduler works from; ``None`` if there is none."""
        found = self.rows(
            text("SELECT * FROM dag WHERE dag_id = :dag_id").columns(
                is_paused=Boolean(),
                is_stale=Boolean(),
                has_import_errors=Boolean(),
                next_dagrun=DateTime(timezone=True),
                next_dagrun_create_after=DateTime(timezone=True),
                last_parsed_time=DateTime(timezone=True),
            ),
            dag_id=dag_id,
        )
        return found[0] if found else None

    def import_errors(self, bundle_name: str) -> dict[str, str]:
        """Read the import errors of a bundle: its files' paths and the tracebacks."""
        found = self.rows(
            "SELECT filename, stacktrace FROM import_error WHERE bundle_name = :bundle_name", bundle_name=bundle_name
        )
        return {row["filename"]: row["stacktrace"] for row in found}

    def bundle_version(self, bundle_name: str) -> str | None:
        """Read the commit that the dag processor has last fetched."""
        return self.value("SELECT version FROM dag_bundle WHERE name = :bundle_name", bundle_name=bundle_name)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _tasks(self, dag_id: str) -> dict[str, list[TaskInstance]]:
        tasks: dict[str, list[TaskInstance]] = {}
        # Asked each time, as the database may be migrated meanwhile.
        columns = {column["name"] for column in inspect(self._engine).get_columns("task_instance")}
        # Since Airflow 3.4, earlier tries are rows too, and the index has another name.
        index, current = ("t.map_index", "") if "map_index" in columns else ("t.region_index", " AND t.working_set")
        statement = (
            f"SELECT t.run_id, t.task_id, {index} AS map_index, t.state, t.try_number, v.version_number"
            " FROM task_instance t LEFT JOIN dag_version v ON v.id = t.dag_version_id"
            f" WHERE t.dag_id = :dag_id{current} ORDER BY t.task_id, {index}"
        )
        for row in self.rows(
            statement,
            dag_id=dag_id,
        ):
            tasks.setdefault(row.pop("run_id"), []).append(TaskInstance(**row))
        return tasks


def _with_zone(value: Any) -> Any:
    return value.replace(tzinfo=timezone.utc) if isinstance(value, datetime) and value.tzinfo is None else value
