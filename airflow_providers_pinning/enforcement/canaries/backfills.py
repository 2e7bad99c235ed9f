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
A backfill creates a run for every partition without a live run.

Airflow treats the newest run of a partition, of any type, as the one that a backfill would repeat. A canary run may
have the partition of a live run, so the backfill would skip a partition that was never loaded, or whose load failed.
The lookup ignores canary runs, without an extra statement.

Shown by ``tests/unit/enforcement/canaries/test_partitions.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def get_latest_dag_run_row_query(call: Call) -> Any:
    """Build the lookup of the newest live run of a partition or logical date."""
    from airflow_providers_pinning.domain.canaries.routed_runs import of_canary_runs

    return call.proceed().where(~of_canary_runs())
