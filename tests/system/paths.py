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
"""Dags of which two versions differ in everything that a pin must hold, one Dag for each way to a run."""

from __future__ import annotations

HELPER = "team_helper.py"

TEMPLATE = """
from datetime import datetime, timedelta, timezone

from airflow.sdk import DAG, Asset, Param, TaskGroup, task
from airflow.providers.standard.operators.trigger_dagrun import TriggerDagRunOperator

from team_helper import SAYS

ORDERS = Asset("orders")
START = datetime(2026, 1, 1, tzinfo=timezone.utc)
COMMON = dict(start_date=START, catchup=False, max_active_runs={limit}, params={{"{param}": Param(1, type="integer")}})


@task
def say():
    import team_helper

    print(f"helper says {{SAYS}} and {{team_helper.SAYS}}")


@task
def numbers():
    return [1, 2]


@task(retries=1, retry_delay=timedelta(seconds=1))
def each(number, **context):
    print(f"helper says {{SAYS}} for {{number}}")
    if context["ti"].try_number == 1:
        raise RuntimeError("the first try fails")


def tasks():
    say()
    each.expand(number=numbers())
    with TaskGroup("{group}"):
        task(task_id="inside")(lambda: None)()


with DAG("scheduled", schedule=timedelta(seconds={seconds}), **COMMON):
    say()

with DAG("triggered", schedule=None, rerun_with_latest_version=True, **COMMON):
    tasks()

with DAG("by_asset", schedule={assets}, **COMMON):
    say()

with DAG("daily", schedule="{cron}", **COMMON):
    say()

with DAG("caller", schedule=None, start_date=START):
    TriggerDagRunOperator(task_id="call", trigger_dag_id="triggered")

with DAG("producer", schedule=None, start_date=START):
    task(task_id="produce", outlets=[ORDERS])(lambda: None)()
"""

SECRETS = """
import json
import os
from datetime import datetime, timezone

from airflow.sdk import DAG, Asset, BaseHook, BaseOperator, Variable, task
from tests.system.telling_trigger import TellingTrigger

STATE = Asset("state")
AT_THE_TOP = [BaseHook.get_connection("warehouse").host, Variable.get("bucket")]


@task(outlets=[STATE], templates_dict={"said": "{{ conn.warehouse.host }} {{ var.value.bucket }}"})
def ask(templates_dict, asset_state_store):
    Variable.set("written", "9")
    asset_state_store[STATE].set("watermark", 9)
    told = {
        "top": AT_THE_TOP,
        "template": templates_dict["said"],
        "hook": BaseHook.get_connection("warehouse").host,
        "id": BaseHook.get_connection("warehouse").conn_id,
        "variable": Variable.get("bucket"),
    }
    print("TOLD", json.dumps(told))


@task
def read_back():
    print("TOLD", json.dumps(Variable.get("written")))


class Defer(BaseOperator):
    def execute(self, context):
        self.defer(trigger=TellingTrigger(), method_name="resume")

    def resume(self, context, event):
        print("TOLD", json.dumps(event))


with DAG("secrets", schedule=None, start_date=datetime(2026, 1, 1, tzinfo=timezone.utc)):
    ask() >> read_back() >> Defer(task_id="defer")
"""


def files(version: str) -> dict[str, str]:
    """
    Return the files of one version.

    :param version: what the helper says; everything else differs between ``v1`` and others
    """
    first = version == "v1"
    return {
        HELPER: f"SAYS = {version!r}\n",
        "secrets_of_live_runs.py": SECRETS,
        "paths.py": TEMPLATE.format(
            limit=4 if first else 9,
            param="size" if first else "amount",
            group="first" if first else "second",
            seconds=20 if first else 3600,
            assets="[ORDERS]" if first else '[Asset("something_else")]',
            cron="0 0 * * *" if first else "0 12 * * *",
        ),
    }
