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
"""Airflow as it is on a host that lacks the package."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from wrapt import FunctionWrapper

from airflow_providers_pinning.patch_points import POINTS, How

PLACES = tuple(
    dict.fromkeys(
        (point.module, point.name)
        for point in POINTS
        if point.parameters or (point.patched_by and point.how is How.CALL)
    )
)


@contextmanager
def without_enforcement(*names: str) -> Iterator[None]:
    """
    Put Airflow's own functions back for a while.

    :param names: qualified names, as declared in ``patch_points``; all of them if none is given
    """
    undone = []
    for owner, name, qualname in _found():
        wrapper = vars(owner)[name]
        if isinstance(wrapper, FunctionWrapper) and (not names or qualname in names):
            setattr(owner, name, _original(wrapper))
            undone.append((owner, name, wrapper))
    before = set(sys.modules)
    try:
        yield
    finally:
        for owner, name, wrapper in undone:
            setattr(owner, name, wrapper)
        _put_back({id(_original(wrapper)): wrapper for _, _, wrapper in undone}, set(sys.modules) - before)


@contextmanager
def watched() -> Iterator[set[str]]:
    """Note the qualified names of the patched functions that are called."""
    called: set[str] = set()
    undone = []

    def watch(qualname: str):
        def note(wrapped, instance, args, kwargs):
            called.add(qualname)
            return wrapped(*args, **kwargs)

        return note

    for owner, name, qualname in _found():
        wrapper = vars(owner)[name]
        if isinstance(wrapper, FunctionWrapper):
            setattr(owner, name, FunctionWrapper(wrapper, watch(qualname)))
            undone.append((owner, name, wrapper))
    try:
        yield called
    finally:
        for owner, name, wrapper in undone:
            setattr(owner, name, wrapper)


def _original(wrapper):
    """Return what Airflow has; a function may be wrapped for several purposes."""
    while isinstance(wrapper, FunctionWrapper):
        wrapper = wrapper.__wrapped__
    return wrapper


def _found():
    """
    Return the owner of each place, its name in there and its qualified name.

    All modules are imported before anything is changed, as one that imports a function by its name keeps what it got.
    """
    return [(*_find(module, qualname), qualname) for module, qualname in PLACES]


def _put_back(wrappers, modules):
    """Give the modules that were imported meanwhile the patched functions that they would have got."""
    for module in modules:
        namespace = vars(sys.modules[module])
        for name, value in list(namespace.items()):
            if id(value) in wrappers:
                namespace[name] = wrappers[id(value)]


def _find(module: str, qualname: str):
    owner = import_module(module)
    *path, name = qualname.split(".")
    for part in path:
        owner = getattr(owner, part)
    return owner, name
