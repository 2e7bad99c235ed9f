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
"""What a command's exit code tells a script."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    """It did what was asked; a soak is successful; what was checked is healthy."""
    UNEXPECTED = 1
    """Something failed that is no answer, such as the database."""
    USAGE = 2
    """The command was not understood, or what was given does not fit."""
    REFUSED = 3
    """The change is not allowed now; the message begins with the reason."""
    NOT_FOUND = 4
    """No such Dag, version or pin."""
    NOT_CONFIRMED = 5
    """The question was not answered with yes, so nothing was changed."""
    UNHEALTHY = 6
    """A pin is not honored, or the installation needs attention."""
    DIFFERENT = 7
    """The compared versions differ; only with --exit-code."""
    BROKEN = 8
    """The Dag's file has an import error at the commit that is waited for."""
    PROGRESSING = 10
    """The soak, or the runs that were waited for, need more time."""
    FAILED = 11
    """The soak, or one of the runs that were waited for, failed."""
    INCONCLUSIVE = 12
    """The soak's time is over without an answer."""
    INTERRUPTED = 130
    """Ctrl-C was pressed."""
