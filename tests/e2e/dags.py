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
"""Sources of the Dags that the browser shows."""

from __future__ import annotations

MARKUP = "<img src=x onerror=alert(1)>"
"""What would run a script if it were not escaped."""
STOCKS = "practice_stocks"
"""A Dag, and the asset that it updates."""

_FILE = """\
from datetime import datetime, timedelta, timezone

from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG, Asset, Param

with DAG(
    {dag_id!r},
    schedule={schedule},
    start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
    catchup=False,
    max_active_runs={max_active_runs},
    params={params},
    is_paused_upon_creation=False,
    {arguments}
):
{tasks}
"""


def dag_file(
    dag_id: str,
    tasks: dict[str, str],
    *,
    schedule: str = "None",
    params: str = "{}",
    max_active_runs: int = 16,
    arguments: str = "",
    of_tasks: str = "",
) -> str:
    """
    Return the source of a file with one Dag, whose tasks run one after the other.

    :param dag_id: id of the Dag
    :param tasks: command of each task
    :param schedule: source of the schedule
    :param params: source of the parameters
    :param max_active_runs: its limit
    :param arguments: source of further arguments of ``DAG``
    :param of_tasks: source of further arguments of each task
    """
    lines = [
        f"    BashOperator(task_id={name!r}, bash_command={command!r}{of_tasks})" for name, command in tasks.items()
    ]
    return _FILE.format(
        dag_id=dag_id,
        schedule=schedule,
        params=params,
        max_active_runs=max_active_runs,
        arguments=arguments,
        tasks="    (\n        " + "\n        >> ".join(line.strip() for line in lines) + "\n    )",
    )


EXTRACT, LOAD = "shop export orders", "warehouse load orders"

ORDERS = (
    dag_file(
        "orders",
        {"extract": EXTRACT, "load": LOAD},
        schedule="'0 */6 * * *'",
        params="{'region': Param('eu', type='string')}",
    ),
    dag_file(
        "orders",
        {"extract": f"{EXTRACT} --verbose", "load": LOAD},
        schedule="'0 */6 * * *'",
        params="{'region': Param('eu', type='string')}",
    ),
    dag_file(
        "orders",
        {"extract": EXTRACT, "convert": "shop convert --to EUR", "load": LOAD},
        schedule="'0 */6 * * *'",
        params="{'region': Param('eu', type='string'), 'currency': Param('EUR', type='string')}",
    ),
    dag_file(
        "orders",
        {"extract": EXTRACT, "convert": "shop convert --to EUR --round", "load": LOAD, "report": "shop report"},
        schedule="'0 */4 * * *'",
        params="{'region': Param('eu', type='string'), 'currency': Param('EUR', type='string')}",
        max_active_runs=4,
    ),
)
"""The versions of the Dag with the long story."""


def plain(dag_id: str, version: int) -> str:
    """Return the source of one of three versions of a Dag, which differ in tasks, schedule and parameters."""
    tasks = {"extract": "echo extract", "load": "echo load"}
    if version > 1:
        tasks = {"extract": "echo extract more", "check": "echo check", "load": "echo load"}
    if version > 2:
        del tasks["load"]
    return dag_file(
        dag_id,
        tasks,
        schedule=("'0 4 * * *'", "'30 5 * * *'", "'@hourly'")[version - 1],
        params="{}" if version < 2 else "{'size': Param(1, type='integer')}",
    )


def with_asset(version: int) -> str:
    """Return the source of a Dag that updates an asset."""
    return dag_file(STOCKS, {"count": f"echo {version}"}, of_tasks=f", outlets=[Asset({STOCKS!r})]")


def with_markup(version: int) -> str:
    """Return the source of a Dag that holds markup wherever a text may stand."""
    return dag_file(
        "markup",
        {"extract": f"echo {version} '{MARKUP}'"},
        params=f"{{'text': Param({MARKUP + str(version)!r}, type='string', description={MARKUP!r})}}",
        arguments=f"dag_display_name={MARKUP!r}, description={MARKUP + str(version)!r}, doc_md={MARKUP!r},",
    )
