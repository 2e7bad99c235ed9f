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
Check that bundles can still provide the code of managed versions.

The dag processor does this in a separate process, because a remote may be slow and must not delay parsing; see
``enforcement/dag_processor/code_check.py``. A check must not harm what it checks: it writes into separate folders,
except for bundles that can only be initialized (:mod:`.checkout`).
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Collection
from contextlib import ExitStack
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.versions.code_availability.finding import Trouble
from airflow_providers_pinning.domain.versions.code_availability.rounds import due, is_check_due, note
from airflow_providers_pinning.domain.versions.code_availability.sources import Sources
from airflow_providers_pinning.models import ManagedVersion

__all__ = ["SECONDS_A_ROUND", "check_code", "is_check_due"]

log = logging.getLogger(__name__)

SECONDS_A_ROUND = 60.0
"""Seconds after which a round starts no further check. The next round again begins with the most urgent ones."""


def check_code(bundle_names: Collection[str], *, session: Session) -> int:
    """
    Check the code of the bundle versions that are due, and record the result for each of their managed versions.

    :param bundle_names: the bundles that this host has
    :param session: database session; committed after each bundle version
    :return: the number of checked managed versions
    """
    began = time.monotonic()
    checked = 0
    places = session.execute(due(bundle_names)).all()
    # A bundle reads its connection, and its remote may be slow: hold no locks meanwhile.
    session.commit()
    with ExitStack() as stack:
        sources = Sources(stack)
        for bundle_name, bundle_version in places:
            if time.monotonic() - began >= SECONDS_A_ROUND:
                break
            checked += _check(bundle_name, bundle_version, sources, session=session)
    return checked


def _check(bundle_name: str, bundle_version: str, sources: Sources, *, session: Session) -> int:
    files: dict[str | None, list[UUID]] = defaultdict(list)
    for version in session.execute(
        select(ManagedVersion.dag_version_id, ManagedVersion.relative_fileloc)
        .where(ManagedVersion.bundle_name == bundle_name, ManagedVersion.bundle_version == bundle_version)
        .order_by(ManagedVersion.dag_version_id)
    ):
        files[version.relative_fileloc].append(version.dag_version_id)
    session.commit()
    finding = sources.look(bundle_name, bundle_version, files)
    outcomes: dict[Trouble | None, list[UUID]] = defaultdict(list)
    for fileloc, version_ids in files.items():
        outcomes[finding.of_file(fileloc)] += version_ids
    for trouble, version_ids in outcomes.items():
        if trouble:
            log.warning("The code of %d managed version(s): %s", len(version_ids), trouble.message)
        note(finding, trouble, version_ids, place=(bundle_name, bundle_version), session=session)
    return sum(map(len, files.values()))
