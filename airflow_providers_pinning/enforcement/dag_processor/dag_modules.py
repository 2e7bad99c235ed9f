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
The modules of its bundle that a Dag's file imported are recorded.

Airflow keeps the file of a Dag and forgets what that imported. In a repository that many Dags share, nobody could tell
then which commits change a Dag. The parsing process says which modules it imported, one set difference a file,
and the dag processor writes that down for Dags that are managed, when it changes.

Shown by ``tests/unit/enforcement/dag_processor/test_dag_modules.py``.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import Any

from airflow_providers_pinning.enforcement.call import Call

log = logging.getLogger(__name__)

MODULES = "pinning_modules"
"""Key of what the parsing process tells among the warnings, which Airflow hands on as they are."""
MAX_MODULES = 2_000
"""How many modules of a file are told."""


def parse_file(call: Call) -> Any:
    """Parse a file, and tell what it imported from its bundle."""
    before = set(sys.modules)
    result = call.proceed()
    if result is not None:
        modules = _inside(os.fspath(call.msg.bundle_path), sys.modules.keys() - before)
        if modules:
            result.warnings = [*(result.warnings or ()), {MODULES: modules}]
    return result


def _inside(root: str, names: Iterable[str]) -> list[str]:
    """Return the paths of those modules that are inside a folder."""
    prefix = os.path.join(root, "")
    found = set()
    for name in names:
        # A module may put anything in its place, and compute its attributes.
        file = getattr(sys.modules.get(name), "__dict__", {}).get("__file__")
        if isinstance(file, str) and file.startswith(prefix):
            found.add(file[len(prefix) :].encode(errors="replace").decode())
    return sorted(found)[:MAX_MODULES]


def take_modules(result: Any) -> tuple[str, ...] | None:
    """Take what the parsing process told out of its result; ``None`` if it told nothing."""
    warnings = getattr(result, "warnings", None) or []
    if not warnings or not isinstance(warnings[-1], dict) or MODULES not in warnings[-1]:
        return None
    result.warnings = warnings[:-1]
    return tuple(warnings[-1][MODULES])


class ManagedDags:
    """Those Dags of the file that is being registered which the pin store knows anything of."""

    def __init__(self) -> None:
        self._dag_ids: frozenset[str] = frozenset()

    def note(self, dag_ids: frozenset[str]) -> None:
        """Note them while their rows are locked."""
        self._dag_ids = dag_ids

    def take(self) -> frozenset[str]:
        """Return them, once."""
        dag_ids, self._dag_ids = self._dag_ids, frozenset()
        return dag_ids


managed = ManagedDags()
"""Those of this process."""


class RecordedModules:
    """What this process knows to be recorded."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}

    def note(self, dag_ids: frozenset[str], modules: tuple[str, ...]) -> None:
        """Record what the file of some managed Dags imported, if it is not what is recorded."""
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.files.modules import record_modules, recorded_modules

        try:
            if all(self._known.get(dag_id) == modules for dag_id in dag_ids):
                return
            with create_session(scoped=False) as session:
                recorded = recorded_modules(dag_ids, session=session)
                different = [dag_id for dag_id in dag_ids if recorded.get(dag_id) != modules]
                if different:
                    record_modules(different, modules, session=session)
            self._known.update(dict.fromkeys(dag_ids, modules))
        except Exception:
            # Parsing must not stop for it; the next parse of the file tries again.
            log.exception("Which modules the file of %s imported could not be recorded", ", ".join(sorted(dag_ids)))
