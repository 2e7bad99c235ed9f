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
"""The databases that every round starts from."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks.dags import dag_id
from benchmarks.subjects import Subject
from tests.support.postgres import Server

LIVE = "template_live"
"""Every Dag has one version, with a run."""
PINNED = "template_pinned"
"""As live, and every Dag is pinned to that version."""
BEHIND = "template_behind"
"""As pinned, and every Dag has a newer version, which is not active."""
FEW_PINS = "template_few_pins"
"""As live, and a few of the Dags are pinned."""
MANY_PINS = "template_many_pins"
"""As few pins, beside very many pins of Dags that are not measured."""

FEW = 100
MANY = 100_000

_PIN = """
INSERT INTO pinning_pin (dag_id, revision, dag_version_id, version_number, bundle_name, bundle_version, dag_hash,
                         relative_fileloc, reason, actor, actor_kind, changed_at, last_run_before)
SELECT v.dag_id, 1, v.id, v.version_number, v.bundle_name, v.bundle_version, s.dag_hash,
       s.data->'dag'->>'relative_fileloc', 'to be measured', 'bench', 'user', now(),
       (SELECT max(id) FROM dag_run)
FROM dag_version v JOIN serialized_dag s ON s.dag_version_id = v.id
WHERE v.dag_id < '{before}' ON CONFLICT DO NOTHING;
"""

_OTHERS = """
INSERT INTO pinning_pin (dag_id, revision, dag_version_id, version_number, bundle_name, bundle_version, dag_hash,
                         relative_fileloc, reason, actor, actor_kind, changed_at, last_run_before)
SELECT 'other_' || n, 1, gen_random_uuid(), 1, bundle_name, bundle_version, dag_hash, relative_fileloc, reason, actor,
       actor_kind, changed_at, 0
FROM generate_series(1, {count}) n, (
    SELECT v.bundle_name, v.bundle_version, s.dag_hash, s.data->'dag'->>'relative_fileloc' AS relative_fileloc,
           'to be measured' AS reason, 'bench' AS actor, 'user' AS actor_kind, now() AS changed_at
    FROM dag_version v JOIN serialized_dag s ON s.dag_version_id = v.id LIMIT 1
) pin;
"""

_MANAGE = """
INSERT INTO pinning_version (dag_version_id, dag_id, version_number, bundle_name, bundle_version, dag_hash,
                             relative_fileloc, state, state_changed_at, code_state, created_at)
SELECT dag_version_id, dag_id, version_number, bundle_name, bundle_version, dag_hash, relative_fileloc, 'active',
       now(), 'available', now()
FROM pinning_pin ON CONFLICT DO NOTHING;
"""


def build(subject: Subject, server: Server, dags: int, step: Callable[[str], object]) -> None:
    """
    Build every template.

    :param subject: one with the package, whose database is used up
    :param server: where the databases are
    :param dags: how many Dags to measure
    :param step: told what comes next
    """
    step("creating the tables")
    subject.do("initialize")
    step(f"registering {dags} Dags with a run each")
    _parse(subject, dags, "commit1")
    subject.do("create_runs", loops=-(-dags // 10))
    subject.save(LIVE)
    step(f"pinning {FEW} of them, and {MANY - FEW} others")
    _pin(subject, server, _PIN.format(before=dag_id(FEW)))
    subject.save(FEW_PINS)
    pin_others(subject, server, MANY - FEW)
    subject.save(MANY_PINS)
    step(f"pinning all {dags}")
    subject.reset(FEW_PINS)
    _pin(subject, server, _PIN.format(before=dag_id(9999)))
    subject.save(PINNED)
    step("registering another version of each")
    _parse(subject, dags, "commit2")
    subject.save(BEHIND)
    state = subject.do("state")
    if state["versions"] != 2 * dags or state["bundle_versions"] != "commit1":
        raise RuntimeError(f"The templates are not what they are meant to be: {state}")


def pin_others(subject: Subject, server: Server, count: int) -> None:
    """Pin so many Dags that are not there."""
    _pin(subject, server, _OTHERS.format(count=count))


def _pin(subject: Subject, server: Server, statement: str) -> None:
    # Through the domain this would take minutes; the state that it makes is the same.
    server.execute(statement + _MANAGE, database=subject.name)


def _parse(subject: Subject, dags: int, commit: str) -> None:
    subject.do("prepare_parse", dags=dags, commit=commit, file_size=100)
    subject.do("write", files=dags)
