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
"""Read and store the contents of files, each once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.batches import pages
from airflow_providers_pinning.domain.files.git import Clone, Content
from airflow_providers_pinning.domain.files.imports import Imports, imports_in
from airflow_providers_pinning.models import Base, FileContent


class Contents:
    """
    File contents of one bundle.

    :param clone: repository of contents that are not stored
    :param rows: receives the rows to store
    :param session: database session, which only reads
    """

    def __init__(self, clone: Clone, rows: list[Base], *, session: Session) -> None:
        self._clone = clone
        self._rows = rows
        self._session = session
        self._imports: dict[str, Imports] = {}
        self._taken: set[str] = set()

    def imports_of(self, content_hash: str) -> Imports:
        """Return the imports in a content."""
        if content_hash not in self._imports:
            text = self._session.scalar(select(FileContent.text).where(FileContent.content_hash == content_hash))
            if text is None:
                found = [*self._clone.contents([content_hash])]
                self._store(found)
                text = found[0].text if found else None
            self._imports[content_hash] = imports_in(text or "")
        return self._imports[content_hash]

    def keep(self, hashes: Collection[str]) -> None:
        """Store contents that are not stored yet."""
        for named in pages(sorted(hashes)):
            stored = self._session.scalars(
                select(FileContent.content_hash).where(FileContent.content_hash.in_(named))
            ).all()
            if missing := set(named).difference(stored, self._taken):
                self._store(self._clone.contents(sorted(missing)))

    def _store(self, contents: Iterable[Content]) -> None:
        for content in contents:
            self._taken.add(content.content_hash)
            self._rows.append(
                FileContent(
                    content_hash=content.content_hash,
                    size=content.size,
                    is_binary=content.is_binary,
                    text=content.text,
                )
            )
