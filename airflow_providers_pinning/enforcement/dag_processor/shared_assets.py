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
A pinned version does not define assets that Dags at HEAD use.

At each parse of a file, Airflow writes the file's definition of its assets: watchers, extra and group. If this
included a pinned version's definition, two files that share an asset would alternate: each parse of one starts the
old trigger, each parse of the other stops it, and unpinned Dags get no events. So HEAD defines an asset if any
unpinned Dag uses it, otherwise the last registered pinned version does.

The watchers of an asset keep running if only a pinned Dag waits for it, even if HEAD gave its name or URI to another
asset. Airflow stops those of inactive assets.

Shown by ``tests/unit/enforcement/dag_processor/test_shared_assets.py`` and, for any order of parses, by
``tests/unit/enforcement/dag_processor/test_shared_assets_properties.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def collect(call: Call) -> Any:
    """Collect the assets of a file, and note where they come from if one of its Dags is pinned."""
    from airflow_providers_pinning.domain.dag_model.shared_assets import with_pinned

    return with_pinned(call.proceed(), call.dags)


def sync_assets(call: Call) -> Any:
    """Write the definitions from the Dags that define the assets."""
    from airflow_providers_pinning.domain.dag_model.shared_assets import AssetsOfFile, choose_definitions

    if isinstance(call.instance.assets, AssetsOfFile):
        choose_definitions(call.instance.assets, session=call.session)
    return call.proceed()


def sync_asset_aliases(call: Call) -> Any:
    """Write HEAD's groups."""
    from airflow_providers_pinning.domain.dag_model.shared_assets import choose_alias_groups

    choose_alias_groups(call.instance, session=call.session)
    return call.proceed()


def add_asset_trigger_references(call: Call) -> None:
    """
    Skip the watchers of assets that others define, and replace those of the rest in one step.

    If one watcher replaces another, Airflow removes both and adds the new one at the next parse, which a pinned Dag
    may not get.
    """
    from airflow_providers_pinning.domain.dag_model.shared_assets import AssetsOfFile, have_other_watchers, without_kept

    if not isinstance(call.instance.assets, AssetsOfFile):
        call.proceed()
        return
    operation = without_kept(call.instance)
    call.proceed_on(operation)
    models = call.assets
    if have_other_watchers(models[key] for key in operation.assets):
        call.session.flush()
        call.proceed_on(operation)


def find_active_assets(call: Call) -> set[tuple[str, str]]:
    """Find the assets whose watchers should run, including those that pinned Dags wait for."""
    from airflow_providers_pinning.domain.dag_model.shared_assets import AssetsOfFile, displaced_and_awaited

    active: set[tuple[str, str]] = call.proceed()
    asked = call.name_uri_assets
    if not isinstance(asked, AssetsOfFile):
        return active
    return active | displaced_and_awaited(asked.keys() - active, session=call.session)
