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
"""Limits of requests, commands and runs."""

from __future__ import annotations

MAX_INTEGER = 2**31 - 1
"""Largest value of an integer column."""


MAX_SECONDS = 10 * 365 * 86_400
"""Maximum duration of a soak."""


MAX_ID = 250
"""Characters of an ID, an idempotency key or a bundle version, as in Airflow's columns."""


MAX_ACTOR = 512
"""Characters of a user name, as Airflow stores for triggering users; longer ones are truncated."""

MAX_FILELOC = 2000
"""Characters of the path of a Dag file, as in Airflow's columns."""

MAX_HOSTNAME = 500
"""Characters of a host name, as in Airflow's columns."""

MAX_REF = 250
"""Characters stored of a branch or tag name."""

MAX_AUTHOR = 250
"""Characters stored of a commit author's name."""

MAX_URL = 2000
"""Characters of a commit URL; longer ones are not stored."""

MAX_SOURCE_NAMES = 10
"""Maximum number of keys in the source of a request."""

MAX_SOURCE_NAME = 100
"""Characters of each key."""

MAX_SOURCE_VALUE = 1000
"""Characters of each value."""

MAX_PINS = 1000
"""Maximum number of pins in one response."""

MAX_PAGE = 500
"""Maximum number of versions, changes, runs or replays in one response."""

MAX_FAILED_TASKS = 10
"""How many of the tasks that failed since a pin to list."""

MAX_LOG_LINES = 100
"""Maximum number of lines from the end of a failed task's log in one response."""

MAX_LOG_LINE = 500
"""Characters shown of such a line."""

MAX_REASON = 2000
"""Characters of the reason of a change."""


MAX_NOTE = 1000
"""Characters that Airflow stores of a run's note."""


MAX_CANARY_RUNS = 100
"""Maximum number of canary runs per request."""


MAX_SUBSTITUTES = 100
"""Maximum number of connections, and of Variables, that a request may substitute."""


MAX_RUN_STATE_VALUE = 2**20
"""Maximum size in bytes of a value that a canary run writes to a Variable or to asset state."""


MAX_RUN_STATE_NAMES = 1000
"""Maximum number of Variables and asset state keys that a canary run may write."""


MAX_REPLAYS = 100
"""Maximum number of runs to replay per request."""


MAX_ACKNOWLEDGED_RUNS = 1000
"""Maximum number of runs to acknowledge per request."""


MAX_REPAIRED_RUNS = 2000
"""Maximum number of runs of a bad version to stop and rerun per request."""


MAX_HELD_DAGS = 1000
"""Maximum number of Dags to put on hold per request."""


MAX_DURATION_RATIO = 1e6
"""Maximum tolerance of a comparison of durations."""


MAX_SOURCE = 2000
"""Characters of that header; the server refuses longer ones."""
