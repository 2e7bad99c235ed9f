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
Every place in Airflow that the enforcement patches or relies on, each declared once.

The enforcement, the fingerprint that components compare, the documentation and the tests are derived from it. It is
below the domain, which uses it to compare how two components enforce pins.
"""

from __future__ import annotations

from importlib.metadata import version
from types import ModuleType

from airflow_providers_pinning.patch_points import (
    assets,
    canaries,
    canary_past,
    canary_secrets,
    due_runs,
    evidence,
    processes,
    runs,
    scheduling_metadata,
    selection,
    versions,
)
from airflow_providers_pinning.patch_points.point import Change, Component, How, PatchPoint, Release

__all__ = ["AREAS", "POINTS", "RELEASE", "Change", "Component", "How", "PatchPoint", "points_in", "points_of"]

AREAS: tuple[ModuleType, ...] = (
    selection,
    scheduling_metadata,
    due_runs,
    runs,
    versions,
    assets,
    canary_past,
    canaries,
    canary_secrets,
    evidence,
    processes,
)
"""The declaring modules. If a function has several patches, the earlier one is the inner one."""


def points_in(release: Release) -> tuple[PatchPoint, ...]:
    """Return every place that is patched or called in an Airflow release."""
    return tuple(
        point.in_release(release)
        for area in AREAS
        for point in area.POINTS
        if point.since is None or point.since <= release
    )


def _installed() -> Release:
    major, minor, *_ = version("apache-airflow-core").split(".")
    return int(major), int(minor)


RELEASE: Release = _installed()
"""The installed release of Airflow."""

POINTS: tuple[PatchPoint, ...] = points_in(RELEASE)
"""Every place, as it is in the installed release."""


def points_of(module: str) -> tuple[PatchPoint, ...]:
    """Return the declarations for one of Airflow's modules, in order."""
    return tuple(point for point in POINTS if point.module == module)
