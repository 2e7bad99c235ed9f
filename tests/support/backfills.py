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
"""Backfills of the Dag ``orders``, created as Airflow's API does."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from airflow.models.backfill import ReprocessBehavior, _create_backfill

DAY = datetime(2026, 3, 1, tzinfo=timezone.utc)


def backfill(
    since: datetime = DAY,
    until: datetime = DAY,
    *,
    reprocess: ReprocessBehavior = ReprocessBehavior.NONE,
    max_active_runs: int = 5,
    **more: Any,
) -> None:
    """Create a backfill from one date to another, by default of one day."""
    _create_backfill(
        dag_id="orders",
        from_date=since,
        to_date=until,
        max_active_runs=max_active_runs,
        reverse=False,
        dag_run_conf={},
        triggering_user_name="alice",
        reprocess_behavior=reprocess,
        **more,
    )
