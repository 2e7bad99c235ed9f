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
A pinned Dag that listens to assets and cannot be honoured hurts nobody else.

Stock takes it for granted that the Dag of every queued asset event can be read. ``DagModel.dags_needing_dagruns``
deserializes them all in one go: one whose plugin is gone would end the scheduler, again and again, because a pin
does not go away with the next parse. ``AssetManager._queue_partitioned_dags`` runs where a task publishes the
asset: a listener that is not found would fail the task of another Dag. Such a Dag is left out instead, which
is written to the log, and for a partition to Airflow's audit log too.

Shown by ``tests/unit/enforcement/test_assets.py``.
"""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement import unavailable
from airflow_providers_pinning.enforcement.contract import wrap

log = logging.getLogger(__name__)


def install_on_dag_model(module: ModuleType) -> None:
    """Patch ``airflow.models.dag``."""
    wrap(module, "DagModel.dags_needing_dagruns", dags_needing_dagruns)


def install_on_asset_manager(module: ModuleType) -> None:
    """Patch ``airflow.assets.manager``."""
    wrap(module, "AssetManager._queue_partitioned_dags", queue_partitioned_dags)


def dags_needing_dagruns(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
    """Find the Dags that are due, and as many more as are known to get no run."""
    from airflow_providers_pinning.domain.canaries.slots import without_canaries

    places = instance.NUM_DAGS_PER_DAGRUN_QUERY
    instance.NUM_DAGS_PER_DAGRUN_QUERY = places + unavailable.count()
    try:
        with without_canaries(kwargs["session"] if "session" in kwargs else args[0]):
            return _find_due(wrapped, args, kwargs)
    finally:
        instance.NUM_DAGS_PER_DAGRUN_QUERY = places


def _find_due(wrapped: Any, args: Any, kwargs: Any) -> Any:
    """If the search fails, leave out the pinned Dags that cannot be read."""
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_providers_pinning.domain.resolution.asset_listeners import left_out, unreadable_listeners

    try:
        return wrapped(*args, **kwargs)
    except SQLAlchemyError:
        raise
    except Exception:
        unreadable = unreadable_listeners(session=kwargs["session"] if "session" in kwargs else args[0])
        if not unreadable:
            raise
    log.error(
        "The pinned versions of these Dags cannot be deserialized, so their assets trigger no runs: %s. Install the "
        "plugins that they were parsed with, pin other versions or unpin the Dags.",
        sorted(unreadable),
    )
    with left_out(unreadable):
        return wrapped(*args, **kwargs)


def queue_partitioned_dags(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
    """Queue a partition for each listener, so that a pinned one that cannot be honoured fails alone."""
    from airflow.models.log import Log
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_providers_pinning.domain.resolution.active import pinned_version_ids

    session, listeners = kwargs["session"], list(kwargs["partition_dags"])
    if not listeners or not kwargs["partition_key"]:
        wrapped(*args, **kwargs)
        return
    for dag in listeners:
        try:
            wrapped(*args, **{**kwargs, "partition_dags": [dag]})
        except SQLAlchemyError:
            raise
        except Exception as error:
            if not pinned_version_ids([dag.dag_id], session=session):
                raise
            lost = (
                f"Partition {kwargs['partition_key']!r} is not queued for Dag {dag.dag_id!r}, whose pinned version "
                f"is gone, changed or unreadable ({error}). Pin another version or unpin the Dag, and publish the "
                "asset again."
            )
            log.exception("%s", lost)
            session.add(Log(event="pin unavailable", extra=lost, task_instance=kwargs["task_instance"]))
