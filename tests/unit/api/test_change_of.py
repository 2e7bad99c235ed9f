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
"""The change that a body asks for has every condition that the body offers, and no other."""

from __future__ import annotations

from dataclasses import fields
from datetime import datetime, timezone

from airflow_providers_pinning.api.change_of import change_of
from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.schemas.canary import CanaryBody
from airflow_providers_pinning.schemas.holds import DagIdsBody
from airflow_providers_pinning.schemas.pins import PinBody

CALLER = Caller("mia")


def test_a_change_has_each_condition_of_its_body():
    later = datetime(2030, 1, 31, 12, tzinfo=timezone.utc)
    conditions = {
        "reason": "hotfix",
        "idempotency_key": "release-7",
        "expected_revision": 3,
        "expected_dag_hash": "0123",
        "expected_bundle_version": "sha1",
        "expected_policy_revision": 4,
        "expected_freeze_id": 5,
        "override_reason": "agreed with sales",
        "effective_from": later,
        "supersede": True,
    }

    assert set(conditions) == {field.name for field in fields(Change)} - {"caller", "evidence", "ramp", "release_id"}
    assert change_of(PinBody(version_number=2, **conditions), CALLER) == Change(CALLER, **conditions)


def test_what_a_body_does_not_offer_is_no_condition():
    assert change_of(DagIdsBody(dag_ids=["orders"], reason="audit"), CALLER) == Change(CALLER, "audit")


def test_a_route_gives_what_its_body_lacks():
    body = CanaryBody(version_number=2, expected_revision=3)

    assert change_of(body, CALLER, reason="canary runs") == Change(CALLER, "canary runs", expected_revision=3)
