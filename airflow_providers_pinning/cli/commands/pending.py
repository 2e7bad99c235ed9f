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
"""Changes that take effect at a given time."""

from __future__ import annotations

from argparse import Namespace

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.change import make_change
from airflow_providers_pinning.cli.command import changes, shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.lists import show_list
from airflow_providers_pinning.cli.wording import Row
from airflow_providers_pinning.domain.changes import pending
from airflow_providers_pinning.domain.monitoring.pending import PendingChange, list_pending


@shows
def pinning_pending(args: Namespace) -> None:
    """List the pending changes."""
    with create_session(scoped=False) as session:
        listed, total = list_pending(None, limit=args.limit, offset=args.offset, session=session)
    show_list(args, [plain(one) for one in listed], [_row(one) for one in listed], total)


@changes
def pinning_cancel(args: Namespace) -> None:
    """Cancel a pending change."""
    make_change(
        args,
        lambda change, session: pending.cancel(args.dag_id, change, session=session),
        also=lambda effect: "The pending change is canceled.",
    )


def _row(one: PendingChange) -> Row:
    return {
        "effective_from": one.effective_from,
        "dag_id": one.dag_id,
        "action": one.action,
        "version": one.version.version_number if one.version else None,
        "due": one.is_due,
        "waits_for": one.waits_for,
        "actor": one.actor,
        "reason": one.reason,
    }
