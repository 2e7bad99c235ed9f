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
"""Compare one place in two sources of Airflow."""

from __future__ import annotations

import ast
import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from airflow_providers_pinning.patch_points import PatchPoint
from scripts.airflow_source import Definition, Found, Source

Function = ast.FunctionDef | ast.AsyncFunctionDef
NAMED = 4
"""How many members of a class are named; of more, the rest is counted."""


@dataclass(frozen=True)
class Change:
    """What is different; what is the same is empty."""

    name: str
    """Qualified name in Airflow's module."""
    parameters: str = ""
    """Those that came (``+``) and went (``-``), and other annotations and defaults."""
    returns: str = ""
    """The annotations of what is returned."""
    body: str = ""
    """How many lines changed, which names are gone that a patch relies on, or where the whole went."""
    diff: str = ""
    """The code's lines, as ``diff -u`` shows them."""
    patches: tuple[str, ...] = ()
    """What patches the place."""

    @property
    def changed(self) -> bool:
        """Whether anything is different."""
        return bool(self.parameters or self.returns or self.body)


def compare_at(points: Sequence[PatchPoint], old: Source, new: Source) -> Change:
    """
    Compare the place of several patches.

    :param points: the patches of one place
    :param old: one source
    :param new: the other
    """
    words = dict.fromkeys(word for point in points for word in _flat(point.relies_on))
    patches = tuple(point.patched_by for point in points if point.patched_by)
    return compare(points[0].module, points[0].name, old, new, words, patches)


def compare(
    module: str, name: str, old: Source, new: Source, words: Iterable[str] = (), patches: tuple[str, ...] = ()
) -> Change:
    """
    Compare one place.

    :param module: Airflow's module
    :param name: qualified name in the module
    :param old: one source
    :param new: the other
    :param words: names in the code that a patch relies on
    :param patches: what patches the place
    """
    was, now = old.find(module, name), new.find(module, name)
    if not was or not now:
        return Change(name, body=_gone(module, name, old, new, was, now), patches=patches)
    before, after = was.definitions, now.definitions
    parameters, returns = _parameters(before[0], after[0]), _returns(before[0], after[0])
    lines, changed = _lines(before), _lines(after)
    place = f"{module}.{name}"
    diff = "\n".join(
        difflib.unified_diff(lines, changed, f"{old.version} {place}", f"{new.version} {place}", lineterm="")
    )
    body = [f"moved to `{now.place}`" if was.place != now.place else ""]
    body.append(_asynchronous(before[0], after[0]))
    body.append(_members(before[0], after[0]) or _count(_bodies(before), _bodies(after)))
    if lacking := [word for word in words if word in _words(before) and word not in _words(after)]:
        body.append(f"no longer has {', '.join(f'`{word}`' for word in lacking)}")
    return Change(name, parameters, returns, "; ".join(filter(None, body)), diff, patches)


def _gone(module: str, name: str, old: Source, new: Source, before: Found | None, after: Found | None) -> str:
    """Say that a place is only in one, and where it may be in the other."""
    if not before and not after:
        return "in neither"
    there, elsewhere, verb = (old, new, "moved to") if before else (new, old, "moved from")
    last = name.rpartition(".")[2]
    candidates = elsewhere.places_of(last) - there.places_of(last)
    same = {one for one in candidates if one.endswith(f".{name}")}
    if found := sorted(same or candidates):
        return f"{verb} {' or '.join(f'`{one}`' for one in found)}"
    return "gone" if before else "new"


def _parameters(before: Definition, after: Definition) -> str:
    """Compare the parameters of two functions."""
    if not isinstance(before, Function) or not isinstance(after, Function):
        return ""
    old, new = dict(_shown(before.args)), dict(_shown(after.args))
    told = [f"+ `{name}`" for name in new if name not in old] + [f"- `{name}`" for name in old if name not in new]
    told += [f"`{old[name]}` → `{new[name]}`" for name in old if name in new and old[name] != new[name]]
    kept = [name for name in old if name in new]
    if kept != [name for name in new if name in old]:
        told.append("another order")
    return ", ".join(told)


