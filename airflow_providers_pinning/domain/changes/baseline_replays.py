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
"""Replays by the active version, to compare with those of a candidate."""

from __future__ import annotations

from collections.abc import Sequence

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.isolation import Isolation, settle
from airflow_providers_pinning.domain.canaries.replays import inputs_of
from airflow_providers_pinning.domain.changes.canary_runs import Common, create_run, new_run_ids
from airflow_providers_pinning.domain.dag_model.stored_dags import read_dag
from airflow_providers_pinning.domain.errors import NothingToReplayError
from airflow_providers_pinning.domain.history.events import Caller
from airflow_providers_pinning.domain.versions.identity import VersionIdentity


def require_baseline(dag_id: str, candidate: VersionIdentity, active: VersionIdentity | None) -> VersionIdentity:
    """
    Return the version that replays the same runs.

    :param dag_id: the Dag
    :param candidate: the version that is tried
    :param active: the pinned version
    :raises NothingToReplayError: if none is pinned, or the candidate is
    """
    if active is not None and active.dag_version_id != candidate.dag_version_id:
        return active
    why = (
        "the next commit could rewrite the active version. Pin a version, or omit the baseline"
        if active is None
        else f"{candidate.label} is the active version itself. Omit the baseline"
    )
    raise NothingToReplayError(
        f"There is no baseline for replays by {candidate.label} of Dag {dag_id!r}: {why}.",
        dag_id=dag_id,
        version_number=candidate.version_number,
    )


def create_baseline_replays(
    dag_model: DagModel,
    active: VersionIdentity,
    replayed: Sequence[DagRun],
    isolation: Isolation,
    caller: Caller,
    note: str | None,
    *,
    session: Session,
) -> dict[str, str]:
    """
    Let the active version replay live runs, isolated as the candidate's replays are.

    :return: ids of the runs that it replays, by those of its replays
    """
    dag_id = dag_model.dag_id
    dag = read_dag(active, dag_id=dag_id, session=session)
    settled = settle(isolation, dag, dag_model.max_active_runs, session=session)
    common = Common(dag, active, settled, caller, note)
    runs = new_run_ids(dag_id, active, len(replayed))
    inputs = inputs_of(dag, replayed, runs, session=session)
    for run_id, given in inputs.items():
        create_run(common, run_id, runs[run_id], given, session=session)
    return {run_id: original.run_id for run_id, original in zip(inputs, replayed, strict=True)}
