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
"""A listener that sends each change to one of Airflow's notifiers."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import TYPE_CHECKING, cast

from airflow.listeners import hookimpl

if TYPE_CHECKING:
    from airflow.sdk import BaseNotifier
    from airflow.sdk.definitions.context import Context

    from airflow_providers_pinning.listeners.event import DagVersionEvent


class NotifierListener:
    """
    Sends each change to a notifier, whose templates can use it as ``event``.

    :param notifier: a notifier of any provider
    :param kinds: only changes of these kinds, such as ``rolled_back``; default: all
    """

    def __init__(self, notifier: BaseNotifier, *, kinds: Collection[str] | None = None) -> None:
        self.notifier = notifier
        self.kinds = kinds

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.notifier).__name__})"

    @hookimpl
    def on_dag_version_event(self, event: DagVersionEvent) -> None:
        """Notify, if the change has one of the requested kinds."""
        if self.kinds is None or event.kind in self.kinds:
            # A notifier overwrites its templates with the rendered values, so each instance is used only once.
            copy.deepcopy(self.notifier)(cast("Context", {"event": event}))
