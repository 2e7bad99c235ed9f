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
"""
Seams in the scheduler: V, and keeping one broken pin from stopping the others.

V: stock ``_verify_integrity_if_dag_changed`` moves the unfinished task instances of a run without a
bundle version to the latest version. A pin would move runs that were created before it.

A Dag whose pin cannot be honoured is due for a run for ever, because none is made. Stock picks the
longest due Dags first, a few at a time, so such Dags would take every place: the next due time of one is
taken away until its pin changes. Its runs are not created outside ``try`` either: on the asset paths an
exception would end the scheduler.

When it creates scheduled and asset-triggered runs, the scheduler has locked the Dags' rows, which no change of
a pin gets past. So the pins of all these Dags are read at once, instead of one by one for each run.

Shown by ``tests/unit/enforcement/test_scheduler.py``.
"""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap

log = logging.getLogger(__name__)


def install(module: ModuleType) -> None:
    """Patch ``airflow.jobs.scheduler_job_runner``."""
    wrap(module, "SchedulerJobRunner._verify_integrity_if_dag_changed", verify_integrity_if_dag_changed)
    wrap(module, "SchedulerJobRunner._get_current_dag", get_current_dag)
    wrap(module, "SchedulerJobRunner._create_dag_runs", create_dag_runs)
    wrap(module, "SchedulerJobRunner._create_dag_runs_asset_triggered", create_dag_runs_asset_triggered)
    wrap(
        module,
        "SchedulerJobRunner._create_dagruns_for_partitioned_asset_dags",
        create_dagruns_for_partitioned_asset_dags,
    )


def verify_integrity_if_dag_changed(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> bool:
    """Leave the runs of a pinned Dag with the version they were created with."""
    from airflow_providers_pinning.domain.active import is_pinned

    run = args[0] if args else kwargs["dag_run"]
    session = kwargs["session"] if "session" in kwargs else args[1]
    if run.created_dag_version_id and is_pinned(run.dag_id, session=session):
        return True
    return wrapped(*args, **kwargs)


def get_current_dag(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """Read the active version; if a pin stands in the way, take the Dag out of the queue and say why."""
    from airflow.models.dag import DagModel
    from sqlalchemy import update

    from airflow_providers_pinning.domain.active import is_pinned

    dag = wrapped(*args, **kwargs)
    if dag is not None:
        return dag
    dag_id = args[0] if args else kwargs["dag_id"]
    session = kwargs["session"] if "session" in kwargs else args[1]
    if is_pinned(dag_id, session=session):
        log.error(
            "No run of Dag %s is created: its pinned version is gone, changed or unreadable. It is not scheduled "
            "until another version is pinned or it is unpinned.",
            dag_id,
        )
        session.execute(update(DagModel).where(DagModel.dag_id == dag_id).values(next_dagrun_create_after=None))
    return None


def create_dag_runs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
    """Create the scheduled runs with one look at the pins of all these Dags, whose rows are locked."""
    from airflow_providers_pinning.domain.active import held_pins

    dag_models = args[0] if args else kwargs["dag_models"]
    session = kwargs["session"] if "session" in kwargs else args[1]
    if not dag_models:
        wrapped(*args, **kwargs)
        return
    with held_pins([dag_model.dag_id for dag_model in dag_models], session=session):
        wrapped(*args, **kwargs)


def create_dag_runs_asset_triggered(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
    """Create the runs Dag by Dag, so that a pin that cannot be honoured fails alone; these rows are locked too."""
    from airflow_providers_pinning.domain.active import held_pins
    from airflow_providers_pinning.domain.errors import PinUnavailableError

    dag_models, session = kwargs["dag_models"], kwargs["session"]
    with held_pins([dag_model.dag_id for dag_model in dag_models], session=session):
        for dag_model in dag_models:
            try:
                wrapped(dag_models=[dag_model], session=session)
            except PinUnavailableError as error:
                log.error("%s", error)


def create_dagruns_for_partitioned_asset_dags(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """End this round at a pin that cannot be honoured; the next round does not select it."""
    from airflow_providers_pinning.domain.errors import PinUnavailableError

    try:
        return wrapped(*args, **kwargs)
    except PinUnavailableError as error:
        log.error("%s", error)
        return {error.data["dag_id"]}
