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
"""The change that the body of a request asks for."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.core_api.base import StrictBaseModel

from airflow_providers_pinning.domain.history.events import Caller, Change

_CONDITIONS = (
    "reason",
    "idempotency_key",
    "expected_revision",
    "expected_dag_hash",
    "expected_bundle_version",
    "expected_policy_revision",
    "expected_freeze_id",
    "override_reason",
    "effective_from",
    "supersede",
)
"""What a caller may say of a change. The rest of a change, such as its evidence, is the domain's to add."""


def change_of(body: StrictBaseModel, caller: Caller, **given: Any) -> Change:
    """
    Return the change that a request asks for, under each condition that its body offers.

    :param body: the body of the request
    :param caller: who sent it
    :param given: what replaces or completes the conditions of the body
    """
    conditions = {name: getattr(body, name) for name in _CONDITIONS if name in type(body).model_fields}
    return Change(caller, **{**conditions, **given})
