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
"""The action of a release, and its Dags."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.vocabulary import ReleaseAction, ReleaseScope


@dataclass(frozen=True)
class Selection:
    """Which Dags. One condition of each given kind must be met."""

    dag_ids: tuple[str, ...] | None = None
    """These Dags, all of which must exist."""
    tags: tuple[str, ...] = ()
    bundles: tuple[str, ...] = ()
    dag_id_patterns: tuple[str, ...] = ()
    """With the wildcards ``*`` and ``?``."""
    owners: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    """Dags to leave as they are, regardless of other conditions."""

    @property
    def has_conditions(self) -> bool:
        """Whether there are conditions besides names."""
        return bool(self.tags or self.bundles or self.dag_id_patterns or self.owners)

    def as_request(self) -> dict[str, Any]:
        """Return the given conditions as plain values, for comparing requests."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: sorted(value) for name, value in given.items() if value}


@dataclass(frozen=True)
class ReleaseRequest:
    """
    What to do with which Dags.

    Of ``bundle_version``, ``versions``, ``latest`` and ``newest`` one is given for a pin.
    """

    action: ReleaseAction = ReleaseAction.PIN
    selection: Selection = field(default_factory=Selection)
    bundle_name: str | None = None
    bundle_version: str | None = None
    """The commit that the Dags are pinned to."""
    versions: Mapping[str, int] = field(default_factory=dict)
    """Or a version number for each Dag."""
    latest: bool = False
    """Or the current version of each Dag: its pinned version, else its latest one."""
    newest: bool = False
    """Or what comes next of each Dag: its newest candidate, else its newest version if it changes something related."""
    scope: ReleaseScope = ReleaseScope.CHANGED
    """Which Dags, if they are not named."""
    effective_from: datetime | None = None
    """When a pin takes effect, in UTC; ``None`` means at once."""
    expected_plan: str | None = None
    """Hash of the confirmed plan. A different plan is refused."""

    def as_request(self) -> dict[str, Any]:
        """Return the request as plain values, for the history and for comparing requests."""
        given = {
            "bundle_name": self.bundle_name,
            "bundle_version": self.bundle_version,
            "versions": dict(sorted(self.versions.items())),
            "latest": self.latest,
            "newest": self.newest,
            "selection": self.selection.as_request(),
            "effective_from": self.effective_from and self.effective_from.isoformat(),
        }
        return {
            "action": self.action.value,
            "scope": self.scope.value,
            **{name: value for name, value in given.items() if value},
        }


@dataclass(frozen=True)
class Access:
    """The caller's permissions. Commands on a host may do everything."""

    editable: Sight | None = None
    """Which Dags the caller may change; ``None`` means all."""
    readable: Sight | None = None
    """Which Dags the caller may see; ``None`` means all."""
    may_edit: Callable[[str], bool] | None = field(default=None, compare=False, repr=False)
    """Tells whether the caller might change a Dag that is not there, by its id; ``None`` says that they might."""

    def edits(self, dag_id: str) -> bool:
        """Return whether the caller could change a Dag that does not exist, and so may learn that it does not."""
        return self.may_edit is None or self.may_edit(dag_id)
