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
"""A deployment in one process: Dags are registered as the dag processor does it, commit by commit."""

from __future__ import annotations

import textwrap
from pathlib import Path

from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagcode import DagCode
from airflow.models.serialized_dag import SerializedDagModel
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import pins, rollback, versions
from airflow_providers_pinning.domain.events import Caller, Change

BUNDLE = "team_dags"


class Lab:
    """
    A bundle whose commits are folders, and shortcuts for changing pins.

    :param root: where the commits are written
    :param session: session of the test
    """

    def __init__(self, root: Path, session: Session) -> None:
        self.root = root
        self.session = session
        self.sources: dict[str, str] = {}

    def commit(self, sha: str | None, *, bundle: str = BUNDLE, **sources: str | None) -> None:
        """
        Write files (``name=source``; ``None`` removes one), and register what they define.

        A file's name is the keyword with ``.py`` added; double underscores become slashes.
        """
        for name, source in sources.items():
            path = f"{name.replace('__', '/')}.py"
            if source is None:
                self.sources.pop(path, None)
            else:
                self.sources[path] = textwrap.dedent(source)
        checkout = self.root / bundle / (sha or "unversioned")
        for path, source in self.sources.items():
            (checkout / path).parent.mkdir(parents=True, exist_ok=True)
            (checkout / path).write_text(source)
        self.parse(sha, bundle=bundle)

    def parse(self, sha: str | None, *, bundle: str = BUNDLE) -> None:
        """Register what a commit defines, once more."""
        checkout = self.root / bundle / (sha or "unversioned")
        if self.session.get(DagBundleModel, bundle) is None:
            self.session.add(DagBundleModel(name=bundle))
            self.session.commit()
        bag = DagBag(checkout, safe_mode=False, bundle_path=checkout, bundle_name=bundle)
        sync_bag_to_db(bag, bundle, sha, session=self.session)
        self.session.commit()

    def numbers(self, dag_id: str) -> list[int]:
        """Return the registered version numbers."""
        return list(
            self.session.scalars(
                select(DagVersion.version_number).where(DagVersion.dag_id == dag_id).order_by(DagVersion.version_number)
            )
        )

    def version(self, dag_id: str, number: int) -> DagVersion:
        """Return one Dag version."""
        return self.session.scalars(
            select(DagVersion).where(DagVersion.dag_id == dag_id, DagVersion.version_number == number)
        ).one()

    def bytes_of(self, dag_id: str, number: int) -> tuple:
        """Return everything that is stored of a version, for comparison."""
        self.session.expire_all()
        version = self.version(dag_id, number)
        tables = (
            (DagVersion, DagVersion.id == version.id),
            (SerializedDagModel, SerializedDagModel.dag_version_id == version.id),
            (DagCode, DagCode.dag_version_id == version.id),
        )
        return tuple(
            tuple(self.session.execute(select(model.__table__).where(condition)).one()) for model, condition in tables
        )

    def pin(self, dag_id: str, number: int, **conditions):
        """Pin a version and commit."""
        state = pins.pin_version(
            dag_id, pins.Target(version_number=number), self.change(**conditions), session=self.session
        )
        self.session.commit()
        return state

    def unpin(self, dag_id: str, **conditions):
        """Unpin and commit."""
        state = pins.unpin(dag_id, self.change(**conditions), session=self.session)
        self.session.commit()
        return state

    def roll_back(self, dag_id: str, *, to_version=None, reject_current=True, hold=False, **conditions):
        """Roll back and commit."""
        state = rollback.roll_back(
            dag_id,
            self.change(**conditions),
            to_version=to_version,
            reject_current=reject_current,
            hold=hold,
            session=self.session,
        )
        self.session.commit()
        return state

    def candidate(self, dag_id: str, number: int | None = None, **conditions):
        """Put a version under evaluation and commit."""
        state = versions.add_candidate(dag_id, number, self.change(**conditions), session=self.session)
        self.session.commit()
        return state

    def reject(self, dag_id: str, number: int, **conditions):
        """Reject a version and commit."""
        state = versions.reject(dag_id, number, self.change(**conditions), session=self.session)
        self.session.commit()
        return state

    def restore(self, dag_id: str, number: int, **conditions):
        """Restore a version and commit."""
        state = versions.restore(dag_id, number, self.change(**conditions), session=self.session)
        self.session.commit()
        return state

    @staticmethod
    def change(reason: str = "because", **conditions) -> Change:
        """Return a change asked for by a person."""
        return Change(Caller("alice"), reason, **conditions)
