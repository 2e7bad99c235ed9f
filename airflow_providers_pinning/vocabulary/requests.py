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
"""Markers in requests and run IDs."""

from __future__ import annotations

import re

CANARY_PREFIX = "canary__"
"""Prefix of the run ID of every canary run. A live run has it only if a user chose it."""

CANARY_RUN_ID = re.compile(rf"{CANARY_PREFIX}v\d+__.+")
"""Format of the run ID of every canary run, by which tasks recognize it. Live runs of managed Dags never get one."""


SOURCE_HEADER = "Pinning-Source"
"""Header with the task that sends a request."""
