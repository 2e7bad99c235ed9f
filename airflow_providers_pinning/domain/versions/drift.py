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
The drift predicate in SQL and Python: whether a version still matches its snapshot.

Airflow may rewrite a version in place, so its bundle, the bundle's version and the hash are compared with the
snapshot in ``pinning_pin`` or ``pinning_version``. A missing value equals only another missing value: a pin without a
hash never resolves, so it must not count as healthy.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, or_

CONTENT = ("bundle_name", "bundle_version", "dag_hash")
"""The fields of an identity that determine the code. The others follow from these, or identify the row."""


def content_of(source: Any, *, prefix: str = "") -> tuple[Any, ...]:
    """
    Return the fields that determine the code of a version.

    :param source: a row, a model or an identity
    :param prefix: prefix of its attribute names
    """
    return tuple(getattr(source, f"{prefix}{name}") for name in CONTENT)


def has_drifted(recorded: Any, present: Any, *, prefix: str = "") -> bool:
    """
    Return whether a version differs from its snapshot.

    :param recorded: the snapshot
    :param present: the current version
    :param prefix: prefix of the attribute names of ``present``
    """
    return content_of(recorded) != content_of(present, prefix=prefix)


def has_drifted_condition(recorded: Any, version: Any, dag_hash: Any) -> ColumnElement[bool]:
    """
    Build :func:`has_drifted` as a condition.

    :param recorded: ``Pin`` or ``ManagedVersion``, or an alias of it
    :param version: ``DagVersion`` or an alias of it
    :param dag_hash: the current hash: a column or a scalar subquery
    """
    present = (version.bundle_name, version.bundle_version, dag_hash)
    return or_(*(column.is_distinct_from(now) for column, now in zip(content_of(recorded), present, strict=True)))
