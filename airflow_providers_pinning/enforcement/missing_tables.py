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
A command without the tables of the pin store explains the remedy in one line.

Airflow's statements include the pin, so between installing the package and ``airflow db migrate`` every command that
selects a version fails with an SQL traceback. Components check the tables at startup; to avoid an extra statement,
commands check the error of the failed statement instead.

Shown by ``tests/unit/enforcement/test_missing_tables.py``.
"""

from __future__ import annotations

import functools
import sys
from typing import Any

from airflow_providers_pinning.enforcement.call import Call

MISSING = (
    *("42P01", "42703"),  # PostgreSQL: table, column
    *(1146, 1054),  # MySQL: table, column
)

ABORTED = "25P02"
"""
PostgreSQL: an earlier statement of the transaction failed, and Airflow continued (for example while serializing a
Dag).
"""

SQLITE = ("no such table", "no such column", "has no column")


def get_parser(call: Call) -> Any:
    """Return the command line parser, whose commands explain missing tables."""
    parser = call.proceed()
    # Airflow caches the parser, so it may already be patched.
    if "parse_args" not in vars(parser):
        parser.parse_args = _parsing(parser.parse_args)
    return parser


def _parsing(parse_args: Any) -> Any:
    @functools.wraps(parse_args)
    def parse(*args: Any, **kwargs: Any) -> Any:
        parsed = parse_args(*args, **kwargs)
        if callable(getattr(parsed, "func", None)):
            parsed.func = _explaining(parsed.func)
        return parsed

    return parse


def _explaining(function: Any) -> Any:
    @functools.wraps(function)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except Exception as error:
            if not _misses_tables(error):
                raise
            print(
                "The tables of airflow-providers-pinning are missing or outdated. Run `airflow db migrate`. "
                f"({' '.join(str(error.orig).split())})",  # type: ignore[attr-defined]
                file=sys.stderr,
            )
            raise SystemExit(1) from None

    return run


def _misses_tables(error: Exception) -> bool:
    from sqlalchemy.exc import DBAPIError

    if not isinstance(error, DBAPIError):
        return False
    codes = (getattr(error.orig, "pgcode", None), *getattr(error.orig, "args", ())[:1])
    if ABORTED in codes:
        return _are_not_migrated()
    if "pinning_" not in str(error.orig):
        return False
    return any(code in MISSING for code in codes) or any(text in str(error.orig) for text in SQLITE)


def _are_not_migrated() -> bool:
    from airflow.utils.session import create_session

    from airflow_providers_pinning.db_manager import PinningDBManager

    with create_session(scoped=False) as session:
        return not PinningDBManager(session).check_migration()
