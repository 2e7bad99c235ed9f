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
Register a version under the commit that its file was read from.

Airflow registers a parsed file under the commit that the bundle has when the result is collected. If the bundle was
refreshed in the meantime, the file, or a module that it imports, was read from another commit: the version would
combine the structure of one commit with the code of another, and could be pinned like that. Such a result is
discarded, and the file is parsed again immediately.

A file that is overtaken every time would never be registered. If no version of its Dags is managed, it is registered
anyway after a few attempts, as in Airflow. Otherwise it is not, because the active version must not depend on a later
parse to be corrected.

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
"""How many results of a file in a row are discarded even if no version of its Dags is managed."""


class Parses:
    """The commits of the files being parsed."""

    def __init__(self) -> None:
        self._read_from: dict[Any, str | None] = {}
        self._overtaken: Counter[Any] = Counter()

    def begin(self, manager: Any, file: Any, process: Any) -> None:
        """Note the commit of the bundle when a process starts to parse one of its files."""
        known = {other.id for other in manager._processors.values()}
        # A killed process has no result.
        self._read_from = {key: version for key, version in self._read_from.items() if key in known}
        self._read_from[process.id] = manager._bundle_versions.get(file.bundle_name)

    def commit_of(self, process: Any) -> str | None:
        """Return the commit that a process without a collected result reads its file from."""
        return self._read_from.get(process.id)

    def take(self, manager: Any, file: Any, process: Any) -> bool:
        """Return whether to register the result of a process; if not, the file is parsed again."""
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
                "Bundle %s was refreshed while %s was being parsed, %d times in a row, so no new version of its "
                "Dags was registered. Raise the bundle's refresh_interval above the parsing time of the file.",
                file.bundle_name,
                file.rel_path,
                self._overtaken[file],
            )
        log.info("Bundle %s was refreshed while %s was being parsed; parsing it again", file.bundle_name, file.rel_path)
        # Counted as not parsed yet, so a limited number of runs does not end without it.
        _ = manager._file_stats[file]
        manager._add_files_to_queue([file], mode="frontprio")
        return False


def _current_version(manager: Any, bundle_name: str) -> str | None:
    """Ask the bundle itself: if recording the refresh failed, Airflow still uses the previous commit."""
    from airflow.dag_processing.bundles.base import unpack_bundle_version

    [bundle] = [bundle for bundle in manager._dag_bundles if bundle.name == bundle_name]
    try:
        return unpack_bundle_version(bundle.get_current_version(), bundle)[0]
    except Exception:
        log.exception("The version of bundle %s is unknown", bundle_name)
        return None


def _is_managed(dag_ids: list[str]) -> bool:
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.versions.managed_cache import managed_version_ids

    with create_session(scoped=False) as session:
        return bool(managed_version_ids(dag_ids, session=session))


_parses = Parses()
"""The instance of this process."""
_broken_files = BrokenFiles()
_recorded_modules = dag_modules.RecordedModules()


def create_process(call: Call) -> Any:
    """Start to parse a file, and note its commit."""
    process = call.proceed()
    _parses.begin(call.instance, call.dag_file, process)
    return process


def handle_parsing_result(call: Call) -> None:
    """Register the parsed Dags, unless a refresh overtook the parse."""
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
