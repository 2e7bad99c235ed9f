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
"""Read the last log lines of tasks that failed since the pin of a Dag, wherever Airflow stores them."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.log.log_reader import TaskLogReader
from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload

from airflow_providers_pinning.domain.monitoring.runs_since_pin import FailedTask, newest_failures
from airflow_providers_pinning.vocabulary import MAX_LOG_LINE

log = logging.getLogger(__name__)

_GROUP, _END_OF_GROUP = "::group::", "::endgroup::"


@dataclass(frozen=True)
class LogLine:
    """A line of a log."""

    at: datetime | None
    level: str | None
    text: str


@dataclass(frozen=True)
class FailureLog(FailedTask):
    """The newest failure of a task, with the end of its log."""

    lines: tuple[LogLine, ...]
    problem: str | None
    """Why its log could not be read."""


def read_failures(dag_id: str, *, tasks: int, lines: int, session: Session) -> list[FailureLog]:
    """
    Read the end of the log of the newest failure of each task since the pin of a Dag, newest first.

    Logs may be on other hosts or in a remote store, so this can take seconds for each task.

    :param dag_id: the Dag
    :param tasks: maximum number of tasks
    :param lines: maximum number of lines of each log
    :param session: database session
    """
    return [
        _with_log(dag_id, failed, lines, session=session) for failed in newest_failures(dag_id, session=session)[:tasks]
    ]


def _with_log(dag_id: str, failed: FailedTask, lines: int, *, session: Session) -> FailureLog:
    read: tuple[LogLine, ...] = ()
    problem = None
    try:
        read = tuple(_last_lines(_messages(_task_instance(dag_id, failed, session=session), failed), lines))
    except Exception as error:
        # The log store can raise anything. The other logs are still shown.
        log.warning("The log of task %s of Dag %s cannot be read", failed.task_id, dag_id, exc_info=True)
        problem = f"The log cannot be read: {type(error).__name__}: {error}"[:MAX_LOG_LINE]
    return FailureLog(**vars(failed), lines=read, problem=problem)


def _task_instance(dag_id: str, failed: FailedTask, *, session: Session) -> TaskInstance:
    # Airflow's log readers need the rest.
    return session.scalars(
        select(TaskInstance)
        .where(
            TaskInstance.dag_id == dag_id,
            TaskInstance.run_id == failed.run_id,
            TaskInstance.task_id == failed.task_id,
            TaskInstance.map_index == failed.map_index,
        )
        .options(
            joinedload(TaskInstance.dag_run),
            joinedload(TaskInstance.dag_model),
            joinedload(TaskInstance.trigger).joinedload(Trigger.triggerer_job),
        )
    ).one()


def _messages(ti: TaskInstance, failed: FailedTask) -> Iterable[Any]:
    messages, _ = TaskLogReader().read_log_chunks(ti, failed.try_number, {"end_of_log": False})
    return messages


def _last_lines(messages: Iterable[Any], count: int) -> Iterable[LogLine]:
    """Return the last lines of a log. If it has none, return Airflow's messages about where it looked."""
    last: deque[LogLine] = deque(maxlen=count)
    sources: deque[LogLine] = deque(maxlen=count)
    into = last
    for message in messages:
        if message.event.startswith(_GROUP):
            into = sources if "source details" in message.event else last
        elif message.event.startswith(_END_OF_GROUP):
            into = last
        else:
            into.extend(_lines_of(message))
    return last or sources


def _lines_of(message: Any) -> Iterable[LogLine]:
    extra = message.model_extra or {}
    texts = message.event.splitlines() or [""]
    for error in extra.get("error_detail") or ():
        texts += [f"{error.get('exc_type')}: {error.get('exc_value')}"] if isinstance(error, dict) else []
    for source in extra.get("sources") or ():
        texts.append(str(source))
    level = extra.get("level")
    for text in texts:
        yield LogLine(message.timestamp, str(level) if level else None, text[:MAX_LOG_LINE])
