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
Record which files were parsed at a commit.

Airflow moves a version to the commit at which its file was last parsed. If a second commit arrives before the first
one is parsed, the first one would look as if it did not change the Dag. And waiting for a commit that deletes a Dag
would never end, because nothing is registered from it. So one statement per commit records when its last file was
parsed, or when the bundle moves on earlier.

Shown by ``tests/unit/enforcement/dag_processor/test_parsed_files.py``.
"""

from __future__ import annotations

import logging
from collections.abc import Collection
from dataclasses import dataclass, field

log = logging.getLogger(__name__)


@dataclass
class _Progress:
    """Parsing progress of one bundle at its current commit."""

    commit: str
    unparsed: set[str]
    gone: set[str] = field(default_factory=set)
    is_recorded: bool = False


class ParsedFiles:
    """The parsed files of each bundle at its current commit, as far as this process knows."""

    def __init__(self) -> None:
        self._bundles: dict[str, _Progress] = {}
        self._files: dict[str, set[str]] = {}

    def begin(self, bundle_name: str, commit: str, files: Collection[str]) -> None:
        """
        Note the new commit of a bundle, and its files.

        :param bundle_name: name of the bundle
        :param commit: its version
        :param files: paths inside the bundle
        """
        left = self._bundles.get(bundle_name)
        if left is not None and left.commit != commit and not left.is_recorded:
            self._record(bundle_name, left.commit, left.unparsed | left.gone, parsed=False)
        known = self._files.setdefault(bundle_name, set())
        known.update(files)
        self._bundles[bundle_name] = _Progress(commit, set(files), known - set(files))
        self._record_if_done(bundle_name)

    def note(self, bundle_name: str, commit: str, file: str) -> None:
        """
        Note that the Dags of a file were registered at a commit.

        :param bundle_name: name of the bundle
        :param commit: the commit that the file was read from
        :param file: path inside the bundle
        """
        at = self._bundles.get(bundle_name)
        if at is None or at.commit != commit:
            return
        at.unparsed.discard(file)
        self._record_if_done(bundle_name)

    def _record_if_done(self, bundle_name: str) -> None:
        at = self._bundles[bundle_name]
        if not at.unparsed and not at.is_recorded:
            at.is_recorded = self._record(bundle_name, at.commit, at.gone, parsed=True)

    def _record(self, bundle_name: str, commit: str, files: Collection[str], *, parsed: bool) -> bool:
        from airflow.utils.session import create_session

        from airflow_providers_pinning.domain.versions.parsed_commits import note_all_parsed, note_left

        try:
            with create_session(scoped=False) as session:
                if parsed:
                    note_all_parsed(bundle_name, commit, gone=files, session=session)
                else:
                    note_left(bundle_name, commit, unparsed=files, session=session)
        except Exception:
            # Parsing must not stop because of this; the commit then counts as not parsed.
            log.exception("The parsed files of bundle %s at %s could not be recorded", bundle_name, commit)
            return False
        return True


parsed_files = ParsedFiles()
"""The instance of this process."""
