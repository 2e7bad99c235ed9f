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
Record the order of a bundle's commits.

Airflow overwrites the commit of a Dag's latest version when a later one does not change the Dag, and keeps no list of
a bundle's commits. Pinning by such a commit would fail as unknown. So each commit is recorded when the dag processor
has fetched it, before anything is parsed: once per bundle, not per Dag.

Shown by ``tests/unit/enforcement/dag_processor/test_bundle_versions.py``.
"""

from __future__ import annotations

import logging
from typing import Any

from airflow_providers_pinning.enforcement.call import Call
from airflow_providers_pinning.enforcement.dag_processor.parsed_files import parsed_files

log = logging.getLogger(__name__)


_recorded: dict[str, str] = {}
"""The commit last recorded for each bundle in this process."""


def refresh_dag_bundles(call: Call) -> None:
    """Refresh the bundles, and record their new commits."""
    recorded_before = _recorded_before(call.instance)
    call.proceed()
    for name, version in call.instance._bundle_versions.items():
        if version is not None and _recorded.get(name) != version:
            try:
                _record(name, version, _recorded.get(name) or recorded_before.get(name))
            except Exception:
                # Parsing must not stop because of this; the next round retries.
                log.exception("The version of bundle %s, %s, could not be recorded", name, version)
            else:
                _recorded[name] = version
                if (files := call.known_files.get(name)) is not None:
                    parsed_files.begin(name, version, {str(file.rel_path) for file in files})


def _recorded_before(manager: Any) -> dict[str, str | None]:
    """
    Read the last recorded commits of bundles that this process has not refreshed yet.

    Only this shows that the branch was reset while no dag processor was running. It is read before the bundle is
    fetched: a commit that another dag processor records later may be newer than the one fetched here.
    """
    names = [
        bundle.name
        for bundle in manager._dag_bundles
        if bundle.supports_versioning and bundle.name not in manager._bundle_versions and bundle.name not in _recorded
    ]
    if not names:
        return {}
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.versions.bundle_versions import newest_commit

    try:
        with create_session(scoped=False) as session:
            return {name: newest_commit(name, session=session) for name in names}
    except Exception:
        log.exception("The recorded commits of bundles could not be read")
        return {}


def _record(bundle_name: str, bundle_version: str, before: str | None) -> None:
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.versions.bundle_versions import note_bundle_version

    with create_session(scoped=False) as session:
        note_bundle_version(bundle_name, bundle_version, before=before, session=session)
