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
"""Evidence and approvals."""

from __future__ import annotations

from argparse import Namespace

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.change import confirm, requested_change, require_answerable
from airflow_providers_pinning.cli.command import changes, note_committed, shows
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import say_styled, show
from airflow_providers_pinning.cli.wording import Row, say
from airflow_providers_pinning.domain.changes.transactions import commit, rehearse
from airflow_providers_pinning.domain.policies.evidence import Finding, record_evidence, recorded_of
from airflow_providers_pinning.domain.policies.views import EvidenceView


@shows
def pinning_evidence(args: Namespace) -> None:
    """List the evidence and approvals of a version."""
    with create_session(scoped=False) as session:
        found = recorded_of(args.dag_id, args.version_number, session=session)
    say(f"Dag {args.dag_id!r}, {found.version.label}.")
    show(
        args.output,
        {
            "version": plain(found.version),
            "evidence": [plain(one) for one in found.evidence],
            "approvals": [plain(one) for one in found.approvals],
        },
        [
            *(_row(one) for one in found.evidence),
            *(
                {
                    "kind": "approval",
                    "name": one.actor,
                    "verdict": "revoked" if one.revoked_at else "approved",
                    "by": one.revoked_by or one.actor,
                    "at": one.revoked_at or one.created_at,
                    "expires_at": None,
                    "url": None,
                }
                for one in found.approvals
            ),
        ],
    )


@changes
def pinning_record_evidence(args: Namespace) -> None:
    """Record evidence on a version."""
    finding = Finding(args.name, args.verdict, args.url, args.expires_at, args.details)
    change = requested_change(args)
    require_answerable(args)
    with create_session(scoped=False) as session:

        def make() -> EvidenceView:
            return record_evidence(args.dag_id, args.version_number, finding, change, session=session)

        if args.dry_run or not args.yes:
            rehearsed = rehearse(make, session=session)
            say(f"Evidence {args.name!r} on version {args.version_number} of Dag {args.dag_id!r}: {args.verdict}.")
            if args.dry_run:
                show(args.output, plain(rehearsed), [_row(rehearsed)])
                return
            confirm()
        done = commit(make, session=session)
    note_committed(args)
    say_styled("Done.", "green")
    show(args.output, plain(done), [_row(done)])


def _row(one: EvidenceView) -> Row:
    return {
        "kind": "evidence",
        "name": one.name,
        "verdict": one.verdict,
        "by": one.actor,
        "at": one.created_at,
        "expires_at": one.expires_at,
        "url": one.url,
    }
