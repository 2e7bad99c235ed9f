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
"""The Airflow plugin that adds the REST API and the user interface to Airflow's API server."""

from __future__ import annotations

from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from airflow_providers_pinning.canary import is_canary

URL_PREFIX = "/pinning"
STATIC = "pinning/static"
"""Where the built user interface is, relative to Airflow's own pages: their base has the path of ``base_url``."""
BUILT = Path(__file__).parents[1] / "ui" / "dist"


class PinningPlugin(AirflowPlugin):
    """Mounts the REST API under ``/pinning``, adds a tab to every Dag and a page to the navigation, and a macro."""

    name = "pinning"
    macros = [is_canary]
    """In templates, ``macros.pinning.is_canary``."""

    @cached_property  # type: ignore[misc]
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Build the app when an API server asks for it; other processes never import it."""
        from airflow_providers_pinning.api.app import create_app

        return [{"app": create_app(static=BUILT), "url_prefix": URL_PREFIX, "name": "Dag version pinning"}]

    @cached_property  # type: ignore[misc]
    def react_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Describe the pages; each name is that of a component which the built file puts on ``globalThis``."""
        bundle = BUILT / "pinning.js"
        built = sha256(bundle.read_bytes()).hexdigest()[:12] if bundle.exists() else ""
        bundle_url = f"{STATIC}/{bundle.name}?v={built}"
        # Without icons of their own: Airflow's navigation draws those as images without a text for screen readers.
        return [
            {"name": "Pinning", "url_route": "pinning", "destination": "dag", "bundle_url": bundle_url},
            {
                "name": "Pins",
                "url_route": "pins",
                "destination": "nav",
                "nav_top_level": True,
                "bundle_url": bundle_url,
            },
        ]
