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
Compare Airflow's functions with those that the patches were written for.

If a function takes, returns or does something else than its patch expects, the process stops: a patch that no longer
fits would let a pinned Dag run another version.

Shown by ``tests/unit/enforcement/test_patching.py``.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from importlib.metadata import version
from types import CodeType, ModuleType
from typing import Any

from airflow_providers_pinning.patch_points import RELEASE, PatchPoint

SUPPORTED_AIRFLOW = ((3, 3), (3, 4))
"""Airflow releases that the patches were checked against."""


REMEDY = "Install a release of the provider that supports it, or uninstall the provider."


class EnforcementError(RuntimeError):
    """Pins cannot be enforced in this process, so it must not run."""


def check_airflow_version() -> None:
    """
    Compare the installed Airflow with the supported one.

    :raises EnforcementError: if they differ
    """
    if RELEASE not in SUPPORTED_AIRFLOW:
        supported = " and ".join(f"{major}.{minor}" for major, minor in SUPPORTED_AIRFLOW)
        raise EnforcementError(
            f"airflow-providers-pinning enforces pins in Airflow {supported}, but Airflow "
            f"{version('apache-airflow-core')} is installed. {REMEDY}"
        )


def check(point: PatchPoint, module: ModuleType) -> Any:
    """
    Compare a function with the parameters and the code that the enforcement relies on.

    :param point: the place
    :param module: Airflow's module
    :return: Airflow's own function
    :raises EnforcementError: naming what is missing or different
    """
    function = check_parameters(point, module)
    if point.returns is not None and (returns := _returned(function)) != point.returns:
        raise EnforcementError(
            f"airflow-providers-pinning relies on {point.place} returning {point.returns}, but in this Airflow "
            f"({version('apache-airflow-core')}) it returns {returns}. {REMEDY}"
        )
    has = _words(function.__code__) if point.relies_on else frozenset()
    if lacking := [word for word in point.relies_on if word not in has]:
        raise EnforcementError(
            f"airflow-providers-pinning relies on {point.place} using {', '.join(lacking)}, but in this Airflow "
            f"({version('apache-airflow-core')}) it does not. {REMEDY}"
        )
    return function


def check_parameters(point: PatchPoint, module: ModuleType) -> Any:
    """
    Compare a function with its declared parameters.

    :param point: the place
    :param module: Airflow's module
    :return: Airflow's own function
    :raises EnforcementError: if the function is missing or takes other parameters
    """
    try:
        function = original(find(point, module))
        parameters = tuple(inspect.signature(function).parameters)
    except AttributeError:
        function = parameters = None
    if parameters != point.parameters:
        has = "no such function" if parameters is None else _shown(parameters)
        raise EnforcementError(
            f"airflow-providers-pinning relies on {point.place}{_shown(point.parameters)}, but this Airflow "
            f"({version('apache-airflow-core')}) has {has}. {REMEDY}"
        )
    return function


def check_answer(point: PatchPoint, function: Any, patch: Callable[..., Any]) -> None:
    """Check that a patch returns a value if the function does, and that both are sync or async."""
    if _returned(patch) == "None" and (returns := _returned(function)) not in ("None", ""):
        raise EnforcementError(
            f"airflow-providers-pinning relies on {point.place} returning nothing, but in this Airflow "
            f"({version('apache-airflow-core')}) it returns {returns}. {REMEDY}"
        )
    if inspect.iscoroutinefunction(function) != inspect.iscoroutinefunction(patch):
        ways = {True: "asynchronous", False: "synchronous"}
        raise EnforcementError(
            f"airflow-providers-pinning relies on {point.place} being {ways[inspect.iscoroutinefunction(patch)]}, but "
            f"in this Airflow ({version('apache-airflow-core')}) it is {ways[inspect.iscoroutinefunction(function)]}. "
            f"{REMEDY}"
        )


def _returned(function: Any) -> str:
    """Return the return annotation of a function as written; ``""`` without one."""
    annotation = getattr(function, "__annotations__", {}).get("return", "")
    return annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))


def original(found: Any) -> Any:
    """Return the function behind decorators and patches."""
    if isinstance(found, property):
        found = found.fget
    return inspect.unwrap(getattr(found, "__func__", found))


def find(point: PatchPoint, module: ModuleType) -> Any:
    found: Any = module
    for part in point.name.split("."):
        found = inspect.getattr_static(found, part)
    return found


def _words(code: CodeType) -> frozenset[str]:
    """Return the names, attributes and literals of a function and its inner functions."""
    words = {*code.co_names, *code.co_varnames, *code.co_freevars}
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            words |= _words(constant)
        elif isinstance(constant, str):
            words.add(constant)
        elif isinstance(constant, tuple):
            words.update(part for part in constant if isinstance(part, str))
    return frozenset(words)


def _shown(parameters: tuple[str, ...]) -> str:
    return f"({', '.join(parameters)})"
