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
"""Files that commands take: of each no more is read than is taken."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from airflow_providers_pinning.cli.command import CommandError
from airflow_providers_pinning.vocabulary import ExitCode


def read_file(name: str, read: Callable[[str | bytes], dict[str, Any]], *, most: int) -> dict[str, Any]:
    """
    Return the document of a file, or of standard input if the name is ``-``.

    :param name: the file
    :param read: makes a document of what it contains, or refuses it
    :param most: how many bytes are taken
    :raises CommandError: if the file cannot be read
    """
    try:
        if name == "-":
            return read(sys.stdin.read(most + 1))
        with open(name, "rb") as file:
            return read(file.read(most + 1))
    except OSError as error:
        raise CommandError(ExitCode.USAGE, f"unreadable_file: {name}: {error.strerror}.") from None
