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
A new Dag is pinned to its first version, if a policy with a manual gate is about it.

In Airflow a Dag is live as soon as its file is parsed, and so is each commit after that. The only place at which a Dag
is known to be new is where its first version is written, so it is pinned there, in the transaction of the parse: there
is no moment at which it is registered and not pinned. Which policies are in force comes with what the dag processor
reads of the Dags of a file anyway, so that nothing is read for those that no gate is about. A Dag that cannot be
pinned, as of a bundle without versions, is registered nevertheless: ``airflow pinning list --unpinned`` has it.

Shown by ``tests/unit/enforcement/versions/test_gate.py``.
"""

from __future__ import annotations

import logging
from typing import Any

log = logging.getLogger(__name__)


def pin_first_version(dag: Any, bundle_name: str, *, session: Any) -> None:
    """
    Pin a Dag whose first version was just written, if a policy says so.

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
            "New Dag %s is not pinned to its first version, as policy %s requires: %s",
            dag.dag_id,
            gates,
            error.message,
        )
    except Exception:
        log.exception("Could not check whether new Dag %s must be pinned to its first version", dag.dag_id)
