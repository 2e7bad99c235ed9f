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
"""Rows for the tables of the pin store, with a value in each column."""

from __future__ import annotations

from datetime import datetime, timezone
from uuid import uuid4

from sqlalchemy import JSON, Boolean, Connection, DateTime, Float, Integer, LargeBinary, Uuid, insert
from sqlalchemy.types import TypeDecorator

from airflow_providers_pinning.models import Base

VALUES = {
    Uuid: uuid4,
    DateTime: lambda: datetime(2026, 1, 1, tzinfo=timezone.utc),
    Boolean: lambda: True,
    Integer: lambda: 1,
    Float: lambda: 1.5,
    JSON: lambda: {"some": ["value"]},
    LargeBinary: lambda: b"bytes",
}


def fill_every_table(connection: Connection) -> None:
    """Insert one row into each table, in which no column is empty."""
    for table in Base.metadata.tables.values():
        connection.execute(insert(table).values({column.name: _value(column.type) for column in table.columns}))


def _value(of_type):
    if isinstance(of_type, TypeDecorator):
        of_type = of_type.impl_instance if hasattr(of_type, "impl_instance") else of_type.impl
    return next((make() for kind, make in VALUES.items() if isinstance(of_type, kind)), "text")
