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
"""The Dags that are measured: 1,000 small ones, in files that exist."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

BUNDLE = "bench"


def dag_id(number: int) -> str:
    """Return the id of one of the Dags."""
    return f"bench_{number:04d}"


def parsed_dag(number: int, commit: str, folder: Path):
    """
    Return a Dag as the dag processor receives it from the process that parsed its file.

    :param number: which Dag
    :param commit: what its tasks print, so that every commit changes every Dag
    :param folder: where its file is
    """
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    with DAG(
        dag_id(number),
        schedule="@daily",
        start_date=datetime(2024, 1, 1, tzinfo=timezone.utc),
        catchup=True,
        max_active_runs=1000,
        is_paused_upon_creation=False,
        tags=["bench"],
    ) as dag:
        extract, transform, load = (
            BashOperator(task_id=name, bash_command=f"echo {name} {commit}")
            for name in ("extract", "transform", "load")
        )
        extract >> transform >> load
    file = _file(number, commit, folder)
    dag.fileloc = str(file)
    dag.relative_fileloc = file.name
    return LazyDeserializedDAG.from_dag(dag)


def busy_dags(tasks: int, commit: str, folder: Path) -> list:
    """
    Return two Dags whose tasks are all ready at once: one of ordinary tasks, and one of as many mapped instances.

    :param tasks: how many tasks each has
    :param commit: in their source
    :param folder: where their file is
    """
    from airflow.providers.standard.operators.bash import BashOperator
    from airflow.sdk import DAG
    from airflow.serialization.serialized_objects import LazyDeserializedDAG

    limits = {"schedule": None, "max_active_runs": 1000, "max_active_tasks": 100_000, "is_paused_upon_creation": False}
    with DAG("busy", **limits) as plain:
        for number in range(tasks):
            BashOperator(task_id=f"task_{number}", bash_command="true")
    with DAG("busy_mapped", **limits) as mapped:
        for number in range(tasks // 5):
            BashOperator.partial(task_id=f"task_{number}").expand(bash_command=["true"] * 5)
    file = _file(0, commit, folder)
    for dag in (plain, mapped):
        dag.fileloc, dag.relative_fileloc = str(file), file.name
    return [LazyDeserializedDAG.from_dag(dag) for dag in (plain, mapped)]


def _file(number: int, commit: str, folder: Path) -> Path:
    file = folder / f"{dag_id(number)}.py"
    source = f"# {dag_id(number)} at {commit}\n"
    if not file.exists() or file.read_text() != source:
        file.write_text(source)
    return file
