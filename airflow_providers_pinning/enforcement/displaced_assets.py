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
Tasks of a managed version run although another asset has the name or URI of one of theirs.

Stock's Execution API tells a task which of its inlets and outlets are not active, and the task fails; and
``TaskInstance.register_asset_changes_in_db`` passes over such outlets. An asset of a pinned version is inactive, and
stays so, once HEAD uses its name or URI for another one. The task is not told of it, and its event is recorded.

Both cost nothing where every asset is active.

Shown by ``tests/unit/enforcement/test_displaced_assets.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def validate_inlets_and_outlets(call: Call) -> Any:
    """Tell a task which of its assets are not active, without those that another one displaced."""
    from airflow_providers_pinning.domain.dag_model.displaced_assets import displaced

    response = call.proceed()
    if not response.inactive_assets:
        return response
    keys = [(asset.name, asset.uri) for asset in response.inactive_assets]
    tolerated = displaced(call.task_instance_id, keys, session=call.session)
    response.inactive_assets = [asset for asset in response.inactive_assets if (asset.name, asset.uri) not in tolerated]
    return response


def register_asset_changes_in_db(call: Call) -> Any:
    """Publish what a task has for its outlets, also for those that another one displaced."""
    from airflow_providers_pinning.domain.dag_model.displaced_assets import publish_displaced

    session = call.session
    listeners = call.proceed()
    if not call.task_outlets:
        return listeners
    assets = (getattr(listener, "keywords", {}).get("asset") for listener in listeners)
    published = {(asset.name, asset.uri) for asset in assets if asset is not None}
    return [*listeners, *publish_displaced(call.ti, call.task_outlets, call.outlet_events, published, session=session)]
