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
from __future__ import annotations

import pytest

from airflow_providers_pinning.domain.changes.transactions import commit
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.releases.release import make_release, plan_release
from airflow_providers_pinning.domain.releases.request import Access, ReleaseRequest, Selection
from airflow_providers_pinning.domain.releases.rollback import RollbackRequest, plan_rollback, roll_back_release
from tests.support.remembered import remembered
from tests.support.sources import CHANGED, STABLE

NAMES = ("billing", "invoices", "orders", "refunds", "stock")

EVERYTHING = Access()


class Releases:
    """Shortcuts for releases."""

    def __init__(self, session):
        self.session = session

    def make(self, commit_id=None, *, key=None, override_reason=None, access=EVERYTHING, dry_run=False, **asked):
        names = ("dag_ids", "tags", "bundles", "dag_id_patterns", "owners", "exclude")
        selection = Selection(**{name: tuple(asked.pop(name)) for name in names if name in asked})
        request = ReleaseRequest(bundle_version=commit_id, selection=selection, **asked)
        change = Change(Caller("alice"), "release day", idempotency_key=key, override_reason=override_reason)
        run = plan_release if dry_run else make_release
        return self._run(lambda: run(request, change, access, session=self.session), dry_run)

    def roll_back(self, release_id, *, key=None, access=EVERYTHING, dry_run=False, override_reason=None, **asked):
        request = RollbackRequest(release_id, **asked)
        change = Change(Caller("bob"), "it was bad", idempotency_key=key, override_reason=override_reason)
        run = plan_rollback if dry_run else roll_back_release
        return self._run(lambda: run(request, change, access, session=self.session), dry_run)

    def _run(self, change, dry_run):
        return change() if dry_run else commit(change, session=self.session)


@pytest.fixture
def releases(session):
    return Releases(session)


def named(source, dag_id):
    return source.replace('"orders"', f'"{dag_id}"')


@pytest.fixture
@remembered
def five(lab):
    """Register five Dags, pinned at one commit, and another commit that changes them all."""
    lab.commit("sha1", **{name: named(STABLE, name) for name in NAMES})
    for name in NAMES:
        lab.pin(name, 1)
    lab.commit("sha2", **{name: named(CHANGED, name) for name in NAMES})
    return lab
