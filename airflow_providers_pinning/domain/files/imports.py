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
Find the modules that a file imports, from its source.

The parsing process records the modules that were imported while parsing. Imports inside functions, such as those of
tasks, do not happen then, and are found here. If a module is found by mistake, its changes merely count as related.
"""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Callable, Collection, Mapping

Imports = frozenset[tuple[int, str]]
"""Dotted names with the number of leading dots: ``from . import a`` becomes ``(1, "a")``."""

_BY_NAME = frozenset(("import_module", "__import__"))


def imports_in(source: str) -> Imports:
    """Return all imports anywhere in a source. A source that does not parse has none."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found: set[tuple[int, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found.add((node.level, module))
            found.update((node.level, f"{module}.{alias.name}".lstrip(".")) for alias in node.names)
        elif isinstance(node, ast.Call) and (name := _imported_by_name(node)):
            found.add((0, name))
    return frozenset(found)


def _imported_by_name(call: ast.Call) -> str | None:
    function = call.func
    name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", None)
    first = call.args[0] if call.args else None
    if name in _BY_NAME and isinstance(first, ast.Constant) and isinstance(first.value, str):
        return first.value
    return None


def files_of(
    fileloc: str,
    modules: Collection[str],
    listing: Mapping[str, str],
    imports_of: Callable[[str], Imports],
) -> dict[str, str]:
    """
    Return the files of a Dag, each with its content hash.

    :param fileloc: the Dag's file, or its path inside an archive
    :param modules: files imported while parsing it; those not in the listing are left out
    :param listing: all files of the bundle, each with its content hash
    :param imports_of: returns the imports in the content with a given hash
    """
    found: dict[str, str] = {}
    waiting = [path for path in (_file_or_archive(fileloc, listing), *modules) if path in listing]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found[path] = listing[path]
        if path.endswith(".py"):
            for level, name in imports_of(listing[path]):
                waiting.extend(one for one in _places(level, name, path) if one in listing and one not in found)
    return dict(sorted(found.items()))


def _file_or_archive(fileloc: str, listing: Mapping[str, str]) -> str:
    path = fileloc
    while path and path not in listing:
        path = posixpath.dirname(path)
    return path or fileloc


def _places(level: int, name: str, importer: str) -> list[str]:
    """Return the possible files of a module, and those of its parent packages, which are imported with it."""
    folder = posixpath.dirname(importer)
    if level:
        for _ in range(level - 1):
            folder = posixpath.dirname(folder)
        roots = [folder]
    else:
        # Airflow adds the bundle's root to the path; many Dag files add their own folder.
        roots = list({"", folder})
    parts = name.split(".") if name else []
    places: list[str] = []
    for root in roots:
        for length in range(0 if level else 1, len(parts) + 1):
            place = posixpath.join(root, *parts[:length])
            places.extend((posixpath.join(place, "__init__.py"), f"{place}.py"))
    return places
