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
Pin a new Dag to its first version, if a policy with a manual gate applies to it.

In Airflow a Dag is live as soon as its file is parsed, and so is each later commit. Only the code that writes its
first version knows that a Dag is new, so it is pinned there, in the transaction of the parse: it is never registered
without a pin. The current policies are read together with the Dags of a file, so Dags without a gate cost nothing. A
Dag that cannot be pinned, such as one from an unversioned bundle, is still registered: ``airflow pinning list
--unpinned`` lists it.

Shown by ``tests/unit/enforcement/versions/test_gate.py``.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def pin_first_version(dag: Any, bundle_name: str, *, session: Any) -> None:
    """
    Pin a Dag whose first version was just written, if a policy requires it.

    :param dag: the Dag, as Airflow writes it
    :param bundle_name: its bundle
    :param session: the session that wrote it
    """
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    from airflow_providers_pinning.domain.changes import first_pin
    from airflow_providers_pinning.domain.errors import PinningError
    from airflow_providers_pinning.domain.policies.in_hand import policies_about
    from airflow_providers_pinning.domain.versions.managed_cache import kept_protection
    from airflow_providers_pinning.domain.versions.rules import rules_in_force

    protection = kept_protection([dag.dag_id], session=session)
    rules = protection.rules if protection else session.scalar(select(rules_in_force()))
    if not rules:
        return
    try:
        gates = [policy.name for policy in policies_about(rules, "gated", dag, bundle_name, session=session)]
        if not gates:
            return
        with session.begin_nested():
            first_pin.pin_first_version(dag.dag_id, gates, int(rules.partition(":")[0]), session=session)
    except SQLAlchemyError:
        raise
    except PinningError as error:
        log.error(
            "New Dag %s was not pinned to its first version, although policy %s requires it: %s",
            dag.dag_id,
            gates,
            error.message,
        )
    except Exception:
        log.exception("Could not check whether new Dag %s must be pinned to its first version", dag.dag_id)
