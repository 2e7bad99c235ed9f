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
"""What a user reads of other Dags in messages about one that they may see: the names of some are not theirs to know."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from typing import Annotated

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dag import DagModel
from fastapi import Depends
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.api.sight import sight_of
from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.monitoring.health import Health
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState
from airflow_providers_pinning.domain.sight import Sight

_QUOTED = re.compile(r"'([\w.-]+)'")
"""A Dag's id in a message, among other words."""
_DAG = re.compile(r"Dag '([\w.-]+)'")

HIDDEN = "a Dag that you may not see"


def without_names(texts: Iterable[str], own: Iterable[str], sight: Sight, *, session: Session) -> Callable[[str], str]:
    """
    Return what takes the names of Dags that a user may not see out of some messages.

    :param texts: the messages, which are looked at together
    :param own: ids of the Dags that they are about
    :param sight: which Dags the user may see
    :param session: database session
    """
    told = list(texts)
    named = {name for text in told for name in _QUOTED.findall(text)} - set(own)
    unseen = named - sight.among(named) if named else set()
    # Other words are quoted as well.
    hidden = unseen & {name for text in told for name in _DAG.findall(text)}
    for page in pages(sorted(unseen - hidden)):
        hidden.update(session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(page))))

    def shown(text: str) -> str:
        for name in hidden.intersection(_QUOTED.findall(text)):
            text = text.replace(f"Dag '{name}'", HIDDEN).replace(f"'{name}'", HIDDEN)
        return text

    return shown


def _shown_state(user: GetUserDep, session: SessionDep, state: ReleaseState) -> ReleaseState:
    problems = state.health.problems
    texts = [*state.warnings, *(problem.message for problem in problems)]
    if not any(name != state.dag_id for text in texts for name in _QUOTED.findall(text)):
        return state
    shown = without_names(texts, [state.dag_id], sight_of(user, session=session), session=session)
    return replace(
        state,
        warnings=tuple(map(shown, state.warnings)),
        health=Health(tuple(replace(problem, message=shown(problem.message)) for problem in problems)),
    )


def _shown(user: GetUserDep, session: SessionDep) -> Callable[[ReleaseState], ReleaseState]:
    return partial(_shown_state, user, session)


ShownDep = Annotated[Callable[[ReleaseState], ReleaseState], Depends(_shown)]
"""Takes the names of other Dags that the user may not see out of what a release state says."""
