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
"""Wait for the scheduler."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from airflow.utils.session import create_session
from sqlalchemy.orm import Session

T = TypeVar("T")

INTERVAL = 2.0
"""Seconds between two checks."""


def look_until(done: Callable[[T], bool], look: Callable[[Session], T], *, timeout: float | None) -> T:
    """
    Poll until a condition holds or the timeout expires, and return the last result.

    :param done: returns whether to stop
    :param look: called with a new session each time
    :param timeout: seconds; ``None`` waits forever, and 0 checks once
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    while True:
        with create_session(scoped=False) as session:
            seen = look(session)
        left = INTERVAL if deadline is None else deadline - time.monotonic()
        if done(seen) or left <= 0:
            return seen
        time.sleep(min(INTERVAL, left))
