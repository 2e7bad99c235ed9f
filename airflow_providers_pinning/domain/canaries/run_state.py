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
A canary run's writes to Variables and asset state, which stay inside the run.

They are stored with the withheld effects. The values are encrypted, like Airflow's own Variables, and never shown;
only their names and sizes are.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow.models.asset import AssetModel
from airflow.models.crypto import get_fernet
from airflow.models.taskinstance import TaskInstance
from sqlalchemy import Select, bindparam, func, select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.canaries.withheld import EffectKind
from airflow_providers_pinning.domain.text import plural
from airflow_providers_pinning.models import WithheldEffect
from airflow_providers_pinning.vocabulary import MAX_RUN_STATE_NAMES, MAX_RUN_STATE_VALUE


class TooMuchStateError(Exception):
    """A canary run wrote more state than can be kept for a run."""


@dataclass(frozen=True)
class Written:
    """The last write of a run."""

    value: str | None
    """``None`` if it deleted the value."""


def variable(dag_id: str, run_id: str, key: str, *, session: Session) -> Written | None:
    """Return what a run wrote to a Variable; ``None`` if it wrote nothing."""
    return _written(_find(dag_id, run_id, EffectKind.VARIABLE, _subject(key), session=session))


def variable_keys(dag_id: str, run_id: str, *, session: Session) -> dict[str, bool]:
    """Return the Variables that a run set or deleted, and whether each exists for the run now."""
    effects = _of_run(dag_id, run_id, EffectKind.VARIABLE, session=session)
    return {effect.payload["variable"]: effect.value is not None for effect in effects if effect.payload}


def write_variable(
    dag_id: str, run_id: str, key: str, value: str | None, *, task_instance_id: Any, session: Session
) -> None:
    """
    Store a run's write to a Variable.

    :param dag_id: the Dag
    :param run_id: the run
    :param key: the Variable
    :param value: the new value; ``None`` deletes it
    :param task_instance_id: the writing task instance; ``None`` if unknown
    :param session: database session; the caller commits
    :raises TooMuchStateError: if the value is too large, or the run wrote to too many names
    """
    what = {"variable": key}
    _write(dag_id, run_id, EffectKind.VARIABLE, _subject(key), what, value, task_instance_id, session=session)


def asset_state(dag_id: str, run_id: str, asset_id: int, key: str, *, session: Session) -> Written | None:
    """Return what a run wrote to the state of an asset; ``None`` if it neither wrote nor cleared it."""
    kind = EffectKind.ASSET_STATE
    effect = _find(dag_id, run_id, kind, _subject(asset_id, key), session=session)
    return _written(effect or _find(dag_id, run_id, kind, _subject(asset_id), session=session))


def write_asset_state(
    dag_id: str, run_id: str, asset_id: int, key: str, value: str | None, *, task_instance_id: Any, session: Session
) -> None:
    """
    Store a run's write to the state of an asset.

    :param value: the new value, as JSON; ``None`` deletes it
    :raises TooMuchStateError: if the value is too large, or the run wrote to too many names
    """
    what = {**_asset(asset_id, session=session), "key": key}
    subject = _subject(asset_id, key)
    _write(dag_id, run_id, EffectKind.ASSET_STATE, subject, what, value, task_instance_id, session=session)


def clear_asset_state(dag_id: str, run_id: str, asset_id: int, *, task_instance_id: Any, session: Session) -> None:
    """Record that a run cleared the state of an asset, including its own writes."""
    for effect in _of_run(dag_id, run_id, EffectKind.ASSET_STATE, session=session):
        if effect.payload and effect.payload["asset_id"] == asset_id:
            effect.value, effect.payload = None, {**effect.payload, "operation": "delete", "size": 0}
    what = _asset(asset_id, session=session)
    subject = _subject(asset_id)
    _write(dag_id, run_id, EffectKind.ASSET_STATE, subject, what, None, task_instance_id, session=session)


