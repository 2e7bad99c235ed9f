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
A pinned version does not decide about assets that Dags at HEAD use.

Airflow writes, at each parse of a file, what the file says of the assets that it uses: watchers, extra and group.
With a pinned version's saying in it, two files that share an asset would take turns: each parse of the one starts the
old trigger, each parse of the other stops it, and Dags that are not pinned get no events. Here the definition of an
asset is HEAD's as soon as a Dag that is not pinned uses it, else that of the pinned version that was registered last.

The watchers of an asset that only a pinned Dag waits for, and whose name or URI another one took at HEAD, go on. Stock
stops those of inactive assets.

Shown by ``tests/unit/enforcement/dag_processor/test_shared_assets.py`` and, for any order of parses, by
``tests/unit/enforcement/dag_processor/test_shared_assets_properties.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def collect(call: Call) -> Any:
    """Collect the assets of a file, and note where they come from if a pinned Dag is among its Dags."""
    from airflow_providers_pinning.domain.dag_model.shared_assets import with_pinned

    return with_pinned(call.proceed(), call.dags)


def sync_assets(call: Call) -> Any:
    """Write the definitions of those that have the say."""
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
    Leave the watchers of assets alone that others have the say about, and exchange those of the rest at once.

    Where one watcher takes another's place, Airflow takes out both and puts the new one in at the next parse, which
    for a pinned Dag there may not be.
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
    """Find the assets whose watchers are to run, those among them that pinned Dags wait for in vain else."""
    from airflow_providers_pinning.domain.dag_model.shared_assets import AssetsOfFile, displaced_and_awaited

    active: set[tuple[str, str]] = call.proceed()
    asked = call.name_uri_assets
    if not isinstance(asked, AssetsOfFile):
        return active
    return active | displaced_and_awaited(asked.keys() - active, session=call.session)
