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
"""The current policy document, read as part of another statement."""

from __future__ import annotations

from sqlalchemy import ScalarSelect, String, cast, select

from airflow_providers_pinning.models import PolicyRevision


def rules_in_force() -> ScalarSelect[str]:
    """Build the revision and hash of the newest policy document; null if none was ever applied."""
    told = cast(PolicyRevision.revision, String) + ":" + PolicyRevision.document_hash
    return select(told).order_by(PolicyRevision.revision.desc()).limit(1).scalar_subquery()
