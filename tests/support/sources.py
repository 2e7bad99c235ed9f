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
"""Sources of Dags whose versions differ in everything that a pin must hold."""

from __future__ import annotations

STABLE = """
    from datetime import datetime, timezone
    from airflow.sdk import DAG, Param
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG(
        "orders",
        schedule="@daily",
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=2,
        tags=["stable"],
        params={"size": Param(1, type="integer")},
        is_paused_upon_creation=False,
    ):
        EmptyOperator(task_id="extract") >> EmptyOperator(task_id="load")
"""

CHANGED = """
    from datetime import datetime, timezone
    from airflow.sdk import DAG, Param
    from airflow.providers.standard.operators.empty import EmptyOperator

    with DAG(
        "orders",
        schedule="@hourly",
        start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
        catchup=False,
        max_active_runs=7,
        tags=["changed"],
        params={"name": Param("x", type="string")},
        is_paused_upon_creation=False,
    ):
        EmptyOperator(task_id="extract") >> EmptyOperator(task_id="transform") >> EmptyOperator(task_id="load")
"""

BROKEN = "this is not Python\n"

_IMPORTS = """\
from datetime import datetime, timedelta, timezone
from airflow.sdk import (
    DAG, Asset, AsyncCallback, DeadlineAlert, DeadlineReference, IdentityMapper, Param,
    PartitionedAssetTimetable, StartOfDayMapper, StartOfHourMapper, task, task_group,
)
from airflow.providers.standard.operators.empty import EmptyOperator
"""


def dag_file(dag_id: str = "orders", arguments: str = "schedule=None", tasks: str = "extract", body: str = "") -> str:
    """
    Return the source of a file with one Dag.

    :param dag_id: id of the Dag
    :param arguments: source of further arguments of ``DAG``
    :param tasks: ids of empty tasks, in the order in which they run
    :param body: source of what else stands in the Dag, at the outermost indentation
    """
    chain = " >> ".join(f"EmptyOperator(task_id={name!r})" for name in tasks.split())
    indented = "".join(f"    {line}\n" for line in body.splitlines())
    return (
        f"{_IMPORTS}\n"
        f"with DAG({dag_id!r}, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc), catchup=False,\n"
        f"         is_paused_upon_creation=False, {arguments}):\n"
        f"    {chain or 'pass'}\n{indented}"
    )
