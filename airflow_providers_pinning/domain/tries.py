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
The tries of tasks, which Airflow keeps in one table or in two.

Airflow 3.3 moves earlier tries to ``task_instance_history``. Since 3.4, each try is a row of ``task_instance``, and
only the row of the current try has ``working_set``. Airflow hides the others from ORM statements, but not from those
with a plain subquery, or an ``EXISTS`` without the model in its FROM clause. So our statements are explicit.

Shown by ``tests/unit/domain/test_tries.py``.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from airflow.models.taskinstance import TaskInstance
from sqlalchemy import ColumnElement, Table

_CURRENT = "working_set"


def of_current_tries() -> tuple[ColumnElement[bool], ...]:
    """Build the conditions that rows of ``TaskInstance`` are current tries."""
    return (getattr(TaskInstance, _CURRENT).is_(True),) if _CURRENT in _table().c else ()


@cache
def earlier_tries() -> tuple[Table, tuple[ColumnElement[bool], ...]]:
    """Return the table with earlier tries, and the conditions that select them."""
    table = _table()
    if _CURRENT in table.c:
        return table, (table.c[_CURRENT].is_(None),)
    from airflow.models.taskinstancehistory import TaskInstanceHistory

    return _as_table(TaskInstanceHistory), ()


def _table() -> Table:
    return _as_table(TaskInstance)


def _as_table(model: Any) -> Table:
    table: Table = model.__table__
    return table
