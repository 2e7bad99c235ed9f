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
"""The criteria and verdicts of soaks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from airflow_providers_pinning.vocabulary import FailedTasks, RunKind, Verdict

__all__ = ["FailedTasks", "RunKind", "SoakCriteria", "Verdict", "iso", "seconds"]


@dataclass(frozen=True)
class SoakCriteria:
    """When a soak is over, and with which result. Times are in seconds. Omitted criteria are those of the Dag."""

    min_runs: int | None = None
    """Required finished runs."""
    min_duration: float | None = None
    """Minimum duration of the soak."""
    max_failures: int | None = None
    """Failed runs to tolerate. One more fails the soak."""
    max_output_differences: int | None = None
    """Outputs that may differ between replays and their originals, all together; by default they are not judged."""
    consecutive_successes: int | None = None
    """Required consecutive successful runs, counted back from the newest."""
    inconclusive_after: float | None = None
    """Time after which an undecided soak is inconclusive."""
    run_kinds: str | None = None
    """A :class:`RunKind`."""
    since: str | None = None
    """Start of the soak, in ISO 8601 (default: when the version became a candidate, or was pinned)."""
    expected_dag_hash: str | None = None
    """Expected hash of the version. If it has another one, the soak is void."""
    expected_bundle_version: str | None = None
    """Expected commit of the version. If it has another one, the soak is void."""
    compare: bool | None = None
    """Compare with the runs of the version that it would replace, or replaced."""
    max_duration_ratio: float | None = None
    """Maximum ratio of durations, with ``compare``."""
    max_failure_rate_increase: float | None = None
    """Maximum increase of the failure rate, with ``compare``."""
    min_duration_difference: float | None = None
    """Smaller increases of the duration, in seconds, do not count, with ``compare``."""
    min_duration_runs: int | None = None
    """Required successful runs on each side, or pairs of replay and original, to judge durations."""
    failed_tasks: str | None = None
    """A :class:`FailedTasks`."""

    def __post_init__(self) -> None:
        if self.run_kinds is not None:
            RunKind(self.run_kinds)
        if self.failed_tasks is not None:
            FailedTasks(self.failed_tasks)

    def as_criteria(self) -> dict[str, Any]:
        """
        Return the criteria that can be stored for a Dag.

        :raises ValueError: if a given field cannot be stored
        """
        about = {name: getattr(self, name) for name in ("since", "expected_dag_hash", "expected_bundle_version")}
        if given := [name for name, value in about.items() if value is not None]:
            raise ValueError(
                f"{', '.join(given)} belongs to one question about a version, not to the criteria of a Dag"
            )
        return {name: value for name, value in vars(self).items() if value is not None and name not in about}

    def as_params(self) -> dict[str, Any]:
        """Return the query parameters. Omitted criteria are left to the server."""
        return {
            name: str(value).lower() if isinstance(value, bool) else value
            for name, value in vars(self).items()
            if value is not None
        }


def seconds(value: float | str | timedelta | None) -> float | None:
    """Return a ``timedelta``, number or rendered number as seconds."""
    if isinstance(value, timedelta):
        return value.total_seconds()
    return None if value in (None, "", "None") else float(value)  # type: ignore[arg-type]


def iso(value: datetime | str | None) -> str | None:
    """Return a time, which may be a rendered string, in ISO 8601."""
    if isinstance(value, datetime):
        return value.isoformat()
    return None if value in (None, "", "None") else value
