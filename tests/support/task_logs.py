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
"""Logs of tasks, where Airflow looks for them on this host."""

from __future__ import annotations

import json
from pathlib import Path

from airflow.configuration import conf
from airflow.models.taskinstance import TaskInstance
from airflow.utils.log.log_reader import TaskLogReader


def write_log(ti: TaskInstance, *messages: dict | str) -> Path:
    """
    Write the log of the present try of a task, as its process does.

    :param ti: the task instance
    :param messages: what was logged: a text, or the fields of a structured message
    """
    name = TaskLogReader().log_handler._render_filename(ti, ti.try_number)
    file = Path(conf.get("logging", "base_log_folder")) / name
    file.parent.mkdir(parents=True, exist_ok=True)
    at = "2026-11-29T00:00:00Z"
    structured = (message if isinstance(message, dict) else {"event": message} for message in messages)
    file.write_text("".join(json.dumps({"timestamp": at, "level": "info", **one}) + "\n" for one in structured))
    return file
