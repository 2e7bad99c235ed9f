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
"""Files that share assets, parsed one by one through Airflow's own code, and what comes of their assets."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

from airflow.dag_processing.collection import update_dag_parsing_results_in_db
from airflow.models.asset import AssetActive, AssetModel
from airflow.models.dagbundle import DagBundleModel
from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.providers.standard.triggers.file import FileDeleteTrigger
from airflow.sdk import DAG, Asset, AssetWatcher
from airflow.serialization.serialized_objects import LazyDeserializedDAG
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.dag_model.asset_activation import activate_what_goes_before
from tests.support.lab import BUNDLE
from tests.support.scheduler import Scheduler


@dataclass(frozen=True)
class Use:
    """How a Dag uses an asset, and what it says of it."""

    name: str
    uri: str
    role: str = "schedule"
    watcher: str | None = None
    extra: str = ""
    group: str = "asset"

    @property
    def key(self) -> tuple[str, str]:
        """What Airflow tells assets apart by."""
        return (self.name, self.uri)

    @property
    def definition(self) -> tuple[str, str, frozenset[str]]:
        """What Airflow keeps of it."""
        return (self.extra, self.group, frozenset({self.watcher} if self.watcher else ()))

    def as_asset(self) -> Asset:
        """Return it as an author writes it."""
        watchers = []
        if self.watcher:
            watchers = [AssetWatcher(name="watch", trigger=FileDeleteTrigger(filepath=self.watcher))]
        return Asset(self.name, self.uri, extra={"x": self.extra}, group=self.group, watchers=watchers)


class AssetWorld:
    """
    A bundle in which each file has one Dag.

    :param root: folder of the files
    :param session: session of the test
    """

    def __init__(self, root: Path, session: Session) -> None:
        self.root = root
        self.session = session
        session.add(DagBundleModel(name=BUNDLE))
        session.commit()

    def parse(self, dag_id: str, uses: Iterable[Use], sha: str) -> None:
        """Register what a file defines, as the dag processor does it."""
        uses = list(uses)
        schedule = [use.as_asset() for use in uses if use.role == "schedule"]
        file = self.root / f"{dag_id}.py"
        file.write_text(f"# {sha}")
        with DAG(
            dag_id,
            schedule=schedule or None,
            start_date=datetime(2026, 1, 1, tzinfo=timezone.utc),
            is_paused_upon_creation=False,
        ) as dag:
            dag.fileloc, dag.relative_fileloc = str(file), file.name
            EmptyOperator(
                task_id="t",
                outlets=[use.as_asset() for use in uses if use.role == "outlet"],
                inlets=[use.as_asset() for use in uses if use.role == "inlet"],
            )
            EmptyOperator(task_id=f"of_{sha}")
        errors: dict = {}
        update_dag_parsing_results_in_db(
            bundle_name=BUNDLE,
            bundle_version=sha,
            dags=[LazyDeserializedDAG.from_dag(dag)],
            import_errors=errors,
            parse_duration=0.1,
            warnings=set(),
            session=self.session,
        )
        assert not errors
        self.session.commit()
        self.session.expire_all()

    def upkeep(self) -> None:
        """Let the dag processor and the scheduler do what they do with assets from time to time."""
        activate_what_goes_before(session=self.session)
        self.session.commit()
        Scheduler(self.session).runner._update_asset_orphanage(session=self.session)
        self.session.commit()
        self.session.expire_all()

    def active(self) -> set[tuple[str, str]]:
        """Return name and URI of the active assets."""
        return {(row.name, row.uri) for row in self.session.execute(select(AssetActive.name, AssetActive.uri))}

    def definitions(self) -> Mapping[tuple[str, str], tuple[str, str, frozenset[str]]]:
        """Return what is kept of each asset that is known."""
        return {
            (asset.name, asset.uri): (
                asset.extra.get("x", ""),
                asset.group,
                frozenset(trigger.kwargs["filepath"] for trigger in asset.triggers),
            )
            for asset in self.session.scalars(select(AssetModel))
        }
