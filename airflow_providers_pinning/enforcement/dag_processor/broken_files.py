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
The files that do not parse at a commit are recorded.

Airflow keeps the import errors of what was parsed last, and forgets them once they are fixed. A commit that was broken
would then be taken for one that changed nothing of the Dag, and someone who waits for it would wait until the timeout.
A file is written down once for each commit that it is broken at; files that parse cost nothing.

Shown by ``tests/unit/enforcement/dag_processor/test_broken_files.py``.
"""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


class BrokenFiles:
    """What this process knows of the files that are broken at the commits that the bundles are at."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, dict[str, str]]] = {}

    def note(self, bundle_name: str, bundle_version: str, file: Path, import_errors: dict[str, str] | None) -> None:
        """
        Record what a parse found.

        :param bundle_name: name of the bundle
        :param bundle_version: the commit that was parsed
        :param file: the file that was parsed, which may be an archive of several
        :param import_errors: stack trace of each file, by its path inside the bundle
        """
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.versions.broken_files import broken_at, first_line, note_parse

        try:
            if self._known.get(bundle_name, ("", {}))[0] != bundle_version:
                with create_session(scoped=False) as session:
                    self._known[bundle_name] = bundle_version, broken_at(bundle_name, bundle_version, session=session)
            known = self._known[bundle_name][1]
            was = {name: message for name, message in known.items() if name == str(file) or file in Path(name).parents}
            now = {name: first_line(stacktrace) for name, stacktrace in (import_errors or {}).items()}
            if was == now:
                return
            with create_session(scoped=False) as session:
                is_recorded = note_parse(bundle_name, bundle_version, was=was, now=now, session=session)
            if is_recorded:
                for name in was:
                    del known[name]
                known.update(now)
        except Exception:
            # Parsing must not stop for it; the next parse of the file tries again.
            log.exception("What a parse of %s in bundle %s found could not be recorded", file, bundle_name)
