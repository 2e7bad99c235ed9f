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
"""Count the pinned Dags that need attention, by reason, and the Dags that are not pinned."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.monitoring.pin_list import PinFilter, list_pins
from airflow_providers_pinning.domain.policies.unapproved import narrow
from airflow_providers_pinning.domain.policies.unpinned import UnpinnedFilter, count_unpinned
from airflow_providers_pinning.domain.sessions import without_compiling
from airflow_providers_pinning.domain.sight import Sight
from airflow_providers_pinning.vocabulary import InboxReason

FILTERS = {
    InboxReason.FAILING: PinFilter(failing=True),
    InboxReason.UNHEALTHY: PinFilter(unhealthy=True),
    InboxReason.WAITING: PinFilter(waiting=True),
    InboxReason.HELD: PinFilter(held=True),
    InboxReason.SCHEDULED: PinFilter(scheduled=True),
}
"""The filter that finds the Dags for each reason."""


@dataclass(frozen=True)
class Inbox:
    """Dags that need attention."""

    wanted: Mapping[InboxReason, int]
    """Number of pinned Dags by reason; a Dag may count several times."""
    unpinned: int
    """Number of Dags that are not pinned."""

    def as_dict(self) -> dict[str, int]:
        """Return the counts by name."""
        return {**{reason.value: count for reason, count in self.wanted.items()}, "unpinned": self.unpinned}


def inbox(sight: Sight | None = None, *, session: Session) -> Inbox:
    """
    Count the pinned Dags that need attention, by reason, and the Dags that are not pinned.

    :param sight: which Dags the caller may see; ``None`` means all
    :param session: database session
    """
    without_compiling(session)
    filters = {**FILTERS, InboxReason.UNAPPROVED: PinFilter(among=narrow(True, session=session))}
    wanted = {
        reason: list_pins(replace(filters[reason], sight=sight), limit=0, offset=0, session=session)[1]
        for reason in InboxReason
    }
    return Inbox(wanted, count_unpinned(UnpinnedFilter(sight), session=session))
