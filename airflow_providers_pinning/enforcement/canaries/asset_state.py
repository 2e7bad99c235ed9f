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
A canary run's writes to asset state stay inside the run.

Airflow's Execution API stores values with assets, such as watermarks, which tasks of any Dag read and write. A live
run would continue where a candidate ended, and skip data. So a canary run writes to its own store: it reads back its
own writes, otherwise the live value.

Airflow's routes request the store once they know the asset, so the patch returns the other store there.

Shown by ``tests/unit/enforcement/canaries/test_asset_state.py``.
"""

from __future__ import annotations

from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.canaries.asking import (
    Asking,
    asking_run,
    isolation_of_asking,
    refused_clearly,
)


def get_state_backend(call: Call) -> Any:
    """Return the store of a live run; for a canary run, its own store in front of it."""
    stock = call.proceed()
    asking = asking_run()
    if asking is None:
        return stock
    from airflow_providers_pinning.domain.canaries.isolation import STATE, WITHHOLD

    return OwnAssetState(asking, stock) if isolation_of_asking(asking)[STATE] == WITHHOLD else stock


class OwnAssetState:
    """
    A canary run's writes, layered over the state of live runs.

    :param asking: the run
    :param live: the store of live runs
    """

    def __init__(self, asking: Asking, live: Any) -> None:
        self._asking = asking
        self._live = live

    def get(self, scope: Any, key: str, *, session: Any) -> str | None:
        """Return the run's own value, otherwise the live value."""
        from airflow_providers_pinning.domain.canaries import run_state

        written = run_state.asset_state(*self._run, scope.asset_id, key, session=session)
        if written is not None:
            return written.value
        value: str | None = self._live.get(scope, key, session=session)
        return value

    def set(self, scope: Any, key: str, value: str, *, session: Any) -> None:
        """Store a value inside the run."""
        self._write(scope, key, value, session=session)

    def delete(self, scope: Any, key: str, *, session: Any) -> None:
        """Record inside the run that a value was deleted."""
        self._write(scope, key, None, session=session)

    def clear(self, scope: Any, *, session: Any) -> None:
        """Record inside the run that all values of an asset were deleted."""
        from airflow_providers_pinning.domain.canaries import run_state

        with refused_clearly():
            run_state.clear_asset_state(
                *self._run, scope.asset_id, task_instance_id=self._asking.task_instance_id, session=session
            )

    def _write(self, scope: Any, key: str, value: str | None, *, session: Any) -> None:
        from airflow_providers_pinning.domain.canaries import run_state

        ti = self._asking.task_instance_id
        with refused_clearly():
            run_state.write_asset_state(*self._run, scope.asset_id, key, value, task_instance_id=ti, session=session)

    @property
    def _run(self) -> tuple[str, str]:
        return self._asking.dag_id, self._asking.run_id
