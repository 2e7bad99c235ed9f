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
"""Distinguish problems of the dag processor's own host from problems of a remote."""

from __future__ import annotations

import errno
import re

from airflow_providers_pinning.domain.versions.code_availability.finding import CodeProblem, Trouble

_LOCAL_ERRORS = frozenset(
    (
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
        errno.EIO,
    )
)
_LOCAL_WORDS = re.compile(
    r"no space left on device|disk quota exceeded|read-only file system|input/output error|too many open files"
    r"|out of memory|cannot allocate memory|insufficient permission|unable to create|unable to write|cannot mkdir"
    r"|could not create|failed to write|file write error",
    re.IGNORECASE,
)
_CREDENTIALS = re.compile(r"(?<=://)[^/@\s]+@")
_LINES = 4
"""Maximum number of lines of git's output to report."""


def is_local(error: BaseException) -> bool:
    """Return whether an error, or one of its causes, is a problem of this host, such as a full disk."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, OSError) and not isinstance(cause, (ConnectionError, TimeoutError)):
            return cause.errno in _LOCAL_ERRORS
        if is_local_message(str(cause)):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def is_local_message(printed: str) -> bool:
    """Return whether git's output is about this host, and not what the remote says about itself."""
    return any(_LOCAL_WORDS.search(line) for line in printed.splitlines() if not line.startswith("remote:"))


def summary(printed: str) -> str:
    """Return the last lines of git's output, without credentials."""
    lines = [line.strip() for line in _CREDENTIALS.sub("", printed).splitlines() if line.strip()]
    return "; ".join(lines[-_LINES:])


def local_trouble(bundle_name: str, cause: object) -> Trouble:
    """Describe a problem of this host."""
    return Trouble(
        CodeProblem.LOCAL_TROUBLE,
        f"bundle {bundle_name!r}: the dag processor's host cannot check it: {summary(str(cause))}",
    )
