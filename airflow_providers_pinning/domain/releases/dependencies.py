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
"""Dependencies between Dags of which a release changes only one."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import replace

from airflow.models.asset import AssetModel, DagScheduleAssetReference, TaskOutletAssetReference
from airflow.models.dag import DagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.dag_model.asset_conflicts import KEYS_READ, Claim, Key, conflicts_of_all
from airflow_providers_pinning.domain.releases.plan import CONCERNED, Dependency, ReleaseReport, in_order
from airflow_providers_pinning.domain.releases.work import Work
from airflow_providers_pinning.vocabulary import ReleaseAction

MAX_WARNED = 20
"""Maximum number of Dags outside a release to name."""


def dependencies_of(claims: Collection[Claim], changed: Collection[str], *, session: Session) -> list[Dependency]:
    """
    Find the pairs of Dags of which one feeds the other and at least one is changed, with two statements.

    :param claims: the assets of the new versions
    :param changed: ids of the Dags that the release changes
    :param session: database session
    """
    new = {claim.dag_id for claim in claims}
    producers: dict[Key, set[str]] = defaultdict(set)
    consumers: dict[Key, set[str]] = defaultdict(set)
    for claim in claims:
        for key in claim.produced:
            producers[key].add(claim.dag_id)
        for key in claim.awaited:
            consumers[key].add(claim.dag_id)
    names = {name for name, _ in (*producers, *consumers)}
    for model, found in ((TaskOutletAssetReference, producers), (DagScheduleAssetReference, consumers)):
        for page in pages(names, KEYS_READ):
            rows = session.execute(
                select(AssetModel.name, AssetModel.uri, model.dag_id)  # type: ignore[attr-defined]
                .join(model, model.asset_id == AssetModel.id)  # type: ignore[attr-defined]
                .join(DagModel, DagModel.dag_id == model.dag_id)  # type: ignore[attr-defined]
                .where(AssetModel.name.in_(page), DagModel.is_stale.is_(False))
                .distinct()
            )
            for name, uri, dag_id in rows:
                # Of the others, what is active now counts.
                if dag_id not in new:
                    found[name, uri].add(dag_id)
    pairs = {
        Dependency(producer, consumer, key[0], producer in changed, consumer in changed)
        for key in producers.keys() & consumers.keys()
        for producer in producers[key]
        for consumer in consumers[key]
        if producer != consumer and (producer in changed or consumer in changed)
    }
    return sorted(pairs, key=lambda pair: (pair.producer, pair.consumer, pair.asset))


def warn_of_parted(dependencies: Collection[Dependency]) -> tuple[str, ...]:
    """Warn about dependent Dags of which the release changes only one."""
    parted = [pair for pair in dependencies if not (pair.producer_included and pair.consumer_included)]
    told = [
        (
            f"Dag {pair.producer!r} updates asset {pair.asset!r}, which triggers {pair.consumer!r}, but the release "
            f"does not change {pair.consumer if pair.producer_included else pair.producer!r}."
        )
        for pair in parted[:MAX_WARNED]
    ]
    if (more := len(parted) - MAX_WARNED) > 0:
        told.append(f"{more} more pairs of dependent Dags are only changed on one side.")
    return tuple(told)


def report_of_work(
    work: Work,
    action: ReleaseAction,
    *,
    bundle_name: str | None = None,
    bundle_version: str | None = None,
    session: Session,
) -> ReleaseReport:
    """Return the outcome for each Dag, and the dependencies between them."""
    changed = {dag_id for dag_id, dag in work.done.items() if dag.outcome in CONCERNED}
    dependencies = dependencies_of(work.claims, changed, session=session)
    for dag_id, said in conflicts_of_all(work.claims, session=session).items():
        if dag_id in changed:
            work.done[dag_id] = replace(work.done[dag_id], warnings=work.done[dag_id].warnings + said)
    return ReleaseReport(
        action=action,
        dags=in_order(work.done.values()),
        bundle_name=bundle_name,
        bundle_version=bundle_version,
        dependencies=dependencies,
        warnings=warn_of_parted(dependencies),
    )
