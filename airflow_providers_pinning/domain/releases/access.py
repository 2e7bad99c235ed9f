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
"""Check which Dags of a release the caller may change, and hide those that the caller may not see."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import replace

from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.errors import DagsForbiddenError
from airflow_providers_pinning.domain.releases.choice import IDS_AT_ONCE
from airflow_providers_pinning.domain.releases.plan import ReleaseReport
from airflow_providers_pinning.domain.releases.request import Access
from airflow_providers_pinning.domain.text import plural

MAX_NAMED = 10
"""Maximum number of Dags that a message names. The data of the refusal has all of them."""

_QUOTED = re.compile(r"'([\w.-]+)'")
"""A Dag ID within a message."""


def check_access(dag_ids: Collection[str], named: Collection[str], access: Access, *, session: Session) -> None:
    """
    Refuse a caller who may not change all of the Dags.

    The refusal does not reveal whether a Dag exists that the caller named but may not change.

    :param dag_ids: the Dags
    :param named: the Dags that the caller named
    :param access: the permissions of the caller
    :param session: database session
    :raises DagsForbiddenError: with the Dags that the caller named or may see, and the number of others
    """
    if access.editable is None:
        return
    missing = set(dag_ids) - access.editable.among(dag_ids)
    known = _present(missing, session=session)
    forbidden = known | {dag_id for dag_id in missing - known if not access.edits(dag_id)}
    if not forbidden:
        return
    shown = sorted(forbidden & (set(named) | (access.readable.among(forbidden) if access.readable else set())))
    hidden = len(forbidden) - len(shown)
    others = [f"{hidden} that you may not see"] if hidden else []
    raise DagsForbiddenError(
        f"You may not change {plural(len(forbidden), 'Dag')} of this release: "
        f"{', '.join([*shown[:MAX_NAMED], *others])}. Ask someone who may, or choose other Dags.",
        dag_ids=shown,
        hidden=hidden,
    )


def without_hidden(report: ReleaseReport, access: Access, *, session: Session) -> tuple[ReleaseReport, int]:
    """
    Remove what the caller may not see: Dags, dependencies, and warnings that name them.

    :return: the rest, and the number of removed Dags
    """
    if access.readable is None:
        return report, 0
    told = [*report.warnings, *(one for dag in report.dags for one in dag.warnings)]
    named = {name for one in told for name in _QUOTED.findall(one)}
    dag_ids = {dag.dag_id for dag in report.dags}
    paired = {dag_id for pair in report.dependencies for dag_id in (pair.producer, pair.consumer)}
    readable = access.readable.among(dag_ids | paired | named)
    dags = [dag for dag in report.dags if dag.dag_id in readable]
    hidden = _present(named - readable, session=session) | dag_ids - readable

    def visible(warnings: Iterable[str]) -> tuple[str, ...]:
        return tuple(one for one in warnings if hidden.isdisjoint(_QUOTED.findall(one)))

    shown = replace(
        report,
        dags=[replace(dag, warnings=visible(dag.warnings)) if dag.warnings else dag for dag in dags],
        dependencies=[pair for pair in report.dependencies if {pair.producer, pair.consumer} <= readable],
        warnings=visible(report.warnings),
    )
    return shown, len(report.dags) - len(dags)


def _present(dag_ids: Iterable[str], *, session: Session) -> set[str]:
    found: set[str] = set()
    for page in pages(sorted(dag_ids), IDS_AT_ONCE):
        found.update(session.scalars(select(DagModel.dag_id).where(DagModel.dag_id.in_(page))))
    return found
