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
Declarative base of the pin store.

The tables have metadata of their own and no foreign keys to Airflow's: ``airflow db reset`` drops
Airflow's tables first, and a reference from here would make it fail.
"""

from __future__ import annotations

from airflow.models.base import _get_schema, naming_convention
from sqlalchemy import LargeBinary, MetaData, Text
from sqlalchemy.dialects.mysql import MEDIUMBLOB, MEDIUMTEXT
from sqlalchemy.orm import DeclarativeBase

# Of MySQL's own TEXT and BLOB 64 KiB are the end.
LongText = Text().with_variant(MEDIUMTEXT(), "mysql")
LongBinary = LargeBinary().with_variant(MEDIUMBLOB(), "mysql")


class Base(DeclarativeBase):
    """Base class of every table of the pin store."""

    metadata = MetaData(schema=_get_schema(), naming_convention=naming_convention)