def _shown(arguments: ast.arguments) -> Iterator[tuple[str, str]]:
    """Yield each parameter, by name, with what kind it is of, its annotation and its default."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults: list[ast.expr | None] = [None] * (len(positional) - len(arguments.defaults)) + list(arguments.defaults)
    for one, default in zip(positional, defaults, strict=True):
        yield one.arg, _one(one, default)
    for one, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True):
        yield one.arg, f"*, {_one(one, default)}"
    for stars, one in (("*", arguments.vararg), ("**", arguments.kwarg)):
        if one:
            yield one.arg, f"{stars}{_one(one, None)}"


def _one(argument: ast.arg, default: ast.expr | None) -> str:
    shown = ast.unparse(argument)
    return f"{shown} = {ast.unparse(default)}" if default else shown


def _returns(before: Definition, after: Definition) -> str:
    """Compare the annotations of what two functions return."""
    old, new = (
        f"`{ast.unparse(one.returns)}`" if isinstance(one, Function) and one.returns else "none given"
        for one in (before, after)
    )
    return "" if old == new else f"{old} → {new}"


def _asynchronous(before: Definition, after: Definition) -> str:
    """Say whether a function became a coroutine function, which a patch must await, or is none any more."""
    was, now = (isinstance(one, ast.AsyncFunctionDef) for one in (before, after))
    return "" if was == now else "now `async`" if now else "no longer `async`"


def _members(before: Definition, after: Definition) -> str:
    """Name the members of two classes that are different."""
    if not isinstance(before, ast.ClassDef) or not isinstance(after, ast.ClassDef):
        return ""
    old, new = _of_class(before), _of_class(after)
    told = [f"+ `{name}`" for name in new if name not in old] + [f"- `{name}`" for name in old if name not in new]
    told += [f"`{name}`" for name in old if name in new and old[name] != new[name]]
    return ", ".join(told[:NAMED]) + (f" and {len(told) - NAMED} more" if len(told) > NAMED else "")


def _of_class(found: ast.ClassDef) -> dict[str, str]:
    members: dict[str, str] = {}
    for node in found.body:
        target = getattr(node, "target", None) or next(iter(getattr(node, "targets", ())), None)
        name = getattr(node, "name", None) or (ast.unparse(target) if target else None)
        if name:
            members[name] = members.get(name, "") + ast.unparse(_bare(node))
    return members


def _count(old: list[str], new: list[str]) -> str:
    """Say how many lines of two bodies are different."""
    diff = [line for line in difflib.ndiff(old, new) if line[0] in "+-"]
    came, went = (sum(line[0] == sign for line in diff) for sign in "+-")
    return f"+{came} -{went} of {len(old)} lines" if diff else ""


def _lines(found: Sequence[Definition]) -> list[str]:
    return [line for one in found for line in ast.unparse(_bare(one)).splitlines()]


def _bodies(found: Sequence[Definition]) -> list[str]:
    """Return the lines of code without those of the signature; decorators belong to them."""
    lines = []
    for one in found:
        bare = _bare(one)
        if isinstance(bare, Function):
            bare.args, bare.returns = ast.arguments([], [], None, [], [], None, []), None
        lines += ast.unparse(bare).splitlines()
    return lines


def _bare(node: ast.AST) -> ast.AST:
    """Return a copy without docstrings; comments are none in a tree."""
    copied = ast.parse(ast.unparse(node)).body[0]
    for one in ast.walk(copied):
        body = getattr(one, "body", None)
        if (
            isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
            and ast.get_docstring(one, clean=False) is not None
        ):
            one.body = body[1:] or [ast.Pass()]
    return copied


def _words(found: Sequence[Definition]) -> set[str]:
    """Return the names, attributes and literals in code."""
    fields = ("id", "attr", "arg", "name", "value")
    nodes = [node for one in found for node in ast.walk(one)]
    return {value for node in nodes for field in fields if isinstance(value := getattr(node, field, None), str)}


def _flat(words: Iterable[object]) -> Iterator[str]:
    """Yield words of which some may be given as alternatives of each other."""
    for word in words:
        if isinstance(word, str):
            yield word
        elif isinstance(word, Iterable):
            yield from _flat(word)
