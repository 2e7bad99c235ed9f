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
Process of the dag processor that records the files of versions.

It also checks their code, if due: a new pin needs both, and importing Airflow takes most of the time.

It is started as ``python -m airflow_providers_pinning.enforcement.dag_processor.commit_record BUNDLE_NAME ...``.

Shown by ``tests/unit/enforcement/dag_processor/test_commit_record.py``.
"""

from __future__ import annotations

import logging
import sys

from airflow_providers_pinning.enforcement.dag_processor import code_check

log = logging.getLogger(__name__)


def main(bundle_names: list[str]) -> None:
    """Record and check what is due in these bundles."""
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.files.record import record_files
    from airflow_providers_pinning.domain.versions.code_availability import is_check_due

    try:
        # A bundle reads its connection with the shared session and closes it.
        with create_session(scoped=False) as session:
            log.info("Recorded the files of %d version(s)", record_files(bundle_names, session=session))
    finally:
        with create_session(scoped=False) as session:
            is_due = is_check_due(bundle_names, session=session)
        if is_due:
            code_check.main(bundle_names)


if __name__ == "__main__":
    main(sys.argv[1:])