def _write(
    dag_id: str,
    run_id: str,
    kind: EffectKind,
    subject: str,
    what: dict[str, Any],
    value: str | None,
    task_instance_id: Any,
    *,
    session: Session,
) -> None:
    size = 0 if value is None else len(value.encode())
    name = ", ".join(f"{field} {shown!r}" for field, shown in what.items() if field != "asset_id")
    remedy = (
        "Write less, or start the canary run with isolation {'state': 'write'}, which writes to live "
        "Variables and asset state."
    )
    if size > MAX_RUN_STATE_VALUE:
        raise TooMuchStateError(
            f"Canary run {run_id!r} of Dag {dag_id!r} tried to write {size} bytes to {name}. Its writes stay "
            f"inside the run, where a value is limited to {MAX_RUN_STATE_VALUE} bytes. {remedy}"
        )
    effect = _find(dag_id, run_id, kind, subject, session=session)
    if effect is None:
        if session.scalar(_count(), {"dag_id": dag_id, "run_id": run_id}) >= MAX_RUN_STATE_NAMES:
            raise TooMuchStateError(
                f"Canary run {run_id!r} of Dag {dag_id!r} has written to {plural(MAX_RUN_STATE_NAMES, 'name')}, "
                f"the limit, and cannot write to {name} too: its writes stay inside the run. {remedy}"
            )
        effect = WithheldEffect(dag_id=dag_id, run_id=run_id, kind=kind.value, subject=subject)
        session.add(effect)
    writer = session.get(TaskInstance, task_instance_id) if task_instance_id is not None else None
    if writer is not None:
        effect.task_id, effect.map_index = writer.task_id, writer.map_index
    writes = (effect.payload or {}).get("writes", 0) + 1
    effect.payload = {**what, "operation": "delete" if value is None else "set", "size": size, "writes": writes}
    effect.value = None if value is None else get_fernet().encrypt(value.encode()).decode()
    session.flush()


def _asset(asset_id: int, *, session: Session) -> dict[str, Any]:
    return {"asset": session.scalar(select(AssetModel.name).where(AssetModel.id == asset_id)), "asset_id": asset_id}


def _subject(*names: Any) -> str:
    """Return a key of limited length for names of any length, to store in an indexed column."""
    return hashlib.sha256(json.dumps(names).encode()).hexdigest()


def _written(effect: WithheldEffect | None) -> Written | None:
    if effect is None:
        return None
    return Written(None if effect.value is None else get_fernet().decrypt(effect.value.encode()).decode())


def _find(dag_id: str, run_id: str, kind: EffectKind, subject: str, *, session: Session) -> WithheldEffect | None:
    of = {"dag_id": dag_id, "run_id": run_id, "kind": kind.value, "subject": subject}
    return session.scalars(_newest(), of).first()


def _of_run(dag_id: str, run_id: str, kind: EffectKind, *, session: Session) -> list[WithheldEffect]:
    return list(
        session.scalars(
            select(WithheldEffect)
            .where(WithheldEffect.dag_id == dag_id, WithheldEffect.run_id == run_id, WithheldEffect.kind == kind.value)
            .order_by(WithheldEffect.id)
        )
    )


@cache
def _newest() -> Select:
    # Tasks that write to the same name concurrently may each have added a row.
    return (
        select(WithheldEffect)
        .where(
            WithheldEffect.dag_id == bindparam("dag_id"),
            WithheldEffect.run_id == bindparam("run_id"),
            WithheldEffect.kind == bindparam("kind"),
            WithheldEffect.subject == bindparam("subject"),
        )
        .order_by(WithheldEffect.id.desc())
        .limit(1)
    )


@cache
def _count() -> Select:
    return select(func.count()).where(
        WithheldEffect.dag_id == bindparam("dag_id"),
        WithheldEffect.run_id == bindparam("run_id"),
        WithheldEffect.subject.is_not(None),
    )
