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
"""What is in force in the database of a subject before it is measured: pins, policies and ramps."""

from __future__ import annotations


def pin(dag_id: str) -> None:
    """Pin version 1 of a Dag."""
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.changes.pins import Target, pin_version
    from airflow_providers_pinning.domain.history.events import Caller, Change

    with create_session() as session:
        pin_version(dag_id, Target(version_number=1), Change(Caller("bench"), "to be measured"), session=session)


def apply_policies(count: int, watched: list[str]) -> None:
    """Put so many policies in force, of which one rolls the Dags back that match."""
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.history.events import Caller, Change
    from airflow_providers_pinning.domain.policies import store
    from airflow_providers_pinning.schemas.policies import validated

    others = [
        {"name": f"team_{n}", "match": {"dag_ids": [f"team_{n}_*"]}, "requires": {"approvals": 1}}
        for n in range(count - 1)
    ]
    watching = {
        "name": "watched",
        "match": {"dag_ids": watched},
        "auto_rollback": {"max_failures": 2, "within_runs": 10},
    }
    document = validated({"policies": [*others, watching]})
    with create_session() as session:
        store.apply(document, Change(Caller("bench"), "to be measured"), session=session)


def start_ramps() -> None:
    """Start a ramp of the newest version of each pinned Dag, whose next run has that version."""
    from decimal import Decimal

    from airflow.utils.session import create_session
    from sqlalchemy import select

    from airflow_providers_pinning.domain.changes import ramp
    from airflow_providers_pinning.domain.changes.pins import Target
    from airflow_providers_pinning.domain.history.events import Caller, Change
    from airflow_providers_pinning.domain.ramp_steps import Plan, Step
    from airflow_providers_pinning.models import Pin

    plan = Plan((Step(Decimal(1), runs=1000),))
    with create_session() as session:
        for dag_id in session.scalars(select(Pin.dag_id)).all():
            change = Change(Caller("bench"), "to be measured")
            ramp.start(dag_id, Target(version_number=2), plan, change, session=session)
