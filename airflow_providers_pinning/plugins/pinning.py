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
"""The Airflow plugin, through which the REST API is served by Airflow's API server."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

URL_PREFIX = "/pinning"


class PinningPlugin(AirflowPlugin):
    """Mounts the REST API under ``/pinning``."""

    name = "pinning"

    @cached_property  # type: ignore[misc]
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Build the app when an API server asks for it; other processes never import it."""
        from airflow_providers_pinning.api.app import create_app

        return [{"app": create_app(), "url_prefix": URL_PREFIX, "name": "Dag version pinning"}]
