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
How tasks can recognize canary runs, and skip work in them.

Nothing here needs a database or a server, so it works wherever a task runs. Canary runs are recognized by their run
IDs, whose format is part of the contract.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from airflow_providers_pinning.vocabulary import CANARY_RUN_ID

Parameters = ParamSpec("Parameters")
Returned = TypeVar("Returned")


def is_canary(of: Any) -> bool:
    """
    Return whether a run is a canary run.

    In templates it is ``macros.pinning.is_canary``::

        INSERT INTO {{ "orders_canary" if macros.pinning.is_canary(dag_run) else "orders" }} ...

    :param of: the context of a task or callback, or a Dag run
    :raises TypeError: if it is neither
    """
    run_id = of.get("run_id") or getattr(of.get("dag_run"), "run_id", None) if isinstance(of, Mapping) else of
    run_id = getattr(run_id, "run_id", run_id)
    if not isinstance(run_id, str) or run_id is of:
        raise TypeError(f"is_canary takes a context or a Dag run, not {of!r}")
    return CANARY_RUN_ID.fullmatch(run_id) is not None


def skip_in_canary(function: Callable[Parameters, Returned]) -> Callable[Parameters, Returned]:
    """
    Skip a task in canary runs, and the tasks that need its success.

    Put it below the decorator of the task::

        @task
        @skip_in_canary
        def tell_customers(): ...

    :param function: the task function
    """

    @wraps(function)
    def run_or_skip(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Returned:
        from airflow.sdk import get_current_context
        from airflow.sdk.exceptions import AirflowSkipException

        if is_canary(get_current_context()):
            raise AirflowSkipException("This is a canary run, but the task is for live runs only.")
        return function(*args, **kwargs)

    return run_or_skip


class LiveRunsOnly:
    """
    A callback that does nothing in canary runs.

    Use it for callbacks that the package does not withhold: those of a successful task, and, on workers without the
    package, those of a failed one::

        @task(on_failure_callback=LiveRunsOnly(SmtpNotifier(to="oncall@example.com")))
        def load(): ...

    :param notifier: a notifier, or any other function of the context
    """

    def __init__(self, notifier: Callable[[Any], Any]) -> None:
        self.notifier = notifier

    def __call__(self, context: Mapping[str, Any]) -> None:
        """Notify, unless the run is a canary run."""
        if not is_canary(context):
            self.notifier(context)
