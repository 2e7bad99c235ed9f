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
"""Counters of changes, through Airflow's own metrics. Each change is counted when it is announced."""

from __future__ import annotations

from airflow.configuration import conf
from airflow.observability import stats
from airflow.observability.metrics import stats_utils

from airflow_providers_pinning.listeners.event import DagVersionEvent
from airflow_providers_pinning.vocabulary import EventKind

CHANGES = "pinning.changes"
ROLLBACKS = "pinning.rollbacks"
AUTOMATIC_ROLLBACKS = "pinning.automatic_rollbacks"


def initialize() -> None:
    """Initialize Airflow's metrics in this process, as Airflow's own components do themselves."""
    stats.initialize(
        factory=stats_utils.get_stats_factory(), export_legacy_names=conf.getboolean("metrics", "legacy_names_on")
    )


def count_change(event: DagVersionEvent) -> None:
    """Count a change by kind. Rollbacks, also automatic ones, have a second counter for backends without tags."""
    stats.incr(CHANGES, tags={"kind": event.kind.value})
    if event.kind is EventKind.ROLLED_BACK:
        stats.incr(ROLLBACKS)
        if "breaker" in event.evidence:
            stats.incr(AUTOMATIC_ROLLBACKS)
