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
"""Plurals, durations and commands in messages."""

from __future__ import annotations

import shlex
from datetime import timedelta


def plural(count: int, one: str, many: str | None = None) -> str:
    """
    Return a number with its noun.

    :param count: the number
    :param one: singular of the noun
    :param many: plural of the noun (default: with an ``s``)
    """
    return f"{count} {one if count == 1 else many or one + 's'}"


def duration(length: timedelta) -> str:
    """Format a duration in its two largest units, such as ``1 h 30 min`` or ``45 s``."""
    seconds = round(length.total_seconds())
    if not seconds:
        return "less than 1 s" if length else "0 s"
    units = (("d", 86400), ("h", 3600), ("min", 60), ("s", 1))
    parts: list[tuple[int, str]] = []
    for name, size in units:
        count, seconds = divmod(seconds, size)
        if count or parts:
            parts.append((count, name))
    return " ".join(f"{count} {name}" for count, name in parts[:2] if count)


def command(*words: str) -> str:
    """Return an ``airflow pinning`` command that can be pasted into a shell."""
    return shlex.join(("airflow", "pinning", *words))


def repair_command(dag_id: str, version_number: int | None) -> str:
    """Return the command that restores the recorded content of a version."""
    return command("repair", dag_id, "-V", str(version_number), "-r", "Revert the rewrite")


def pin_as_it_is_command(dag_id: str, version_number: int, *, dag_hash: str, bundle_version: str | None) -> str:
    """Return the command that deliberately pins a rewritten version as it is now."""
    now = ("--expected-dag-hash", dag_hash, "--expected-bundle-version", bundle_version or "")
    why = "The rewritten version is intended"
    return command("pin", dag_id, "-V", str(version_number), *now, "--override-reason", why, "-r", why)


def confirm_command(dag_id: str, version_number: int) -> str:
    """Return the command that deliberately continues with a version that failed too often."""
    why = "The failures are not the version's fault"
    return command("pin", dag_id, "-V", str(version_number), "--override-reason", why, "-r", why)


def acknowledge_command(dag_id: str) -> str:
    """Return the command that acknowledges escaped runs of a Dag."""
    return command("acknowledge", dag_id, "-r", "They did no harm")
