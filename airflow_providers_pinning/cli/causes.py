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
"""Causes of errors, as far as users can act on them."""

from __future__ import annotations

from sqlalchemy.exc import DBAPIError, OperationalError

CHECK_CONNECTION = "Check [database] sql_alchemy_conn and whether the server is reachable"


def cause_of(error: Exception) -> str:
    """Describe an error in one line. A database error is shown without its statement, which may fill pages."""
    if isinstance(error, DBAPIError):
        error = error.orig if isinstance(error.orig, Exception) else error
        return one_line(error)
    return f"{type(error).__name__}: {one_line(error)}"


def one_line(error: Exception) -> str:
    """Return the message of an error in one line."""
    return " ".join(str(error).split())


def is_unreachable(error: DBAPIError) -> bool:
    """Return whether the connection failed, rather than a statement."""
    return error.connection_invalidated or (isinstance(error, OperationalError) and error.statement is None)
