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
Process of the dag processor that checks the code of managed versions.

It is started as ``python -m airflow_providers_pinning.enforcement.dag_processor.code_check BUNDLE_NAME ...``.
"""

from __future__ import annotations

import logging
import sys

log = logging.getLogger(__name__)


def main(bundle_names: list[str]) -> None:
    """Check what is due in these bundles."""
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.versions.code_availability import check_code

    # A bundle reads its connection with the shared session and closes it.
    with create_session(scoped=False) as session:
        log.info("Checked the code of %d managed version(s)", check_code(bundle_names, session=session))


if __name__ == "__main__":
    main(sys.argv[1:])
