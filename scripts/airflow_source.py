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
The source of an Airflow's core and task SDK, read without importing it.

A release is fetched with pip into a folder, without what else it depends on; nothing of it runs, so that it may need
another Python.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

VERSION = re.compile(r"\d+\.\d+\.\d+\w*")
CORE = "apache-airflow-core"
TASK_SDK = re.compile(r"^Requires-Dist: (apache-airflow-task-sdk==\S+)$", re.MULTILINE)
"""What a core says of the task SDK that it was released with."""

Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


class SourceError(Exception):
    """There is no Airflow to read."""


@dataclass(frozen=True)
class Found:
    """What has a name."""

    place: str
    """Module and qualified name of where it is defined."""
    definitions: list[Definition]
    """One mostly; a property may have several."""


@dataclass(frozen=True)
class Source:
    """
    The source of one Airflow.

    :param root: the folder that contains ``airflow``
    """

    root: Path

    @classmethod
    def of(cls, wanted: str, folder: Path) -> Source:
        """
        Return the source of a folder or of a version.

        :param wanted: a folder of site-packages, or a version such as ``3.3.2``
        :param folder: where a version is fetched to
        :raises SourceError: if it is neither, or if pip cannot fetch it
        """
        if VERSION.fullmatch(wanted):
            return cls(_fetched(wanted, folder / wanted))
        root = Path(wanted)
        if not (root / "airflow" / "models").is_dir():
            raise SourceError(f"{wanted}: neither a version nor a folder of site-packages that contains airflow")
        return cls(root)

    @property
    def version(self) -> str:
        """The version of Airflow's core, or the folder if it does not say."""
        for path in self.root.glob(f"{CORE.replace('-', '_')}-*.dist-info"):
            return path.name.removesuffix(".dist-info").rpartition("-")[2]
        return str(self.root)

    def find(self, module: str, name: str) -> Found | None:
        """
        Return the definitions of a name, which the module may import and the class may inherit.

        :param module: Airflow's module
        :param name: qualified name in the module
        :return: ``None`` if the module or the name is gone
        """
        path = self.root.joinpath(*module.split("."))
        path = next((one for one in (path.with_suffix(".py"), path / "__init__.py") if one.is_file()), path)
        if not path.is_file():
            return None
        tree = _parsed(path)
        if definitions := [found for known, found in _within(tree, "") if known == name]:
            return Found(f"{module}.{name}", definitions)
        first, _, rest = name.partition(".")
        for node in ast.walk(tree):
            for alias in node.names if isinstance(node, ast.ImportFrom) else ():
                if (alias.asname or alias.name) == first and node.module and node.module != module:
                    return self.find(node.module, f"{alias.name}.{rest}".rstrip("."))
        owner, _, last = name.rpartition(".")
        classes = [found for known, found in _within(tree, "") if known == owner and isinstance(found, ast.ClassDef)]
        bases = [ast.unparse(base) for found in classes for base in found.bases if ast.unparse(base) != owner]
        return next(filter(None, (self.find(module, f"{base}.{last}") for base in bases)), None)

    def places_of(self, name: str) -> set[str]:
        """
        Return every place in Airflow's core that ends with a name.

        :param name: unqualified name of a function or a class
        """
        defined = re.compile(rf"\b(def|class) {re.escape(name)}\b")
        return {
            f"{self._module(path)}.{known}"
            for path in self._files
            if defined.search(path.read_text("utf-8"))
            for known, found in _within(_parsed(path), "")
            if known.rpartition(".")[2] == name and not isinstance(found, (ast.Assign, ast.AnnAssign))
        }

    @cached_property
    def _files(self) -> list[Path]:
        apart = (self.root / "airflow" / "providers", self.root / "airflow" / "sdk")
        files = sorted((self.root / "airflow").rglob("*.py"))
        return [path for path in files if not any(one in path.parents for one in apart)]

    def _module(self, path: Path) -> str:
        return ".".join(path.relative_to(self.root).with_suffix("").parts).removesuffix(".__init__")


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def _within(node: ast.AST, prefix: str) -> Iterator[tuple[str, Definition]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.ClassDef):
            yield prefix + child.name, child
            yield from _within(child, f"{prefix}{child.name}.")
        elif isinstance(child, (ast.FunctionDef, ast.AsyncFunctionDef)):
            if "overload" not in {ast.unparse(one).rpartition(".")[2] for one in child.decorator_list}:
                yield prefix + child.name, child
        elif isinstance(child, (ast.Assign, ast.AnnAssign)):
            targets = child.targets if isinstance(child, ast.Assign) else [child.target]
            yield from ((prefix + one.id, child) for one in targets if isinstance(one, ast.Name))
        else:  # Such as ``if TYPE_CHECKING`` and ``try``.
            yield from _within(child, prefix)


def _fetched(version: str, folder: Path) -> Path:
    """Fetch a version of the core, with the task SDK that belongs to it, and return the folder."""
    _fetch(f"{CORE}=={version}", folder)
    for path in folder.glob(f"{CORE.replace('-', '_')}-*.dist-info/METADATA"):
        if sdk := TASK_SDK.search(path.read_text("utf-8")):
            # Into the same folder, pip would leave it out, as there is an ``airflow`` in it.
            beside = folder.with_name(f"{folder.name}-task-sdk")
            _fetch(sdk[1], beside)
            shutil.copytree(beside / "airflow", folder / "airflow", dirs_exist_ok=True)
    return folder


def _fetch(wanted: str, folder: Path) -> None:
    options = ("--quiet", "--no-deps", "--no-compile", "--ignore-requires-python", "--disable-pip-version-check")
    command = [sys.executable, "-m", "pip", "install", *options, "--target", str(folder), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SourceError(f"pip cannot fetch {wanted}:\n{done.stderr.strip()}")
