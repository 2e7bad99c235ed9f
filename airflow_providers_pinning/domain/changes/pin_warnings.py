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
"""What someone must know of a version that becomes active, although nothing refuses it."""

from __future__ import annotations

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.changes.preconditions import named_team, warn_of_code
from airflow_providers_pinning.domain.dag_model import asset_conflicts, partitions
from airflow_providers_pinning.domain.versions import likeness
from airflow_providers_pinning.domain.versions.circumstances import Circumstances, circumstances_of
from airflow_providers_pinning.domain.versions.identity import VersionIdentity
from airflow_providers_pinning.domain.versions.managed import VersionState


def warn_of_moved_team(version: VersionIdentity, known: Circumstances) -> tuple[str, ...]:
    """Say that the Dag gets another team; unpinning needs no permission there, as Airflow gives it that team too."""
    if not known.changes_team:
        return ()
    return (
        f"The Dag moves from {named_team(known.dag_team)} to {named_team(known.team)}, by the owner of "
        f"bundle {version.bundle_name!r}: whose connections, variables and executors its runs use changes with that.",
    )


def warn_of_latest(dag_id: str, latest: VersionIdentity, *, session: Session) -> tuple[str, ...]:
    """Say what is amiss with the version that unpinning makes active; Airflow would use it without this package."""
    known = circumstances_of(dag_id, [latest], session=session)[latest.dag_version_id]
    row = known.managed
    rejected = row is not None and row.state == VersionState.REJECTED.value
    return (
        *partitions.warn_of_dropped_partitions(dag_id, latest, session=session),
        *warn_of_moved_team(latest, known),
        *likeness.warn_of_rejected_equal(latest, session=session),
        *asset_conflicts.conflicts_of(latest, dag_id=dag_id, pinned=False, session=session),
        *(
            [f"Version {latest.version_number}, which new runs now use, was rejected: {row.state_reason}."]
            if row is not None and rejected
            else []
        ),
        *warn_of_code(latest, row),
    )
