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
What is declared of each place in Airflow that the enforcement patches or relies on.

Data only, and the standard library only: it is loaded in every process, task processes too.
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
"""What every component needs."""


class How(str, Enum):
    """How a place is patched."""

    CALL = "call"
    """Calls of a function reach the patch as a :class:`~airflow_providers_pinning.enforcement.patching.Call`."""
    ROUTE = "route"
    """The same, for a function that answers HTTP requests; FastAPI keeps it where the route was declared."""
    PROPERTY = "property"
    """The same, for reads of a property."""
    MODULE = "module"
    """The patch gets the module and changes it, or listens to it, by itself."""


SELECTABLE = (
    "AIP-109 proposes pins; droppable once Airflow itself lets a Dag have an active version that is not the latest one"
)
IMMUTABLE = "apache/airflow#68336; droppable once Airflow does not rewrite a stored version in place"
EXPERIMENTS = "none known; droppable once Airflow has runs that other runs do not see"


Release = tuple[int, int]
"""Major and minor version of Airflow."""


@dataclass(frozen=True)
class Change:
    """What is different about a place from a release of Airflow on; what is ``None`` stays as it was."""

    since: Release
    """The first release in which it is so."""
    module: str | None = None
    """Airflow's module."""
    name: str | None = None
    """Qualified name in the module."""
    parameters: tuple[str, ...] | None = None
    """Names of the function's parameters, in order."""
    relies_on: tuple[str, ...] | None = None
    """Names, attributes and literals that the function's code must have."""
    returns: str | None = None
    """The annotation of what the function returns."""
    patched_by: str | None = None
    """Module of the enforcement and function, if another one patches it."""


@dataclass(frozen=True)
class PatchPoint:
    """
    One place in Airflow, and one patch of it; a function that is patched for several purposes has several.

    Of the patches of one function, the one that is declared first is the innermost.
    """

    module: str
    """Airflow's module."""
    name: str
    """Qualified name in the module."""
    parameters: tuple[str, ...]
    """Names of the function's parameters, in order; empty for what is no function."""
    patched_by: str | None
    """Module of the enforcement and function, such as ``fail_fast:handle_fail_fast_for_dag``; ``None`` if Airflow's
    function is only called."""
    stock: str
    """What Airflow's function does; of one that is only called, what it is called for."""
    why: str = ""
    """Why that breaks a pin, or the isolation of a canary run."""
    shown_by: str = ""
    """Path of the test that fails without the patch."""
    needed_by: tuple[Component, ...] = ()
    """Components in which the patch must be installed; in others it must be if they import the module."""
    relies_on: tuple[str, ...] = ()
    """Names, attributes and literals that the function's code must have for the patch to be right."""
    upstream: str | None = None
    """Upstream issue or AIP, and when the patch can be dropped; ``None`` if nothing upstream would replace it."""
    how: How = How.CALL
    returns: str | None = None
    """The annotation of what the function returns, where the patch relies on it; a patch that returns nothing must be
    one of a function that returns nothing, and need not say so."""
    changes: tuple[Change, ...] = ()
    """How the place differs in later releases of Airflow, in their order."""
    since: Release | None = None
    """The first release that is patched there; ``None`` if each is."""

    def in_release(self, release: Release) -> PatchPoint:
        """
        Return the place as it is in a release of Airflow.

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
