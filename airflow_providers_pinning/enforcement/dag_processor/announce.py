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
Process of the dag processor that announces changes which their own processes did not.

It is started as ``python -m airflow_providers_pinning.enforcement.dag_processor.announce``: listeners are third-party
code, and the dag processor forks, which is not safe while one of their threads is alive.

Shown by ``tests/unit/enforcement/dag_processor/test_announce.py``.
"""

from __future__ import annotations

import logging

log = logging.getLogger(__name__)


def main() -> None:
    """Announce the remaining changes."""
    from airflow_providers_pinning.domain.history import change_counters
    from airflow_providers_pinning.domain.history.announcer import announce_unclaimed

    change_counters.initialize()
    log.info("Announced %d event(s)", announce_unclaimed())


if __name__ == "__main__":
    main()
