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
"""Links from a task to its target Dag."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from airflow.sdk import BaseOperatorLink
from airflow.sdk.configuration import conf

from airflow_providers_pinning.hooks.pinning import PinningHook

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator
    from airflow.sdk.types import TaskInstanceKey

    from airflow_providers_pinning.client.address import ApiAddress


_OURS = (("api", "base_url"), ("core", "execution_api_server_url"))
"""Options that have an address of this Airflow."""


def tab_of(address: ApiAddress, dag_id: str) -> str:
    """Return the address of a Dag's Pinning tab in the Airflow that a connection names."""
    return _tab(address.ui_url or address.base_url, dag_id)


def _tab(base: str, dag_id: str) -> str:
    return f"{base.rstrip('/')}/dags/{quote(dag_id, safe='')}/plugin/pinning"


def _is_ours(conn_id: str, address: ApiAddress) -> bool:
    """
    Return whether a connection is to this Airflow: the default one is, unless its extra ``ui_url`` says otherwise.

    Another one may be a user of its own, whose address is then one by which this Airflow is known to its tasks.
    """
    if conn_id == PinningHook.default_conn_name:
        return True
    ours = [conf.get(section, name, fallback="") for section, name in _OURS]
    return _host(address.base_url) in {_host(url) for url in ours if url}


def _host(url: str) -> tuple[str | None, int | None]:
    parts = urlsplit(url)
    return parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)


class PinningTabLink(BaseOperatorLink):
    """Link to the Pinning tab of the target Dag."""

    name = "Pinning"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """
        Return the address of the tab.

        The extra ``ui_url`` of the connection comes first. If the connection is to this Airflow, its
        ``[api] base_url`` is next. The last is the address of the connection, which browsers may not reach.
        """
        conn_id = operator.pinning_conn_id  # type: ignore[attr-defined]
        address = PinningHook(conn_id).address
        own = conf.get("api", "base_url", fallback="") if _is_ours(conn_id, address) else ""
        return _tab(address.ui_url or own or address.base_url, operator.target_dag_id)  # type: ignore[attr-defined]


class RemotePinningTabLink(BaseOperatorLink):
    """Link to the Pinning tab of the target Dag in another Airflow."""

    name = "Pinning there"

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        """Return the address of the tab; this Airflow's own address is never that of another one."""
        return tab_of(PinningHook(operator.pinning_conn_id).address, operator.target_dag_id)  # type: ignore[attr-defined]
