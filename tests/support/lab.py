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
"""A deployment in one process: Dags are registered as the dag processor does it, commit by commit."""

from __future__ import annotations

import json
import textwrap
import zipfile
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from unittest import mock

from airflow.assets.manager import AssetManager
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
from airflow.models.asset import AssetModel
from airflow.models.dag import DagModel
from airflow.models.dag_version import DagVersion
from airflow.models.dagbundle import DagBundleModel
from airflow.models.dagcode import DagCode
from airflow.models.dagrun import DagRun
from airflow.models.serialized_dag import SerializedDagModel
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes import pending, pins, review, rollback, timed, timed_many
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState, release_state
from airflow_providers_pinning.domain.versions.identity import identity_of
from airflow_providers_pinning.models import ManagedVersion, Pin, Release, ReleaseDag
from tests.support.sources import CHANGED, STABLE

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
        self.keeps_checkout = False
        """Whether all commits of a bundle are checked out into one folder, as a dag processor does."""

    def commit(self, sha: str | None, *, bundle: str = BUNDLE, **sources: str | None) -> None:
        """
        Write files (``name=source``; ``None`` removes one), and register what they define.

        A file's name is the keyword with ``.py`` added; double underscores become slashes.
        """
        for name, source in sources.items():
            path = f"{name.replace('__', '/')}.py"
            if source is None:
                self.sources.pop(path, None)
                if self.keeps_checkout:
                    (self._checkout(bundle, sha) / path).unlink(missing_ok=True)
            else:
                self.sources[path] = textwrap.dedent(source)
        checkout = self._checkout(bundle, sha)
        for path, source in self.sources.items():
            (checkout / path).parent.mkdir(parents=True, exist_ok=True)
            (checkout / path).write_text(source)
        self.parse(sha, bundle=bundle)

    def commit_zip(self, sha: str, archive: str, source: str, *, bundle: str = BUNDLE) -> None:
        """Write a zip archive with one Dag file, ``dags.py``, and register what it defines."""
        checkout = self.root / bundle / sha
        checkout.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(checkout / archive, "w") as zipped:
            zipped.writestr("dags.py", textwrap.dedent(source))
        self.parse(sha, bundle=bundle)

    def parse(self, sha: str | None, *, bundle: str = BUNDLE) -> None:
        """Register what a commit defines, once more."""
        checkout = self._checkout(bundle, sha)
        if self.session.get(DagBundleModel, bundle) is None:
            self.session.add(DagBundleModel(name=bundle))
            self._commit()
        bag = DagBag(checkout, safe_mode=False, bundle_path=checkout, bundle_name=bundle)
        sync_bag_to_db(bag, bundle, sha, session=self.session)
        self._commit()

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

    def serialized(self, dag_id: str, number: int) -> SerializedDagModel:
        """Return the serialized Dag of one version."""
        return self.session.scalars(
            select(SerializedDagModel).where(SerializedDagModel.dag_version_id == self.version(dag_id, number).id)
        ).one()

    def code(self, dag_id: str, number: int) -> str:
        """Return the stored source code of one version."""
        return self.session.scalars(
            select(DagCode.source_code).where(DagCode.dag_version_id == self.version(dag_id, number).id)
        ).one()

    def dag_model(self, dag_id: str) -> DagModel:
        """Return Airflow's row of the Dag, read anew."""
        return self.session.scalars(
            select(DagModel).where(DagModel.dag_id == dag_id).execution_options(populate_existing=True)
        ).one()

    def pin_row(self, dag_id: str) -> Pin | None:
        """Return the pin, read anew."""
        return self.session.get(Pin, dag_id, populate_existing=True)

    def pin_state(self, dag_id: str) -> ReleaseState:
        """Return the release state, read anew."""
        self.session.expire_all()
        return release_state(dag_id, session=self.session)

    def managed(self, dag_id: str) -> dict[int, str]:
        """Return the states of the managed versions by number."""
        rows = self.session.execute(
            select(ManagedVersion.version_number, ManagedVersion.state).where(ManagedVersion.dag_id == dag_id)
        )
        return {row.version_number: row.state for row in rows}

    def runs(self, dag_id: str) -> list[DagRun]:
        """Return the runs of a Dag in the order of their creation."""
        return list(self.session.scalars(select(DagRun).where(DagRun.dag_id == dag_id).order_by(DagRun.id)))

    def used_versions(self, run: DagRun) -> set[int]:
        """Return the version numbers of the run and of all its task instances, as the database has them."""
        self.session.flush()
        of_run = select(DagVersion.version_number).join(DagRun, DagRun.created_dag_version_id == DagVersion.id)
        of_tasks = select(DagVersion.version_number).join(TaskInstance, TaskInstance.dag_version_id == DagVersion.id)
        return {
            *self.session.scalars(of_run.where(DagRun.id == run.id)),
            *self.session.scalars(of_tasks.where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)),
        }

    def task_ids(self, run: DagRun) -> set[str]:
        """Return the ids of the run's tasks, as the database has them."""
        self.session.flush()
        return set(
            self.session.scalars(
                select(TaskInstance.task_id).where(TaskInstance.dag_id == run.dag_id, TaskInstance.run_id == run.run_id)
            )
        )

    def publish(self, name: str, *, partition_key: str | None = None) -> None:
        """Record an event of an asset, if it is known."""
        asset = self.session.scalars(select(AssetModel).where(AssetModel.name == name)).one_or_none()
        if asset is not None:
            AssetManager.register_asset_change(asset=asset, partition_key=partition_key, session=self.session)
            self._commit()

    def rewrite(self, dag_id: str, number: int, **values) -> None:
        """Rewrite a version's row, as a host that does not enforce pins would."""
        self.session.execute(update(DagVersion).where(DagVersion.id == self.version(dag_id, number).id).values(values))
        self._commit()

    def rewrite_stored(self, dag_id: str, number: int, change: Callable[[dict], None]) -> None:
        """Change the stored form of a version's Dag; its hash stays."""
        data = json.loads(json.dumps(self.serialized(dag_id, number).data))
        change(data)
        self.session.execute(
            update(SerializedDagModel)
            .where(SerializedDagModel.dag_version_id == self.version(dag_id, number).id)
            .values({"_data": data})
        )
        self._commit()

    def remove_plugin(self, dag_id: str, number: int) -> None:
        """Let a version's schedule be one of a plugin that is not there."""
        self.rewrite_stored(dag_id, number, lambda data: data["dag"]["timetable"].update(__type="gone.GoneTimetable"))

    def remove_version(self, dag_id: str, number: int) -> None:
        """Delete a version, as a host that does not enforce pins would."""
        self.session.execute(delete(DagVersion).where(DagVersion.id == self.version(dag_id, number).id))
        self._commit()

    def lose_code(self, dag_id: str, number: int) -> None:
        """Note of a managed version that the dag processor could not get its code."""
        self.session.execute(
            update(ManagedVersion)
            .where(ManagedVersion.dag_id == dag_id, ManagedVersion.version_number == number)
            .values(code_state="missing", code_message="the commit is gone")
        )
        self._commit()

    def remove_bundle(self, name: str) -> None:
        """Take a bundle out of the configuration."""
        self.session.execute(update(DagBundleModel).where(DagBundleModel.name == name).values(active=False))
        self._commit()

    def break_pin(self, dag_id: str) -> None:
        """Rewrite the pinned version, so that the pin cannot be honored."""
        pin = self.pin_row(dag_id)
        self.rewrite(dag_id, pin.version_number, bundle_version="rewritten")

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

    def pin_first_of_two(self, before: str = STABLE, after: str = CHANGED) -> None:
        """Pin the first version of the Dag ``orders``, and register a second one."""
        self.commit("sha1", orders=before)
        self.pin("orders", 1)
        self.commit("sha2", orders=after)

    def pin(self, dag_id: str, number: int, **conditions):
        """Pin a version and commit."""
        state = pins.pin_version(
            dag_id, pins.Target(version_number=number), self.change(**conditions), session=self.session
        )
        self._commit()
        return state

    def unpin(self, dag_id: str, *, expected_version=None, **conditions):
        """Unpin and commit."""
        state = pins.unpin(dag_id, self.change(**conditions), expected_version=expected_version, session=self.session)
        self._commit()
        return state

    def roll_back(
        self,
        dag_id: str,
        *,
        to_version=None,
        reject_current=True,
        hold=False,
        hold_until=None,
        repair=None,
        **conditions,
    ):
        """Roll back and commit."""
        state = rollback.roll_back(
            dag_id,
            self.change(**conditions),
            to_version=to_version,
            reject_current=reject_current,
            hold=hold,
            hold_until=hold_until,
            repair=repair,
            session=self.session,
        )
        self._commit()
        return rollback.repair_runs(state, session=self.session)

    def pin_from(self, dag_id: str, number: int, moment: datetime, *, ignore_verdict=False, **conditions):
        """Pin a version from a moment on, which may be over, as it may be when a scheduler sees it, and commit."""
        target = pins.Target(version_number=number)
        return self._from(
            moment,
            lambda: timed.pin_version(
                dag_id,
                target,
                self.change(effective_from=moment, **conditions),
                ignore_verdict=ignore_verdict,
                session=self.session,
            ),
        )

    def unpin_from(self, dag_id: str, moment: datetime, **conditions):
        """Unpin from a moment on, which may be over, and commit."""
        return self._from(
            moment,
            lambda: timed.unpin(dag_id, self.change(effective_from=moment, **conditions), session=self.session),
        )

    def roll_back_from(self, dag_id: str, moment: datetime, *, reject_current=True, **conditions):
        """Roll back from a moment on, which may be over, and commit."""
        return self._from(
            moment,
            lambda: timed.roll_back(
                dag_id,
                self.change(effective_from=moment, **conditions),
                reject_current=reject_current,
                session=self.session,
            ),
        )

    def _from(self, moment: datetime, make: Callable[[], ReleaseState]) -> ReleaseState:
        before = moment - timedelta(hours=1)
        with (
            mock.patch.object(timed, "database_clock", return_value=before),
            mock.patch.object(timed_many, "database_clock", return_value=before),
        ):
            state = make()
        self._commit()
        return state

    def cancel(self, dag_id: str, **conditions):
        """Cancel the pending change and commit."""
        state = pending.cancel(dag_id, self.change(**conditions), session=self.session)
        self._commit()
        return state

    def candidate(self, dag_id: str, number: int | None = None, **conditions):
        """Put a version under evaluation and commit."""
        state = review.add_candidate(dag_id, number, self.change(**conditions), session=self.session)
        self._commit()
        return state

    def reject(self, dag_id: str, number: int, **conditions):
        """Reject a version and commit."""
        state = review.reject(dag_id, number, self.change(**conditions), session=self.session)
        self._commit()
        return state

    def restore(self, dag_id: str, number: int, **conditions):
        """Restore a version and commit."""
        state = review.restore(dag_id, number, self.change(**conditions), session=self.session)
        self._commit()
        return state

    def keep_release(self, release_id: str, dag_id: str) -> None:
        """Write down that a release pinned a Dag as it is pinned now."""
        pin = self.session.get_one(Pin, dag_id)
        version = identity_of(pin.dag_version_id, session=self.session)
        self.session.add(
            Release(
                id=release_id,
                action="pin",
                bundle_name=BUNDLE,
                bundle_version=pin.bundle_version,
                actor="alice",
                actor_kind="user",
                reason="because",
                request={},
                warnings=[],
                changed=1,
            )
        )
        self.session.add(
            ReleaseDag(
                release_id=release_id,
                dag_id=dag_id,
                outcome="changed",
                was_pinned=False,
                revision=pin.revision,
                from_version=version.as_dict(),
                to_version=version.as_dict(),
                warnings=[],
            )
        )
        self._commit()

    def _checkout(self, bundle: str, sha: str | None) -> Path:
        return self.root / bundle / ("tracking" if self.keeps_checkout else sha or "unversioned")

    def _commit(self) -> None:
        """Commit, and read everything anew from then on, as another process would."""
        self.session.commit()
        self.session.expire_all()

    @staticmethod
    def change(reason: str = "because", *, caller: Caller | None = None, **conditions) -> Change:
        """Return a change asked for by a person."""
        return Change(caller or Caller("alice"), reason, **conditions)
