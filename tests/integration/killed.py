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
"""Changes in a process that is killed in the middle."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from airflow import settings
from sqlalchemy import event
from sqlalchemy.orm import Session


def killed_at(number: int, change: Callable[[Session], Any]) -> bool:
    """
    Make a change in a process that is killed before its n-th statement, and tell whether it got that far.

    The caller has closed its session, whose connection must not be shared with the process.
    """
    child = os.fork()
    if child == 0:
        count = 0

        def maybe_die(*_):
            nonlocal count
            count += 1
            if count == number:
                os.kill(os.getpid(), signal.SIGKILL)

        try:
            settings.engine.dispose(close=False)
            event.listen(settings.engine, "before_cursor_execute", maybe_die)
            event.listen(settings.engine, "commit", maybe_die)
            with settings.NonScopedSession() as session:
                change(session)
                session.commit()
            os._exit(0)
        except BaseException:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0, "The change failed"
    return os.WIFSIGNALED(status)
