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
"""A bundle may describe a version by data that Airflow stores and does not hand to workers: it cannot be pinned."""

from __future__ import annotations

import pytest
from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db

from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.changes import canary
from airflow_providers_pinning.domain.changes.canary import CanaryRequest
from airflow_providers_pinning.domain.versions import circumstances
from airflow_providers_pinning.patch_points import RELEASE
from tests.support.lab import BUNDLE
from tests.support.remembered import remembered
from tests.support.sources import STABLE

DATA = {"manifest": {"dags/orders.py": "etag"}}


def parse(lab, sha, data):
    """Register a commit as a bundle does that describes its versions by data."""
    checkout = lab.root / BUNDLE / sha
    bag = DagBag(checkout, safe_mode=False, bundle_path=checkout, bundle_name=BUNDLE)
    sync_bag_to_db(bag, BUNDLE, sha, version_data=data, session=lab.session)
    lab.session.commit()
    lab.session.expire_all()


@pytest.fixture
@remembered
def described(lab):
    lab.pin_first_of_two()
    parse(lab, "sha2", DATA)
    assert lab.version("orders", 2).version_data == DATA
    return lab


def start_canary(lab, number):
    canary.create_canary_runs("orders", CanaryRequest(number), lab.change(), session=lab.session)


CHANGES = {
    "pin": lambda lab: lab.pin("orders", 2),
    "roll back": lambda lab: lab.roll_back("orders", to_version=2),
    "candidate": lambda lab: lab.candidate("orders", 2),
    "canary": lambda lab: start_canary(lab, 2),
}


def hand_over(monkeypatch, does):
    """Let Airflow hand the data of a version to workers, or not."""
    monkeypatch.setattr(circumstances, "data_reaches_workers", lambda: does)
    monkeypatch.setattr("airflow_providers_pinning.domain.changes.preconditions.data_reaches_workers", lambda: does)


@pytest.mark.parametrize("name", CHANGES)
class TestAVersionWithData:
    def test_is_refused_with_the_remedy(self, name, described, monkeypatch):
        hand_over(monkeypatch, False)
        with pytest.raises(errors.VersionDataUnsupportedError, match="GitDagBundle"):
            CHANGES[name](described)

    def test_is_taken_by_an_airflow_that_hands_the_data_to_workers(self, name, described, monkeypatch):
        hand_over(monkeypatch, True)

        CHANGES[name](described)


def test_airflow_hands_it_to_workers_since_3_4():
    assert circumstances.data_reaches_workers() is (RELEASE >= (3, 4))


def test_a_version_without_data_says_everything_by_its_bundle_version(described):
    parse(described, "sha2", None)

    assert described.version("orders", 2).version_data is None
    assert described.pin("orders", 2).active.version_number == 2


def test_a_managed_version_gets_no_data_in_place(lab):
    lab.commit("sha1", orders=STABLE)
    lab.pin("orders", 1)
    before = lab.bytes_of("orders", 1)

    parse(lab, "sha1", DATA)

    assert lab.bytes_of("orders", 1) == before
    assert lab.version("orders", 2).version_data == DATA
