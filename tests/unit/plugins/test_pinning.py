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

from airflow_providers_pinning.plugins.pinning import PinningPlugin
from tests.support.python import answer_of


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
