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
A broken pin of an asset-triggered Dag does not affect other Dags.

Airflow assumes that the Dag of every queued asset event can be read. ``DagModel.dags_needing_dagruns`` deserializes
all of them together: one with a missing plugin would crash the scheduler repeatedly, because the next parse does not
remove a pin. ``AssetManager._queue_partitioned_dags`` runs where a task publishes the asset: a consumer that is not
found would fail the task of another Dag. Such a Dag is skipped and logged, and for a partition also recorded in
Airflow's audit log.

Shown by ``tests/unit/enforcement/scheduler/test_assets.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.scheduler import retry_backoff

log = logging.getLogger(__name__)


def dags_needing_dagruns(call: Call) -> Any:
    """Find due Dags, plus as many as are known to get no run."""
    from airflow_providers_pinning.domain.canaries.slots import without_canaries

    dag_model = call.instance
    places = dag_model.NUM_DAGS_PER_DAGRUN_QUERY
    dag_model.NUM_DAGS_PER_DAGRUN_QUERY = places + retry_backoff.count()
    try:
        with without_canaries(call.session):
            return _find_due(call)
    finally:
        dag_model.NUM_DAGS_PER_DAGRUN_QUERY = places


def _find_due(call: Call) -> Any:
    """If the search fails, skip the pinned Dags that cannot be read."""
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_providers_pinning.domain.resolution.asset_listeners import left_out, unreadable_listeners

    try:
        return call.proceed()
    except SQLAlchemyError:
        raise
    except Exception:
        unreadable = unreadable_listeners(session=call.session)
        if not unreadable:
            raise
    log.error(
        "The pinned versions of these Dags cannot be deserialized, so their assets trigger no runs: %s. Install the "
        "plugins that they were parsed with, pin other versions or unpin the Dags.",
        sorted(unreadable),
    )
    with left_out(unreadable):
        return call.proceed()


def queue_partitioned_dags(call: Call) -> None:
    """Queue a partition for each consumer, so a broken pin fails alone."""
    from airflow.models.log import Log
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_providers_pinning.domain.resolution.locked_pin import pinned_version_ids

    session, listeners = call.session, list(call.partition_dags)
    if not listeners or not call.partition_key:
        call.proceed()
        return
    for dag in listeners:
        try:
            call.proceed(partition_dags=[dag])
        except SQLAlchemyError:
            raise
        except Exception as error:
            if not pinned_version_ids([dag.dag_id], session=session):
                raise
            lost = (
                f"Partition {call.partition_key!r} is not queued for Dag {dag.dag_id!r}, whose pinned version is "
                f"missing, changed or unreadable ({error}). Pin another version or unpin the Dag, and publish the "
                "asset again."
            )
            log.exception("%s", lost)
            session.add(Log(event="pin unavailable", extra=lost, task_instance=call.task_instance))
