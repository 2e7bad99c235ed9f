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
"""The run whose tasks are being expanded."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_run: ContextVar[tuple[str, str] | None] = ContextVar("pinning_expanding", default=None)


@contextmanager
def expanding(dag_id: str, run_id: str) -> Iterator[None]:
    """Make lookups of the Dag's version inside the block find the run's own, if versions of the Dag are managed."""
    token = _run.set((dag_id, run_id))
    try:
        yield
    finally:
        _run.reset(token)


def expanded_run() -> tuple[str, str] | None:
    """Return the Dag and the run whose tasks are being expanded, if there is one."""
    return _run.get()
