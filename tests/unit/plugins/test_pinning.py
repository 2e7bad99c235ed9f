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
from __future__ import annotations

from urllib.parse import urljoin

import pytest

from airflow_providers_pinning.plugins.pinning import BUILT, PinningPlugin
from tests.support.python import answer_of

BASE = "/team/airflow"


def test_the_app_is_mounted_under_a_path_of_its_own(airflow_app):
    mounted = [route.path for route in airflow_app.routes]

    assert mounted.count("/pinning") == 1


def test_the_app_is_built_once():
    plugin = PinningPlugin()

    assert plugin.fastapi_apps[0]["app"] is plugin.fastapi_apps[0]["app"]


def test_a_process_that_serves_no_api_does_not_import_the_app():
    answer = answer_of(
        "import sys\n"
        "from airflow import plugins_manager\n"
        "plugins_manager._get_plugins()\n"
        "answer = [name for name in sys.modules if name.startswith('airflow_providers_pinning.')]"
    )

    assert "airflow_providers_pinning.plugins.pinning" in answer
    assert "airflow_providers_pinning.api.app" not in answer


class TestPages:
    @pytest.fixture
    def pages(self, api):
        plugins = api("viewer").get("/api/v2/plugins").json()["plugins"]
        [plugin] = [plugin for plugin in plugins if plugin["name"] == "pinning"]
        return {page["name"]: page for page in plugin["react_apps"]}

    def test_are_a_tab_of_each_dag_and_one_in_the_navigation(self, pages):
        assert {name: (page["destination"], page["url_route"]) for name, page in pages.items()} == {
            "Pinning": ("dag", "pinning"),
            "Pins": ("nav", "pins"),
        }

    def test_have_components_of_their_names_in_the_built_file(self, pages):
        built = (BUILT / "pinning.js").read_text()

        for name in pages:
            assert f"Reflect.set(globalThis,`{name}`," in built

    def test_name_a_file_that_is_served_without_a_login(self, pages, api):
        for page in pages.values():
            answer = api(None).get(urljoin("/", page["bundle_url"]))
            assert (answer.status_code, "javascript" in answer.headers["content-type"]) == (200, True)

    def test_name_a_file_that_is_another_for_the_browser_once_it_changed(self, pages, monkeypatch, tmp_path):
        (tmp_path / "pinning.js").write_text("changed")
        monkeypatch.setattr("airflow_providers_pinning.plugins.pinning.BUILT", tmp_path)

        changed = PinningPlugin().react_apps[0]["bundle_url"]

        assert changed.split("?")[0] == pages["Pinning"]["bundle_url"].split("?")[0]
        assert changed != pages["Pinning"]["bundle_url"]


@pytest.mark.parametrize("path", ["../pinning.py", "%2e%2e/pinning.py", "..%2f..%2f__init__.py", "pinning.ts", ""])
def test_nothing_but_the_built_files_is_served(path, api):
    assert api("admin").get(f"/pinning/static/{path}").status_code == 404


def test_the_files_and_the_api_are_below_the_path_of_the_base_url():
    answer = answer_of(
        f"""
        from airflow.api_fastapi.app import create_app
        from airflow.utils import db
        from fastapi.testclient import TestClient
        from urllib.parse import urljoin

        db.initdb()
        client = TestClient(create_app(), base_url="http://localhost")
        page = client.get("{BASE}/").text
        client.headers["Authorization"] = "Bearer " + client.get("{BASE}/auth/token").json()["access_token"]
        [plugin] = [p for p in client.get("{BASE}/api/v2/plugins").json()["plugins"] if p["name"] == "pinning"]
        answer = {{
            "base": '<base href="{BASE}/"' in page,
            "file": client.get(urljoin("{BASE}/", plugin["react_apps"][0]["bundle_url"])).status_code,
            "api": client.get(urljoin("{BASE}/", "pinning/api/v1/pins")).status_code,
        }}
        """,
        AIRFLOW__API__BASE_URL=f"http://localhost{BASE}",
        AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="True",
    )

    assert answer == {"base": True, "file": 200, "api": 200}
