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
"""Checks of this process, which has the same package and configuration as the components on its host."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from importlib import import_module
from importlib.metadata import version

from airflow import __version__ as airflow_version
from airflow import plugins_manager

from airflow_providers_pinning import __version__
from airflow_providers_pinning.cli.findings import Finding, failure, ok
from airflow_providers_pinning.enforcement.checking import EnforcementError, check
from airflow_providers_pinning.enforcement.patching import missing_patches
from airflow_providers_pinning.patch_points import POINTS

PACKAGE = "airflow-providers-pinning"
BOOTSTRAP = "airflow_providers_pinning.enforcement.bootstrap"
PLUGIN = "pinning"


def check_package() -> Iterator[Finding]:
    """Compare the package with its installed metadata."""
    installed = version(PACKAGE)
    found = f"{PACKAGE} {__version__} on Airflow {airflow_version}"
    if installed == __version__:
        yield ok("package", found)
    else:
        yield failure(
            "package",
            f"{found}, but pip reports {installed}",
            f"Install {PACKAGE} again, and restart every component.",
        )


def check_enforcement() -> Iterator[Finding]:
    """Return whether Airflow loaded the enforcement into this process, and whether every patch is in place."""
    if BOOTSTRAP in sys.modules:
        missing = missing_patches(POINTS)
        if not missing:
            yield ok("enforcement", "is loaded in this process")
        for point in missing:
            yield failure(
                "enforcement",
                f"does not patch {point.place} in this process",
                "Remove whatever replaces this Airflow function or imports it first, and restart every component.",
            )
    else:
        yield failure(
            "enforcement",
            "is not loaded in this process",
            f"Install {PACKAGE} with pip: Airflow finds the enforcement by the package's entry point airflow.policy.",
        )


def check_contract() -> Iterator[Finding]:
    """Compare every patched Airflow function with the one that the patch was written for."""
    wrong = []
    points = [point for point in POINTS if point.parameters]
    for point in points:
        try:
            check(point, import_module(point.module))
        except EnforcementError as error:
            wrong.append(str(error))
    if not wrong:
        count = len({point.place for point in points})
        yield ok("contract", f"all {count} patched Airflow functions match")
    for message in wrong:
        yield failure("contract", message, "Install a release of the provider that supports this Airflow.")


def check_plugin() -> Iterator[Finding]:
    """Return whether an API server of this installation would serve the REST API."""
    errors = {
        source: message for source, message in plugins_manager.get_import_errors().items() if PLUGIN in f"{source}"
    }
    apps = plugins_manager.get_fastapi_plugins()[0]
    if any(app.get("url_prefix") == f"/{PLUGIN}" for app in apps):
        yield ok("plugin", f"serves the REST API under /{PLUGIN}")
    else:
        yield failure(
            "plugin",
            "; ".join(f"{source}: {message}" for source, message in errors.items()) or "is not loaded",
            f"Install {PACKAGE} with pip, which has the entry point airflow.plugins, and restart the API servers.",
        )
