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
Checks that Airflow is what the patches were written for, and stops the process if it is not.

A patch that silently did nothing would let a pinned Dag run another version. So each patched function
is compared with the signature it is known to have, at the moment it is patched.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

from wrapt import wrap_function_wrapper

from airflow_providers_pinning.domain.seams import SEAMS

SUPPORTED_AIRFLOW = ("3", "3")
"""Major and minor version of Airflow whose source the patches were checked against."""


class EnforcementError(RuntimeError):
    """Pins cannot be enforced in this process, so it must not run."""


def check_airflow_version() -> None:
    """
    Compare the installed Airflow with the supported one.

    :raises EnforcementError: if it is another
    """
    installed = version("apache-airflow-core")
    if tuple(installed.split(".")[:2]) != SUPPORTED_AIRFLOW:
        raise EnforcementError(
            f"airflow-providers-pinning enforces pins in Airflow {'.'.join(SUPPORTED_AIRFLOW)}, but Airflow "
            f"{installed} is installed. Install a release of the provider that supports it, or uninstall the provider."
        )


def check_signature(module: ModuleType, name: str) -> None:
    """
    Compare a function with the parameters that the patches rely on.

    :param module: Airflow's module
    :param name: qualified name in the module, as listed in ``SEAMS``
    :raises EnforcementError: if the function is gone or takes other parameters
    """
    [expected] = [parameters for seam, qualname, parameters in SEAMS if (seam, qualname) == (module.__name__, name)]
    found: Any = module
    try:
        for part in name.split("."):
            found = inspect.getattr_static(found, part)
    except AttributeError:
        found = None
    function = found.fget if isinstance(found, property) else getattr(found, "__func__", found)
    parameters = tuple(inspect.signature(function).parameters) if function is not None else None
    if parameters != expected:
        raise EnforcementError(
            f"airflow-providers-pinning relies on {module.__name__}.{name}{_shown(expected)}, but this Airflow "
            f"({version('apache-airflow-core')}) has {_shown(parameters) if parameters else 'no such function'}. "
            "Install a release of the provider that supports it, or uninstall the provider."
        )


def wrap(module: ModuleType, name: str, wrapper: Callable) -> None:
    """
    Replace a function of Airflow by a wrapper, after checking its signature.

    :param module: Airflow's module
    :param name: qualified name in the module
    :param wrapper: called as wrapt does: ``(wrapped, instance, args, kwargs)``
    :raises EnforcementError: if the function is not as expected
    """
    check_signature(module, name)
    wrap_function_wrapper(module, name, wrapper)


def wrap_route(module: ModuleType, name: str, wrapper: Callable) -> None:
    """
    Replace a function of Airflow that answers requests, also where FastAPI keeps it.

    :param module: Airflow's module with its ``router``, which no application has taken in yet
    :param name: name of the function in the module
    :param wrapper: called as wrapt does: ``(wrapped, instance, args, kwargs)``
    :raises EnforcementError: if the function is not as expected, or answers no request
    """
    original = getattr(module, name, None)
    wrap(module, name, wrapper)

    # Applications copy their routes, which wrapt's own objects do not allow.
    @functools.wraps(original)  # type: ignore[arg-type]
    def answer(*args: Any, **kwargs: Any) -> Any:
        return getattr(module, name)(*args, **kwargs)

    routes = [route for route in module.router.routes if route.endpoint is original]
    if not routes:
        raise EnforcementError(
            f"airflow-providers-pinning relies on {module.__name__}.{name} answering requests, but in this Airflow "
            f"({version('apache-airflow-core')}) it does not. Install a release of the provider that supports it, or "
            "uninstall the provider."
        )
    for route in routes:
        route.endpoint = route.dependant.call = answer


def _shown(parameters: tuple[str, ...]) -> str:
    return f"({', '.join(parameters)})"
