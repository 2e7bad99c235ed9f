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
"""Run a change as one transaction: for good, or only to see what it would do."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import tenacity
from airflow.utils.retries import run_with_db_retries
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Session

T = TypeVar("T")


def commit(change: Callable[[], T], *, session: Session) -> T:
    """
    Run a change and commit it; a deadlock or a lost race is rolled back and tried again.

    Trying again is safe, because nothing of a rolled back transaction remains.
    """
    for attempt in _attempts():
        with attempt:
            try:
                result = change()
                session.commit()
            except BaseException:
                session.rollback()
                raise
    return result


def rehearse(change: Callable[[], T], *, session: Session) -> T:
    """
    Run a change and take it back, to learn what it would do, or why it would be refused.

    No lock is held any more when it returns, so the change itself may still turn out differently: make it with the
    revision that the rehearsal saw.
    """
    for attempt in _attempts():
        with attempt:
            try:
                result = change()
            finally:
                session.rollback()
    return result


def _attempts() -> tenacity.Retrying:
    """Retry as Airflow does, but not what the database will refuse each time: a value that does not fit its column."""
    retrying = run_with_db_retries()
    return retrying.copy(retry=tenacity.retry_all(retrying.retry, tenacity.retry_if_not_exception_type(DataError)))
