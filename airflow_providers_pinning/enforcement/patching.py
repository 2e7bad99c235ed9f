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
Install the patches declared in :mod:`airflow_providers_pinning.patch_points`, and track them.

A patch that silently does nothing would let a pinned Dag run another version. So when a function is patched, its
parameters and code are compared with those that the patch was written for, and the process stops if they differ. A
patch that was replaced later is found by checking what the module contains now.

Shown by ``tests/unit/enforcement/test_patching.py``.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable
from importlib import import_module
from importlib.metadata import version
from types import ModuleType
from typing import Any

from wrapt import register_post_import_hook, wrap_function_wrapper

from airflow_providers_pinning.enforcement.call import Binding, Call, calling
from airflow_providers_pinning.enforcement.checking import REMEDY, EnforcementError, check, check_answer, find
from airflow_providers_pinning.patch_points import POINTS, Component, How, PatchPoint, points_of

_installed: dict[PatchPoint, Any] = {}
"""The function in each place after patching; for a module that a patch changes itself, the changed object."""

_replaced: list[tuple[Any, Any]] = []
"""Functions of modules that were imported before the enforcement, and what replaces them."""


def register() -> None:
    """
    Patch each of Airflow's modules when it is imported, or now if it already is.

    :raises EnforcementError: if one is not as expected
    """
    for module in dict.fromkeys(point.module for point in POINTS):
        register_post_import_hook(install_on, module)
    _replace_references()


def install_on(module: ModuleType) -> None:
    """
    Install every patch of one of Airflow's modules.

    :param module: the module, which was just imported
    :raises EnforcementError: if something in it is not as expected
    """
    for point in points_of(module.__name__):
        if point.patched_by is None:
            check(point, module)
        elif point.how is How.MODULE:
            patch_of(point)(module)
            _installed[point] = getattr(module, point.name)
        else:
            install(point, module, patch_of(point))


def _replace_references() -> None:
    """
    Replace patched functions in modules that have imported them by name.

    Another policy plugin may import a model before this one is loaded, and with it modules that would call Airflow's
    own function forever, although the patch is in place.
    """
    for original, replacement in _replaced:
        for module in list(sys.modules.values()):
            namespace = getattr(module, "__dict__", None) or {}
            for name in [name for name, value in list(namespace.items()) if value is original]:
                namespace[name] = replacement
    _replaced.clear()


def patch_of(point: PatchPoint) -> Callable[[Any], Any]:
    """Return the enforcement function that patches a place."""
    name, _, function = (point.patched_by or "").partition(":")
    patch: Callable[[Any], Any] = getattr(import_module(f"{__package__}.{name}"), function)
    return patch


def install(point: PatchPoint, module: ModuleType, patch: Callable[[Call], Any]) -> None:
    """
    Replace a function or a property with a patch.

    :param point: the place
    :param module: Airflow's module
    :param patch: the function to call instead
    :raises EnforcementError: if the place is not as expected
    """
    function = check(point, module)
    check_answer(point, function, patch)
    wrapper = calling(patch, _binding(function, point))
    *path, name = point.name.split(".")
    owner = functools.reduce(getattr, path, module)
    if point.how is How.PROPERTY:
        _installed[point] = _wrapped_property(vars(owner)[name], wrapper)
        setattr(owner, name, _installed[point])
        return
    original = getattr(owner, name)
    _installed[point] = wrap_function_wrapper(module, point.name, wrapper)
    if _is_imported(module.__name__):
        _replaced.append((original, _installed[point]))
    if point.how is How.ROUTE:
        _answer_with_patch(point, module, original)


def needed_by(component: Component) -> list[PatchPoint]:
    """Return the patches that a kind of component needs to enforce pins."""
    return [point for point in POINTS if point.patched_by and component in point.needed_by]


def require_patches(component: Component) -> None:
    """
    Check that every patch that this process needs is in place.

    :param component: the kind of this process
    :raises EnforcementError: naming those that are missing
    """
    if missing := missing_patches(needed_by(component)):
        places = ", ".join(point.place for point in missing)
        raise EnforcementError(
            f"This {component.value} does not enforce pins: the patches of {places} are not in place. Remove "
            "whatever replaces these functions or imports them first, and restart it."
        )


def missing_patches(needed: Iterable[PatchPoint] = ()) -> list[PatchPoint]:
    """
    Return the patches that are missing although this process uses what they patch.

    The module was imported before the enforcement, imported twice, or something replaced the function.

    :param needed: patches that must be in place even if their module is not imported yet; it is imported now
    """
    gone = set()
    for point in needed:
        try:
            import_module(point.module)
        except ModuleNotFoundError:
            gone.add(point.module)
    return [
        point
        for point in POINTS
        if point.patched_by and (_is_imported(point.module) or point.module in gone) and not is_installed(point)
    ]


def is_installed(point: PatchPoint) -> bool:
    """Return whether a patch is in place in this process."""
    ours, module = _installed.get(point), sys.modules.get(point.module)
    if ours is None or module is None:
        return False
    try:
        found = find(point, module)
    except AttributeError:
        return False
    seen: set[int] = set()
    while id(found) not in seen:
        # A later patch may have received the function bound to its class.
        if found is ours or getattr(found, "_self_parent", None) is ours:
            return True
        seen.add(id(found))
        found = getattr(found, "__wrapped__", None) or getattr(found, "__func__", found)
    return False


def _is_imported(name: str) -> bool:
    module = sys.modules.get(name)
    # A module that is still being imported is patched afterwards.
    return module is not None and not getattr(getattr(module, "__spec__", None), "_initializing", False)


def _binding(function: Any, point: PatchPoint) -> Binding:
    bound = point.parameters[:1] in (("self",), ("cls",))
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    return Binding(point.parameters[1:] if bound else point.parameters, defaults)


def _wrapped_property(stock: property, wrapper: Callable[..., Any]) -> property:
    fget: Any = stock.fget

    def read(self: Any) -> Any:
        return wrapper(functools.partial(fget, self), self, (), {})

    return property(functools.wraps(fget)(read), stock.fset, stock.fdel)


def _answer_with_patch(point: PatchPoint, module: ModuleType, original: Any) -> None:
    """Also replace a route function where FastAPI stores it."""
    from fastapi import APIRouter

    # Applications copy their routes, which wrapt's objects do not support.
    @functools.wraps(original)
    def answer(*args: Any, **kwargs: Any) -> Any:
        return getattr(module, point.name)(*args, **kwargs)

    @functools.wraps(original)
    async def answer_later(*args: Any, **kwargs: Any) -> Any:
        return await getattr(module, point.name)(*args, **kwargs)

    routers = [found for found in vars(module).values() if isinstance(found, APIRouter)]
    routes: list[Any] = [one for router in routers for one in router.routes]
    routes = [route for route in routes if getattr(route, "endpoint", None) is original]
    if not routes:
        raise EnforcementError(
            f"airflow-providers-pinning relies on {point.place} handling requests, but in this Airflow "
            f"({version('apache-airflow-core')}) it does not. {REMEDY}"
        )
    for route in routes:
        route.endpoint = route.dependant.call = answer_later if inspect.iscoroutinefunction(original) else answer
