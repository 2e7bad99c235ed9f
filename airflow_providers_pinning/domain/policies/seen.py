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
Which rules the caller of a change saw.

An override passes over every rule that is not met. Rules that came up after the caller looked must not be among them.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain import locks
from airflow_providers_pinning.domain.errors import PolicyConflictError
from airflow_providers_pinning.domain.history.events import Change
from airflow_providers_pinning.domain.policies.store import in_force
from airflow_providers_pinning.domain.policies.unmet import PolicyCheck


@dataclass(frozen=True)
class SeenRules:
    """What identifies the rules that are in force."""

    policy_revision: int
    freeze_id: int
    """Highest id of the open freezes; 0 if there is none."""


def seen_rules(*, session: Session) -> SeenRules:
    """Return what identifies the rules in force; until the transaction ends, no others come up."""
    locks.share_rules(session=session)
    force = in_force(session=session)
    return SeenRules(force.policies.revision, max((one.id for one in force.freezes), default=0))


def refuse_other_policies(revision: int, change: Change) -> None:
    """
    Refuse a change whose caller saw other policies.

    :param revision: that of the policies in force
    :param change: what the caller saw, as far as they say so
    :raises PolicyConflictError: with both revisions
    """
    expected = change.expected_policy_revision
    if expected not in (None, revision):
        raise PolicyConflictError(
            f"The policies are at revision {revision}, not {expected}: rules may have been added since you looked. No "
            "change was made. Review them (CLI: airflow pinning policy explain DAG_ID), and try again.",
            revision=revision,
            expected_revision=expected,
        )


def refuse_unseen(check: PolicyCheck, change: Change) -> None:
    """
    Refuse a change that was checked against other rules than those that its caller saw.

    :param check: what it was checked against
    :param change: what the caller saw, as far as they say so
    :raises PolicyConflictError: if the policies are at another revision; or if an override would pass over a freeze
        that began since
    """
    refuse_other_policies(check.revision, change)
    if change.expected_freeze_id is None or not change.override_reason:
        return
    for problem in (one for problems in check.unmet.values() for one in problems):
        freeze_id = problem.details.get("freeze_id")
        if freeze_id is not None and freeze_id > change.expected_freeze_id:
            raise PolicyConflictError(
                f"A freeze began since you looked, so it is not overridden. No change was made. {problem.message}",
                revision=check.revision,
                freeze_id=freeze_id,
                expected_freeze_id=change.expected_freeze_id,
            )
