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

from types import ModuleType
from typing import Any

from airflow_providers_pinning.enforcement.contract import wrap, wrap_route


def install_on_task_instances(module: ModuleType) -> None:
    """Patch ``airflow.api_fastapi.execution_api.routes.task_instances``."""

    def validate(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        from airflow_providers_pinning.domain.dag_model.displaced_assets import displaced

        response = wrapped(*args, **kwargs)
        if not response.inactive_assets:
            return response
        keys = [(asset.name, asset.uri) for asset in response.inactive_assets]
        tolerated = displaced(kwargs["task_instance_id"], keys, session=kwargs["session"])
        response.inactive_assets = [
            asset for asset in response.inactive_assets if (asset.name, asset.uri) not in tolerated
        ]
        return response

    wrap_route(module, "validate_inlets_and_outlets", validate)


def install_on_task_instance(module: ModuleType) -> None:
    """Patch ``airflow.models.taskinstance``."""
    from airflow.utils.session import NEW_SESSION, provide_session

    @provide_session
    def register(wrapped: Any, ti: Any, task_outlets: Any, outlet_events: Any, *, session: Any = NEW_SESSION) -> Any:
        from airflow_providers_pinning.domain.dag_model.displaced_assets import publish_displaced

        listeners = wrapped(ti, task_outlets, outlet_events, session=session)
        if not task_outlets:
            return listeners
        assets = (getattr(listener, "keywords", {}).get("asset") for listener in listeners)
        published = {(asset.name, asset.uri) for asset in assets if asset is not None}
        return [*listeners, *publish_displaced(ti, task_outlets, outlet_events, published, session=session)]

    def register_asset_changes_in_db(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        return register(wrapped, *args, **kwargs)

    wrap(module, "TaskInstance.register_asset_changes_in_db", register_asset_changes_in_db)
