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
"""The limits of what a request, a command or a run may ask for."""

from __future__ import annotations

MAX_INTEGER = 2**31 - 1
"""What an integer column holds."""


MAX_SECONDS = 10 * 365 * 86_400
"""Longest time that a soak may be asked to take."""


MAX_ID = 250
"""Characters of an id, an idempotency key or a version of a bundle, as Airflow's columns have it."""


MAX_ACTOR = 512
"""Characters of a user's name, as Airflow has them of who triggered a run; longer ones are cut."""

MAX_FILELOC = 2000
"""Characters of the path of a Dag file, as Airflow's columns have it."""

MAX_HOSTNAME = 500
"""Characters of the name of a host, as Airflow's columns have it."""

MAX_REF = 250
"""Characters of the name of a branch or a tag that are kept."""

MAX_AUTHOR = 250
"""Characters of the name of a commit's author that are kept."""

MAX_URL = 2000
"""Characters of the address of a commit; a longer one is not kept."""

MAX_SOURCE_NAMES = 10
"""How many names the source of a request has at most."""

MAX_SOURCE_NAME = 100
"""Characters of each of these names."""

MAX_SOURCE_VALUE = 1000
"""Characters of what each of them has."""

MAX_PINS = 1000
"""How many pins one answer lists at most."""

MAX_PAGE = 500
"""How many versions, changes, runs or replays one answer lists at most."""

MAX_FAILED_TASKS = 10
"""How many of the tasks that failed since a pin are named."""

MAX_LOG_LINES = 100
"""How many of the last lines of a failed task's log one answer has at most."""

MAX_LOG_LINE = 500
"""Characters that are shown of such a line."""

MAX_REASON = 2000
"""Characters of the reason of a change."""


MAX_NOTE = 1000
"""Characters that Airflow keeps of a run's note."""


MAX_CANARY_RUNS = 100
"""How many canary runs one request may create."""


MAX_SUBSTITUTES = 100
"""How many connections, and how many Variables, a request may substitute."""


MAX_RUN_STATE_VALUE = 2**20
"""Bytes of one value that a canary run writes to a Variable or to the state of an asset."""


MAX_RUN_STATE_NAMES = 1000
"""How many Variables and keys of assets a canary run may write to."""


MAX_REPLAYS = 100
"""How many runs one request may replay."""


MAX_ACKNOWLEDGED_RUNS = 1000
"""How many runs one request acknowledges at most."""


MAX_REPAIRED_RUNS = 2000
"""How many runs of a bad version one request stops and reruns."""


MAX_HELD_DAGS = 1000
"""How many Dags one request puts on hold."""


MAX_DURATION_RATIO = 1e6
"""The largest tolerance of a comparison of durations."""


MAX_SOURCE = 2000
"""Characters of that header; the server refuses longer ones."""
