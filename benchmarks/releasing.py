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
"""A release of many Dags as one, against the time that it may take."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import templates
from benchmarks.dags import dag_id
from benchmarks.report import Cost, Ratio, Turns, ratio
from benchmarks.subjects import Stage, Subject
from tests.support.postgres import Server

MORE = "template_many_behind"
"""As behind, with ten times as many Dags."""
TIMES = 10
SECONDS_FOR_EACH = 0.003
"""What the release of one Dag of many may take: 1,000 in three seconds."""

# Each Dag is copied with everything that a release reads of it; the id of a Dag stands in its serialized form too.
_COPY = """
INSERT INTO {table}
SELECT made.*
FROM {table} original, generate_series(1, {copies}) n,
     LATERAL jsonb_build_object('dag_id', original.dag_id || '_' || n) AS renamed,
     LATERAL jsonb_populate_record(original, renamed || {changes}) AS made
WHERE original.dag_id < '{before}';
"""
_CHANGES = {
    "dag": "'{}'",
    "dag_version": "jsonb_build_object('id', md5(original.id::text || n)::uuid)",
    "serialized_dag": """jsonb_build_object(
        'id', md5(original.id::text || n)::uuid,
        'dag_version_id', md5(original.dag_version_id::text || n)::uuid,
        'data', jsonb_set(original.data::jsonb, '{dag,dag_id}', to_jsonb(original.dag_id || '_' || n))
    )""",
    "pinning_version": "jsonb_build_object('dag_version_id', md5(original.dag_version_id::text || n)::uuid)",
    "pinning_pin": "jsonb_build_object('dag_version_id', md5(original.dag_version_id::text || n)::uuid)",
}


def build(subject: Subject, server: Server, step: Callable[[str], object]) -> None:
    """
    Build the template.

    :param subject: one with the package, whose database is used up
    :param server: where the databases are
    :param step: told what comes next
    """
    step(f"{TIMES} times as many pinned Dags")
    subject.reset(templates.BEHIND)
    for table, changes in _CHANGES.items():
        copy = _COPY.format(table=table, copies=TIMES - 1, before=dag_id(9999), changes=changes)
        server.execute(copy, database=subject.name)
    subject.save(MORE)


def measure(stage: Stage, *, dags: int, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Pin all Dags to another commit, in one transaction.

    :param stage: where the subjects are
    :param dags: how many Dags there are
    :param rounds: how often to release each number of Dags
    :param advance: called after each release
    """
    rows = []
    for template, count in ((templates.BEHIND, dags), (MORE, dags * TIMES)):
        budget = SECONDS_FOR_EACH * count
        measured = [_release(stage, template, count, budget, advance) for _ in range(rounds)]
        rows.append(ratio(f"A release of {count:,} Dags", f"{budget:g} s", 1.0, measured, "release"))
    return rows


def _release(stage: Stage, template: str, count: int, budget: float, advance: Callable[[], None]) -> Turns:
    with stage.subjects(["release"]) as [subject]:
        subject.reset(template)
        answer = subject.do("release", commit="commit2")
        if answer["total"] != count:
            raise RuntimeError(f"{count} Dags were to be pinned to another commit, not {answer['total']}.")
    advance()
    return [Cost(answer["seconds"])], [Cost(budget)]
