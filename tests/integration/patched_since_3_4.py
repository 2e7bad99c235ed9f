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
"""What Airflow 3.4 does through the functions that are patched there only, as ``patched_functions.py`` has it."""

from __future__ import annotations

from types import SimpleNamespace

from airflow.api_fastapi.core_api.datamodels.assets import MaterializeAssetBody
from airflow.api_fastapi.core_api.datamodels.dag_run import TriggerDAGRunPostBody
from airflow.api_fastapi.core_api.routes.public import assets, dag_run
from airflow.models.asset import AssetModel
from airflow.models.dag import DagModel, DagSchedulingState
from airflow.models.dagbag import DBDagBag
from airflow.models.taskinstance import TaskInstance
from airflow.utils.state import DagRunState, TaskInstanceState
from sqlalchemy import select

from tests.integration.patched_functions import RELIED_ON, Act, Row, World, create_asset_triggered_runs

USER = SimpleNamespace(get_display_name=lambda: "user", get_name=lambda: "user", get_id=lambda: "user")
REQUEST = SimpleNamespace(headers={})


def trigger_by_commit(world: World) -> Act:
    """Trigger a run of the commit that is pinned, if one is."""
    world.register()
    world.manage()
    body = TriggerDAGRunPostBody(logical_date=None, bundle_version=world.commit)
    how = {"dag_bag": DBDagBag(), "user": USER, "session": world.session, "request": REQUEST}
    return lambda: dag_run.trigger_dag_run(dag_id=world.dag_id, body=body, **how)


def materialize(world: World) -> Act:
    """Ask for a run that publishes an asset, of the commit that is pinned, if one is."""
    asset = f"made_{world.dag_id}"
    tasks = "\n".join(f"EmptyOperator(task_id={name!r}, outlets=[Asset({asset!r})])" for name in world.task_ids)
    world.register(body=tasks)
    world.manage()
    asset_id = world.session.scalars(select(AssetModel.id).where(AssetModel.name == asset)).one()
    world.session.commit()
    body = MaterializeAssetBody(bundle_version=world.commit)
    how = {"dag_bag": DBDagBag(), "user": USER, "session": world.session, "body": body}
    # The question who may do it is left to the tests of the API.
    allowed = SimpleNamespace(is_authorized_dag=lambda **_: True)

    def act() -> None:
        before, assets.get_auth_manager = assets.get_auth_manager, lambda: allowed
        try:
            assets.materialize_asset(asset_id=asset_id, **how)
        finally:
            assets.get_auth_manager = before

    return act


def delete_every_try(world: World) -> Act:
    world.running(TaskInstanceState.SUCCESS)
    [run] = world.runs()
    which = {"dag_id": run.dag_id, "run_id": run.run_id, "task_id": world.task_ids[0]}
    return lambda: TaskInstance.delete_attempts(**which, session=world.session)


def finish_draining(world: World) -> Act:
    """Pause the Dag that has drained, beside others that have runs."""
    world.running(TaskInstanceState.SUCCESS, runs=world.size)
    for run in world.runs():
        run.state = DagRunState.SUCCESS
    world.session.get(DagModel, world.dag_id).set_scheduling_state(DagSchedulingState.DRAINING)
    world.session.commit()
    world.session.expunge_all()

    def act() -> None:
        world.runner._finalize_draining_dags(session=world.session)
        assert world.session.get(DagModel, world.dag_id).is_paused

    return act


EXEMPT = {"require_auth": RELIED_ON}
"""As in ``patched_functions.py``."""

ROWS = (
    Row(create_asset_triggered_runs, ("SchedulerJobRunner._select_consumed_asset_events",)),
    Row(finish_draining, ("SchedulerJobRunner._finalize_draining_dags",)),
    Row(trigger_by_commit, ("trigger_dag_run", "SerializedDAG.create_dagrun")),
    Row(materialize, ("materialize_asset", "SerializedDAG.create_dagrun")),
    Row(delete_every_try, ("TaskInstance.delete_attempts",)),
)
