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
A version is registered under the commit that its file was read from.

Airflow registers what a process parsed under the commit that the bundle is at when the result is
collected. If the bundle was refreshed meanwhile, the file, or something that it imports, was read from
another commit: the version would pair the structure of one commit with the code of another, and could be
pinned like that. Such a result is thrown away, and the file is parsed again at once.

A file that is overtaken again and again would never be registered. If no version of its Dags is managed,
it is registered as in Airflow after a few times. Else it is not, since what is active must not wait for the
next parse to be put right.

Shown by ``tests/unit/enforcement/dag_processor/test_stale_parse.py`` and ``tests/system/test_stale_parse.py``.
"""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.dag_processor import dag_modules
from airflow_providers_pinning.enforcement.dag_processor.broken_files import BrokenFiles
from airflow_providers_pinning.enforcement.dag_processor.parsed_files import parsed_files
from airflow_providers_pinning.enforcement.versions.immutability import not_written

log = logging.getLogger(__name__)

DISCARDS_IN_A_ROW = 3
"""How often in a row the result of a file is thrown away although no version of its Dags is managed."""


class Parses:
    """From which commits the files are read that are being parsed."""

    def __init__(self) -> None:
        self._read_from: dict[Any, str | None] = {}
        self._overtaken: Counter[Any] = Counter()

    def begin(self, manager: Any, file: Any, process: Any) -> None:
        """Note which commit the bundle is at, now that a process begins to parse a file of it."""
        known = {other.id for other in manager._processors.values()}
        # A process that was killed has no result.
        self._read_from = {key: version for key, version in self._read_from.items() if key in known}
        self._read_from[process.id] = manager._bundle_versions.get(file.bundle_name)

    def commit_of(self, process: Any) -> str | None:
        """Return the commit that a process, whose result was not taken yet, reads its file from."""
        return self._read_from.get(process.id)

    def take(self, manager: Any, file: Any, process: Any) -> bool:
        """Return whether the result of a process is to be registered; if not, the file is parsed again."""
        begun_at = self._read_from.pop(process.id, None)
        registered_as = manager._bundle_versions.get(file.bundle_name)
        if process.parsing_result is None or registered_as is None:
            return True
        if begun_at == registered_as == _current_version(manager, file.bundle_name):
            del self._overtaken[file]
            return True
        self._overtaken[file] += 1
        if self._overtaken[file] > DISCARDS_IN_A_ROW:
            if not _is_managed([dag.dag_id for dag in process.parsing_result.serialized_dags]):
                del self._overtaken[file]
                return True
            log.warning(
                "Bundle %s was refreshed while %s was being parsed, %d times in a row: no new version of its Dags is "
                "registered. Raise the bundle's refresh_interval above the time that the file takes.",
                file.bundle_name,
                file.rel_path,
                self._overtaken[file],
            )
        log.info("Bundle %s was refreshed while %s was being parsed; again", file.bundle_name, file.rel_path)
        # Counted as not parsed yet, so that a limited number of runs does not end without it.
        _ = manager._file_stats[file]
        manager._add_files_to_queue([file], mode="frontprio")
        return False


def _current_version(manager: Any, bundle_name: str) -> str | None:
    """Ask the bundle itself: if it could not write down that it was refreshed, Airflow relies on the commit before."""
    from airflow.dag_processing.bundles.base import unpack_bundle_version

    [bundle] = [bundle for bundle in manager._dag_bundles if bundle.name == bundle_name]
    try:
        return unpack_bundle_version(bundle.get_current_version(), bundle)[0]
    except Exception:
        log.exception("The version of bundle %s is not known", bundle_name)
        return None


def _is_managed(dag_ids: list[str]) -> bool:
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.versions.managed_cache import managed_version_ids

    with create_session(scoped=False) as session:
        return bool(managed_version_ids(dag_ids, session=session))


_parses = Parses()
"""Those of this process."""
_broken_files = BrokenFiles()
_recorded_modules = dag_modules.RecordedModules()


def create_process(call: Call) -> Any:
    """Begin to parse a file, and note which commit it is read from."""
    process = call.proceed()
    _parses.begin(call.instance, call.dag_file, process)
    return process


def handle_parsing_result(call: Call) -> None:
    """Register what was parsed, unless a refresh overtook it."""
    modules = dag_modules.take_modules(call.proc.parsing_result)
    read_from = _parses.commit_of(call.proc)
    if not _parses.take(call.instance, call.file, call.proc):
        return
    not_written.clear()
    dag_modules.managed.take()
    call.proceed()
    if (dag_ids := dag_modules.managed.take()) and modules is not None:
        _recorded_modules.note(dag_ids, modules)
    version, result = call.instance._bundle_versions.get(call.file.bundle_name), call.proc.parsing_result
    if version is not None and result is not None:
        _broken_files.note(call.file.bundle_name, version, call.file.rel_path, result.import_errors)
        if read_from == version and not not_written:
            parsed_files.note(call.file.bundle_name, version, str(call.file.rel_path))
