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
"""Make a change inside a transaction and undo it, before another one is made there."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.monitoring.release_state import ReleaseState


def rehearsed(make: Callable[[Change], ReleaseState], change: Change, *, session: Session) -> ReleaseState:
    """
    Make a change and undo it, to see what it would do, or why it is refused.

    :param make: makes the change in the session
    :param change: what it is given
    :param session: database session; the locks stay
    """
    session.flush()
    savepoint = session.begin_nested()
    try:
        would_be = make(change)
    finally:
        savepoint.rollback()
        session.expire_all()
    return would_be
