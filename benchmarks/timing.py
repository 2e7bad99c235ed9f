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
"""Take the time that something takes in a subject, and what it and its PostgreSQL backends compute."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Timer:
    """What a block took."""

    cost: dict[str, float]


@contextmanager
def timed() -> Iterator[Timer]:
    """Take the time that passes, and what this process and its PostgreSQL backends spend computing."""
    timer = Timer()
    gc.collect()
    computed = _computed()
    begun = time.perf_counter()
    yield timer
    passed = time.perf_counter() - begun
    timer.cost = {"seconds": passed, "cpu": _computed() - computed}


def _computed() -> float:
    """Return the seconds that this process and its backends computed so far; where unknown, only this process."""
    from airflow import settings
    from sqlalchemy import text

    query = text("SELECT pid FROM pg_stat_activity WHERE datname = current_database()")
    with settings.engine.connect() as connection:
        backends = connection.scalars(query).all()
    statistics = [Path(f"/proc/{pid}/schedstat") for pid in backends]
    nanoseconds = sum(int(file.read_text().split()[0]) for file in statistics if file.exists())
    return time.process_time() + nanoseconds / 1e9
