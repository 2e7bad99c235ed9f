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
"""Keep pinned Dags schedulable, whatever happens to their files at HEAD."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from airflow.models.dag import DagModel
from airflow.models.dagbundle import DagBundleModel
from sqlalchemy import ColumnElement, literal, or_, select, update
from sqlalchemy.orm import LoaderCriteriaOption, ORMExecuteState, Session, with_loader_criteria

from airflow_providers_pinning.domain.sessions import listening
from airflow_providers_pinning.models import Pin


@contextmanager
def pinned_dags_passed_over(session: Session) -> Iterator[None]:
    """
    Make the statements inside the block that find or mark stale Dags skip pinned ones.

    Airflow marks Dags as stale or as having import errors when their file at HEAD does not parse or is gone, neither of
    which affects a pinned version. Dags of a bundle that is no longer configured are not skipped, because nothing could
    run them.

    :param session: session of the marking transaction
    """
    criteria = _not_kept_active()

    def pass_over(state: ORMExecuteState) -> None:
        if (state.is_select or state.is_update) and state.bind_mapper is DagModel.__mapper__:
            state.statement = state.statement.options(criteria)

    with listening(session, pass_over):
        yield


@cache
def _not_kept_active() -> LoaderCriteriaOption:
    return with_loader_criteria(DagModel, ~_is_kept_active(), propagate_to_loaders=False)


def _is_kept_active() -> ColumnElement[bool]:
    return (
        select(literal(1))
        .select_from(Pin)
        .join(DagBundleModel, DagBundleModel.name == Pin.bundle_name)
        .where(Pin.dag_id == DagModel.dag_id, Pin.dag_version_id.is_not(None), DagBundleModel.active.is_(True))
        .correlate(DagModel)
        .exists()
    )


def take_marks_back(*, session: Session) -> None:
    """
    Clear ``is_stale`` and ``has_import_errors`` on pinned Dags.

    A host without the enforcement sets them, and so does every host while their bundle is not configured.
    """
    session.execute(
        update(DagModel)
        .where(or_(DagModel.is_stale.is_(True), DagModel.has_import_errors.is_(True)), _is_kept_active())
        .values(is_stale=False, has_import_errors=False)
        .execution_options(synchronize_session=False)
    )
