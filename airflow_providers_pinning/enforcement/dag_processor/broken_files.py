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
Record the files with import errors at each commit.

Airflow keeps the import errors of the last parse, and forgets them once they are fixed. A broken commit would then
look like one that did not change the Dag, and a caller waiting for it would wait until the timeout. A broken file is
recorded once per commit; files that parse cost nothing.

Shown by ``tests/unit/enforcement/dag_processor/test_broken_files.py``.
"""

from __future__ import annotations

import logging
from pathlib import Path

log = logging.getLogger(__name__)


class BrokenFiles:
    """What this process knows of broken files at the current commits of the bundles."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, dict[str, str]]] = {}

    def note(self, bundle_name: str, bundle_version: str, file: Path, import_errors: dict[str, str] | None) -> None:
        """
        Record the result of a parse.

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
            # Parsing must not stop because of this; the next parse of the file retries.
            log.exception("Import errors of %s in bundle %s could not be recorded", file, bundle_name)
