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
Record the modules that a Dag file imported from its bundle.

Airflow stores the file of a Dag, but not what it imported. In a repository shared by many Dags, it would be unknown
which commits change a Dag. The parsing process reports the modules that it imported, one set difference per file, and
the dag processor records changes for managed Dags.

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
"""Key of the modules among the warnings of the parsing process, which Airflow passes on unchanged."""
MAX_MODULES = 2_000
"""Maximum number of modules of a file."""


def parse_file(call: Call) -> Any:
    """Parse a file, and report what it imported from its bundle."""
    before = set(sys.modules)
    result = call.proceed()
    if result is not None:
        modules = _inside(os.fspath(call.msg.bundle_path), sys.modules.keys() - before)
        if modules:
            result.warnings = [*(result.warnings or ()), {MODULES: modules}]
    return result


def _inside(root: str, names: Iterable[str]) -> list[str]:
    """Return the paths of the modules inside a folder."""
    prefix = os.path.join(root, "")
    found = set()
    for name in names:
        # A module may replace itself with any object, and compute its attributes.
        file = getattr(sys.modules.get(name), "__dict__", {}).get("__file__")
        if isinstance(file, str) and file.startswith(prefix):
            found.add(file[len(prefix) :].encode(errors="replace").decode())
    return sorted(found)[:MAX_MODULES]


def take_modules(result: Any) -> tuple[str, ...] | None:
    """Take the modules out of the parsing process's result; ``None`` if there are none."""
    warnings = getattr(result, "warnings", None) or []
    if not warnings or not isinstance(warnings[-1], dict) or MODULES not in warnings[-1]:
        return None
    result.warnings = warnings[:-1]
    return tuple(warnings[-1][MODULES])


class ManagedDags:
    """Dags of the file being registered that the pin store knows."""

    def __init__(self) -> None:
        self._dag_ids: frozenset[str] = frozenset()

    def note(self, dag_ids: frozenset[str]) -> None:
        """Collect them while their rows are locked."""
        self._dag_ids = dag_ids

    def take(self) -> frozenset[str]:
        """Return and forget them."""
        dag_ids, self._dag_ids = self._dag_ids, frozenset()
        return dag_ids


managed = ManagedDags()
"""The instance of this process."""


class RecordedModules:
    """What is already recorded, as far as this process knows."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, ...]] = {}

    def note(self, dag_ids: frozenset[str], modules: tuple[str, ...]) -> None:
        """Record the imports of a managed Dag's file, if they changed."""
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
            # Parsing must not stop because of this; the next parse of the file retries.
            log.exception("The modules imported by %s could not be recorded", ", ".join(sorted(dag_ids)))
