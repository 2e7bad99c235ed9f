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
"""Back off from pinned Dags for which this scheduler could not create a run."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import UUID

RETRY_AFTER = 60.0
"""Seconds until such a Dag is retried."""
FORGET_AFTER = 600.0
"""Seconds until a Dag that is no longer tried, because it was deleted or is not due, is forgotten."""
RECOUNT_AFTER = 5.0
"""Seconds until the partitions waiting for such Dags are counted again."""

_next_try: dict[str, tuple[UUID | None, float]] = {}


def note_failure(dag_id: str, pinned: UUID | None) -> bool:
    """
    Note that no run could be created.

    :param dag_id: the Dag
    :param pinned: the pinned version; if it changes, the Dag is retried immediately
    :return: whether this is new
    """
    known = _next_try.get(dag_id, (None, 0.0))[0] == pinned and dag_id in _next_try
    _next_try[dag_id] = (pinned, time.monotonic() + RETRY_AFTER)
    return not known


def note_success(dag_id: str) -> None:
    """Note that the Dag can be read."""
    _next_try.pop(dag_id, None)


def waiting(dag_ids: Iterable[str]) -> dict[str, UUID | None]:
    """Return the Dags that are too early to retry, with the version that was pinned when they failed."""
    now = time.monotonic()
    return {dag_id: _next_try[dag_id][0] for dag_id in dag_ids if dag_id in _next_try and _next_try[dag_id][1] > now}


def count() -> int:
    """Return the number of these Dags, each of which would take another's place in the queue."""
    long_ago = time.monotonic() - FORGET_AFTER
    for dag_id in [dag_id for dag_id, (_, next_try) in _next_try.items() if next_try < long_ago]:
        del _next_try[dag_id]
    return len(_next_try)
