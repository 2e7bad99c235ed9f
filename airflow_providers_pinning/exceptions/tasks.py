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
"""Exceptions that end tasks of a promotion Dag, in addition to those of the REST API."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk.exceptions import AirflowFailException

from airflow_providers_pinning.exceptions.base import PinningApiError


class CommitBrokenError(AirflowFailException):
    """
    The Dag file has an import error at the awaited commit, so no version will be registered.

    :param message: which file, the error's first line, and what to do about it
    :param broken_files: ``relative_fileloc`` and ``message`` of each
    """

    def __init__(self, message: str, *, broken_files: Sequence[Mapping[str, Any]] = ()) -> None:
        super().__init__(message)
        self.broken_files = [dict(file) for file in broken_files]


class RemoteVersionRefusedError(AirflowFailException):
    """
    Another Airflow reported that the commit does not qualify, and will not.

    :param message: what it reported
    :param reason: machine-readable reason, such as ``rejected`` or ``other_hash``
    :param told: the whole report
    """

    def __init__(self, message: str, *, reason: str, told: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.reason = reason
        self.told = dict(told)


class QuestionOutdatedError(AirflowFailException):
    """
    Airflow shows the question that the task asked before it was cleared, and it differs from the current one.

    The user would approve something else than what is shown.
    """


class RollbackFailedError(PinningApiError):
    """
    Some of several Dags could not be rolled back.

    :param done: release states of the Dags that were rolled back, by Dag id
    :param failed: errors of the other Dags, by Dag ID
    """

    def __init__(self, *, done: Mapping[str, dict[str, Any]], failed: Mapping[str, PinningApiError]) -> None:
        self.done = dict(done)
        self.failed = dict(failed)
        listed = "; ".join(f"{dag_id}: {error}" for dag_id, error in failed.items())
        super().__init__(
            f"{len(failed)} of {len(done) + len(failed)} Dags could not be rolled back: {listed}. "
            f"Rolled back: {', '.join(done) or 'none'}.",
            reason="rollback_failed",
            data={"done": sorted(done), "failed": {dag_id: error.as_dict() for dag_id, error in failed.items()}},
        )
