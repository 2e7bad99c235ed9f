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
All files of a bundle at a commit, and the shared ones among them, which may affect any Dag.

Two versions have no related differences if the files of their Dag are the same, and all other files are too, except
for other Dags' own files and those matching ``[pinning] ignored_paths``. The other files are the same for all Dags of
a bundle, so they are reduced to one hash per commit.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from pathlib import PurePosixPath

from pathspec import GitIgnoreSpec

MAX_LISTED = 50_000
"""Maximum number of files in a stored listing. Of a longer one, only the hash is stored."""


class Sharing:
    """
    Which files of a bundle its Dags share.

    :param own_files: the files that define Dags, or their paths inside archives
    :param ignored: patterns in the format of ``.gitignore``
    """

    def __init__(self, own_files: Iterable[str], ignored: Collection[str]) -> None:
        self._own = {str(place) for file in own_files for place in (PurePosixPath(file), *PurePosixPath(file).parents)}
        self._ignored = tuple(ignored)
        self._spec = GitIgnoreSpec.from_lines(map(_outside, ignored))

    @cached_property
    def basis(self) -> str:
        """Hash of the inputs to this decision."""
        return hash_of([sorted(self._own), list(self._ignored)])

    def is_own(self, path: str) -> bool:
        """Return whether a file defines a Dag."""
        return path in self._own

    def is_ignored(self, path: str) -> bool:
        """Return whether a pattern matches a file."""
        return bool(self._ignored) and self._spec.match_file(_outside(path))

    def of(self, listing: Mapping[str, str]) -> dict[str, str]:
        """Return the files of a listing that may affect any Dag."""
        return {
            path: content for path, content in listing.items() if not self.is_own(path) and not self.is_ignored(path)
        }

    def digest(self, listing: Mapping[str, str]) -> str:
        """Return the hash of those files."""
        return hash_of(sorted(self.of(listing).items()))


def _outside(path: str) -> str:
    """Rewrite a path outside the bundle's root so that a pattern can match it."""
    return path.replace("../", ":outside/")


def hash_of(value: object) -> str:
    """Return a hash of a JSON value."""
    return hashlib.sha1(json.dumps(value).encode(), usedforsecurity=False).hexdigest()


def pack(listing: Mapping[str, str]) -> bytes | None:
    """Return a listing in its stored form, or ``None`` if it is too long."""
    return zlib.compress(json.dumps(listing).encode()) if len(listing) <= MAX_LISTED else None


def unpack(packed: bytes | None) -> dict[str, str] | None:
    """Return the listing that :func:`pack` was given."""
    if packed is None:
        return None
    listing: dict[str, str] = json.loads(zlib.decompress(packed))
    return listing
