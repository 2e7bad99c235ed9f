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
"""A trigger that tells what it is handed out, which the triggerer imports."""

from __future__ import annotations

import asyncio
from typing import Any

from airflow.sdk import BaseHook, Variable
from airflow.triggers.base import BaseTrigger, TriggerEvent


class TellingTrigger(BaseTrigger):
    """Uses a connection and Variables in each way that a trigger has."""

    def serialize(self) -> tuple[str, dict[str, Any]]:
        """Return the class and its arguments."""
        return f"{__name__}.TellingTrigger", {}

    async def run(self) -> Any:
        """Tell what is handed out, and write a Variable."""
        later = await BaseHook.aget_connection("warehouse")
        in_thread = await asyncio.to_thread(BaseHook.get_connection, "warehouse")
        Variable.set("from_trigger", "9")
        yield TriggerEvent(
            {
                "hosts": [later.host, in_thread.host, BaseHook.get_connection("warehouse").host],
                "variables": [Variable.get("bucket"), Variable.get("from_trigger")],
            }
        )
