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
Declaration of a place in Airflow that the enforcement patches or relies on.

Only data and the standard library: it is loaded in every process, including task processes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Component(str, Enum):
    """A kind of long-running Airflow process."""

    SCHEDULER = "scheduler"
    DAG_PROCESSOR = "dag_processor"
    TRIGGERER = "triggerer"
    API_SERVER = "api_server"


EVERY = tuple(Component)
"""Required in every component."""


class How(str, Enum):
    """How to patch a place."""

    CALL = "call"
    """Calls of a function reach the patch as a :class:`~airflow_providers_pinning.enforcement.patching.Call`."""
    ROUTE = "route"
    """The same for a function that handles HTTP requests, which FastAPI stores when the route is declared."""
    PROPERTY = "property"
    """The same for reads of a property."""
    MODULE = "module"
    """The patch gets the module and changes it, or listens to it, itself."""


SELECTABLE = (
    "AIP-109 proposes pins; droppable once Airflow itself lets a Dag have an active version that is not the latest one"
)
IMMUTABLE = "apache/airflow#68336; droppable once Airflow does not rewrite a stored version in place"
EXPERIMENTS = "none known; droppable once Airflow has runs that other runs do not see"


Release = tuple[int, int]
"""Major and minor version of Airflow."""


@dataclass(frozen=True)
class Change:
    """How a place differs from an Airflow release on; ``None`` means unchanged."""

    since: Release
    """First release with the difference."""
    module: str | None = None
    """Airflow's module."""
    name: str | None = None
    """Qualified name in the module."""
    parameters: tuple[str, ...] | None = None
    """Names of the function's parameters, in order."""
    relies_on: tuple[str, ...] | None = None
    """Names, attributes and literals that the function's code must contain."""
    returns: str | None = None
    """Return annotation of the function."""
    patched_by: str | None = None
    """Module and function of the enforcement, if another one patches it."""


@dataclass(frozen=True)
class PatchPoint:
    """
    One place in Airflow with one patch. A function may have several patches, for several purposes; the one declared
    first is the innermost.
    """

    module: str
    """Airflow's module."""
    name: str
    """Qualified name in the module."""
    parameters: tuple[str, ...]
    """Names of the function's parameters, in order; empty if it is not a function."""
    patched_by: str | None
    """
    Module and function of the enforcement, such as ``fail_fast:handle_fail_fast_for_dag``; ``None`` if Airflow's
    function is only called.
    """
    stock: str
    """What Airflow's function does; if it is only called, why."""
    why: str = ""
    """Why that breaks a pin, or the isolation of a canary run."""
    shown_by: str = ""
    """Path of the test that fails without the patch."""
    needed_by: tuple[Component, ...] = ()
    """Components that need the patch; others need it if they import the module."""
    relies_on: tuple[str, ...] = ()
    """Names, attributes and literals that the function's code must contain for the patch to be correct."""
    upstream: str | None = None
    """Upstream issue or AIP, and when the patch can be dropped; ``None`` if nothing upstream would replace it."""
    how: How = How.CALL
    returns: str | None = None
    """
    Return annotation of the function, if the patch relies on it. A patch that returns nothing must patch a function
    that returns nothing, without declaring it here.
    """
    changes: tuple[Change, ...] = ()
    """How the place differs in later releases, in their order."""
    since: Release | None = None
    """First release in which it is patched; ``None`` for all."""

    def in_release(self, release: Release) -> PatchPoint:
        """
        Return the place as it is in an Airflow release.

        :param release: the release
        :return: the same place, without changes
        """
        fields = ("module", "name", "parameters", "relies_on", "returns", "patched_by")
        different = {
            field: getattr(change, field)
            for change in self.changes
            if change.since <= release
            for field in fields
            if getattr(change, field) is not None
        }
        return replace(self, changes=(), **different)

    @property
    def place(self) -> str:
        """The place as Python names it, such as ``airflow.models.dag.DagModel.dags_needing_dagruns``."""
        return f"{self.module}.{self.name}"
