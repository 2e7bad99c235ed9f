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
The fingerprint that components compare to check that they enforce pins in the same way.

It is computed from the declarations and from the code of the enforcement, so a patch that decides differently changes
it. Comments, docstrings, line numbers, file locations and the Python version do not.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from airflow_providers_pinning.patch_points import POINTS

ENFORCEMENT = Path(__file__).parents[1] / "enforcement"


@cache
def fingerprint() -> str:
    """
    Return the fingerprint of the enforcement in this process.

    :return: 16 hexadecimal digits
    :raises OSError: if the package was installed without its source
    """
    code = {path.relative_to(ENFORCEMENT).as_posix(): path.read_text("utf-8") for path in ENFORCEMENT.rglob("*.py")}
    points = [(p.module, p.name, p.parameters, p.patched_by, p.relies_on, p.how.value) for p in POINTS]
    return fingerprint_of(repr(points), code)


def fingerprint_of(points: str, code: dict[str, str]) -> str:
    """
    Return the fingerprint of declarations and code.

    :param points: the declarations
    :param code: source by the module's path
    """
    digest = hashlib.sha256(points.encode())
    for path in sorted(code):
        digest.update(f"\n{path}\n".encode())
        for part in _parts(ast.parse(code[path])):
            digest.update(part.encode())
    return digest.hexdigest()[:16]


def _parts(node: ast.AST) -> Iterator[str]:
    """
    Yield the parts of a syntax tree.

    ``ast.dump`` shows fields that only exist in some Python versions, such as ``type_params``; empty ones are
    omitted.
    """
    yield f"({type(node).__name__}"
    for name, value in ast.iter_fields(node):
        values = value if isinstance(value, list) else [value]
        if name == "body" and values and _is_docstring(values[0]):
            values = values[1:]
        if values in ([], [None]) or name in ("kind", "type_comment"):
            continue
        yield f" {name}="
        for item in values:
            if isinstance(item, ast.AST):
                yield from _parts(item)
            else:
                yield repr(item)
    yield ")"


def _is_docstring(node: object) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
