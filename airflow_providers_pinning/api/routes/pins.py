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
"""The pin of a Dag."""

from __future__ import annotations

from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.common.router import AirflowRouter
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import Query, Request

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.api.errors import responses
from airflow_providers_pinning.api.hidden_names import ShownDep
from airflow_providers_pinning.api.security import CallerDep, changes, may_read, require_run_edits
from airflow_providers_pinning.domain.changes import pins, rollback, timed
from airflow_providers_pinning.domain.changes.affected_runs import RunRepair
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.schemas.common import (
    ExpectedFreezeId,
    ExpectedPolicyRevision,
    IdempotencyKey,
    IdentityResponse,
    Moment,
    Reason,
    Revision,
    VersionNumber,
)
from airflow_providers_pinning.schemas.pins import PinBody, ReleaseStateResponse
from airflow_providers_pinning.schemas.rollback import PassedOverResponse, RollbackBody, RollbackTargetResponse
from airflow_providers_pinning.schemas.storable import DagId, Text

router = AirflowRouter(tags=["Pin"])

REPAIR_SECONDS = 10.0
"""How long one request repairs runs; sent again, it goes on with those that are left."""


@router.get("/dags/{dag_id}", responses=responses(404), dependencies=[may_read], response_model=ReleaseStateResponse)
def get_release_state(dag_id: DagId, session: SessionDep, shown: ShownDep) -> ReleaseState:
    """Get what new runs of a Dag use, and how that came about."""
    return shown(release_state(dag_id, thorough=True, session=session))


@router.put(
    "/dags/{dag_id}/pin",
    responses=responses(404, 409),
    dependencies=changes("pin_dag_version"),
    response_model=ReleaseStateResponse,
)
def pin_dag_version(
    dag_id: DagId, body: PinBody, caller: CallerDep, session: SessionDep, shown: ShownDep
) -> ReleaseState:
    """Make a version the one that new runs use, at once or from a given time on."""
    target = pins.Target.of(body)
    change = change_of(body, caller)
    return shown(
        commit(
            lambda: timed.pin_version(dag_id, target, change, ignore_verdict=body.ignore_verdict, session=session),
            session=session,
        )
    )


@router.delete(
    "/dags/{dag_id}/pin",
    responses=responses(404, 409),
    dependencies=changes("unpin_dag_version"),
    response_model=ReleaseStateResponse,
)
def unpin_dag_version(
    dag_id: DagId,
    caller: CallerDep,
    session: SessionDep,
    shown: ShownDep,
    reason: Annotated[Reason, Query(description="Why the change is made; kept in the history.")],
    expected_revision: Annotated[Revision | None, Query(description="Refuse if the pin changed since.")] = None,
    expected_version: Annotated[
        VersionNumber | None, Query(description="Refuse with `revision_conflict` if another version is the latest.")
    ] = None,
    expected_dag_hash: Annotated[
        Text | None,
        Query(description="Refuse with `version_drifted` if the hash of the latest version has changed since."),
    ] = None,
    expected_bundle_version: Annotated[
        Text | None,
        Query(description="Refuse with `version_drifted` if the commit of the latest version has changed since."),
    ] = None,
    expected_policy_revision: ExpectedPolicyRevision = None,
    expected_freeze_id: ExpectedFreezeId = None,
    idempotency_key: IdempotencyKey | None = None,
    override_reason: Annotated[Reason | None, Query(description="Reason for overriding a hold.")] = None,
    effective_from: Annotated[
        Moment | None,
        Query(description="When the unpin takes effect, by the database's clock (default: now)."),
    ] = None,
    supersede: Annotated[bool, Query(description="Cancel a pending change instead of refusing this one.")] = False,
) -> ReleaseState:
    """Make the latest version active again, at once or from a given time on."""
    change = Change(
        caller=caller,
        reason=reason,
        expected_revision=expected_revision,
        expected_dag_hash=expected_dag_hash,
        expected_bundle_version=expected_bundle_version,
        expected_policy_revision=expected_policy_revision,
        expected_freeze_id=expected_freeze_id,
        idempotency_key=idempotency_key,
        override_reason=override_reason,
        effective_from=effective_from,
        supersede=supersede,
    )
    return shown(
        commit(lambda: timed.unpin(dag_id, change, expected_version=expected_version, session=session), session=session)
    )


@router.post(
    "/dags/{dag_id}/rollback",
    responses=responses(404, 409),
    dependencies=changes("roll_back_dag_version"),
    response_model=ReleaseStateResponse,
)
def roll_back_dag_version(
    dag_id: DagId,
    body: RollbackBody,
    caller: CallerDep,
    user: GetUserDep,
    request: Request,
    session: SessionDep,
    shown: ShownDep,
) -> ReleaseState:
    """
    Pin the version that was active before, and stop or rerun the runs of the present one.

    With `effective_from` it takes effect later; at once it cancels a pending change.

    A repair needs permission to edit the runs of the Dag as well. While `repair.pending` of the answer is not 0, send
    the same request with the same idempotency key again, to go on.
    """
    repair = (
        RunRepair(**{**dict(body.repair), "run_ids": body.repair.run_ids and tuple(body.repair.run_ids)})
        if body.repair
        else None
    )
    if repair and repair.is_wanted:
        require_run_edits(request, user, session)
    change = change_of(body, caller)
    make = rehearse if body.dry_run else commit
    state = make(
        lambda: timed.roll_back(
            dag_id,
            change,
            to_version=body.to_version,
            expected_version=body.expected_version,
            reject_current=body.reject_current,
            hold=body.hold,
            hold_until=body.hold_until,
            repair=repair,
            session=session,
        ),
        session=session,
    )
    return shown(state if body.dry_run else rollback.repair_runs(state, seconds=REPAIR_SECONDS, session=session))


@router.get("/dags/{dag_id}/rollback", responses=responses(404), dependencies=[may_read])
def get_rollback_target(dag_id: DagId, caller: CallerDep, session: SessionDep) -> RollbackTargetResponse:
    """Tell which version a rollback would pin, and which it would pass over, without rolling back."""
    target = rollback.target_of_rollback(dag_id, caller, session=session)
    return RollbackTargetResponse(
        to_version=IdentityResponse.model_validate(target.version) if target.version else None,
        passed_over=[PassedOverResponse.model_validate(one) for one in target.passed_over],
        current=IdentityResponse.model_validate(target.current) if target.current else None,
        runs=dict(target.runs),
    )
