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
"""The creation of runs under policies, ramps and due changes: those of other Dags, and those of the Dags themselves."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import creation, templates
from benchmarks.report import Ratio, ratio
from benchmarks.subjects import Stage, Subject
from tests.support.postgres import Server

AMONG_RULES = "template_among_rules"
"""As live; some other Dags have pins, ramps and scheduled changes, and policies are about them alone."""
WATCHED = "template_watched"
"""As behind, and a policy rolls every Dag back if its runs fail."""
RAMPED = "template_ramped"
"""As behind, and every Dag has a ramp: its next run has the newer version."""

TEMPLATES = {"stock": templates.LIVE, "among_rules": AMONG_RULES, "watched": WATCHED}
RAMPS = {"stock": templates.LIVE, "ramped": RAMPED}
RAMPED_DAGS = creation.RUNS_A_TURN
"""Each of them gets several runs: a process reads the version of a ramp once."""
POLICIES = 1000
OTHERS = 1000

_OTHERS = """
INSERT INTO pinning_ramp (dag_id, status, dag_version_id, to_version, from_version, steps, max_failures, promotion,
                          step, step_since, step_after, started_at, started_after, options, actor, actor_kind, reason)
SELECT dag_id, 'running', dag_version_id, '{}', '{}', '[{"share": "0.5", "runs": 1}]', 0, 'automatic', 0, now(), 0,
       now(), 0, '{}', 'bench', 'user', 'to be measured'
FROM pinning_pin;
UPDATE pinning_pin SET ramp_id = (SELECT id FROM pinning_ramp WHERE pinning_ramp.dag_id = pinning_pin.dag_id),
                       pending_from = now() + interval '1 day';
INSERT INTO pinning_activation (dag_id, action, effective_from, status, from_version, to_version, options, actor,
                                actor_kind, reason, created_at)
SELECT dag_id, 'unpin', pending_from, 'pending', NULL, NULL, '{}', 'bench', 'user', 'to be measured', now()
FROM pinning_pin;
"""


def build(subject: Subject, server: Server, dags: int, step: Callable[[str], object]) -> None:
    """
    Build the templates.

    :param subject: one with the package, whose database is used up
    :param server: where the databases are
    :param dags: how many Dags to measure
    :param step: told what comes next
    """
    step(f"{POLICIES} policies, ramps and scheduled changes for {OTHERS} other Dags")
    subject.reset(templates.LIVE)
    templates.pin_others(subject, server, OTHERS)
    server.execute(_OTHERS, database=subject.name)
    subject.do("apply_policies", count=POLICIES, watched=["other_*"])
    subject.save(AMONG_RULES)
    step("a policy that rolls back")
    subject.reset(templates.BEHIND)
    subject.do("apply_policies", count=POLICIES, watched=["*"])
    subject.save(WATCHED)
    step(f"a ramp for each of {dags} Dags")
    subject.reset(templates.BEHIND)
    subject.do("start_ramps")
    subject.save(RAMPED)


def measure(stage: Stage, *, runs: int, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Let the scheduler of each subject create runs of Dags that are all due.

    :param stage: where the subjects are
    :param runs: how many runs each creates in a round
    :param rounds: how many rounds to make
    :param advance: called after each turn
    """
    rules = creation.create(stage, TEMPLATES, runs=runs, rounds=rounds, advance=advance)
    ramps = creation.create(
        stage, RAMPS, runs=runs, rounds=rounds, versions={"ramped": 2}, dags=RAMPED_DAGS, advance=advance
    )
    rows = (
        ("among_rules", rules, "rules for others", 1.03),
        ("watched", rules, "all pinned, automatic rollback", 1.15),
        ("ramped", ramps, "all pinned, a ramp each", 1.15),
    )
    return [
        ratio(
            f"Creating runs, {label}",
            "stock",
            budget,
            [(costs[name], costs["stock"]) for costs in measured],
            "run",
            creation.RUNS_A_TURN,
        )
        for name, measured, label, budget in rows
    ]
