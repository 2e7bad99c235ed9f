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
"""Run Airflow without this package although it is installed, and tell whether a process does."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import Any

from wrapt import FunctionWrapper

DISTRIBUTION = "airflow-providers-pinning"


def hide_package() -> None:
    """
    Hide this package's entry points, before Airflow is imported.

    Airflow and pluggy find policies, plugins and providers by going through all distributions. One that
    is not listed is not loaded, as if it were not installed.
    """
    for name in ("importlib.metadata", "importlib_metadata"):
        # Airflow uses the backport on Pythons before 3.12, pluggy the standard library.
        with suppress(ModuleNotFoundError):
            _hide_from(import_module(name))


def _hide_from(metadata: Any) -> None:
    listed = metadata.distributions

    def distributions(**kwargs: Any) -> Iterator[Any]:
        return (found for found in listed(**kwargs) if found.metadata["Name"] != DISTRIBUTION)

    metadata.distributions = distributions


def check(*, stock: bool) -> None:
    """
    Check that Airflow is unpatched, or that it is patched.

    :param stock: which of the two is meant
    :raises RuntimeError: if it is not
    """
    import airflow  # noqa: F401

    # The declarations have no imports of their own; loading them does not load the enforcement.
    from airflow_providers_pinning.patch_points import POINTS

    loaded = "airflow_providers_pinning.enforcement.bootstrap" in sys.modules
    patched = [p.place for p in POINTS if p.parameters and _is_patched(import_module(p.module), p.name)]
    if stock and (loaded or patched):
        raise RuntimeError(f"This process is meant to be stock Airflow, but it is patched: {patched or 'loaded'}")
    if not stock and not (loaded and patched):
        raise RuntimeError("This process is meant to enforce pins, but it does not.")


def _is_patched(module: Any, qualname: str) -> bool:
    found = module
    for part in qualname.split("."):
        found = inspect.getattr_static(found, part)
    function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    return isinstance(found, FunctionWrapper) or "airflow_providers_pinning" in getattr(function, "__module__", "")
