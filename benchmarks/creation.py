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
"""The creation of runs: with no pin, with every Dag pinned, and with very many pins in the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks import templates
from benchmarks.report import Cost, Ratio, ratio
from benchmarks.subjects import Subject
from benchmarks.turns import take_turns

TEMPLATES = {
    "stock": templates.LIVE,
    "no_pin": templates.LIVE,
    "all_pinned": templates.BEHIND,
    "few_pins": templates.FEW_PINS,
    "many_pins": templates.MANY_PINS,
}
LOOPS_A_TURN = 5
RUNS_A_LOOP = 10


def measure(subjects: Sequence[Subject], *, dags: int, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Let the scheduler of each subject create a run of every Dag.

    :param subjects: those of :data:`TEMPLATES`
    :param dags: how many Dags there are
    :param rounds: how many rounds to make
    :param advance: called after each turn
    """
    turns = dags // (LOOPS_A_TURN * RUNS_A_LOOP)
    measured = []
    for _ in range(rounds):
        for subject in subjects:
            subject.reset(TEMPLATES[subject.name])
        take_turns(subjects, 1, lambda s: s.do("create_runs", loops=1), lambda: None)
        measured.append(take_turns(subjects, turns, lambda s: s.do("create_runs", loops=LOOPS_A_TURN), advance))
        for subject in subjects:
            _check(subject, dags)

    def against(name: str, base: str) -> list[tuple[Cost, Cost]]:
        return [(costs[name], costs[base]) for costs in measured]

    few, many = f"{templates.FEW} pins", f"{templates.MANY:,} pins"
    return [
        ratio("Creating runs, no pin", "stock", 1.03, against("no_pin", "stock"), "run", dags),
        ratio("Creating runs, all Dags pinned", "stock", 1.10, against("all_pinned", "stock"), "run", dags),
        ratio(f"Creating runs, {many} in the table", few, 1.05, against("many_pins", "few_pins"), "run", dags),
    ]


def _check(subject: Subject, dags: int) -> None:
    """Check that the work was done, and with the right version."""
    state = subject.do("state")
    expected = dags + RUNS_A_LOOP + dags // (LOOPS_A_TURN * RUNS_A_LOOP) * LOOPS_A_TURN * RUNS_A_LOOP
    if (state["runs"], state["runs_of_version_1"], state["task_instances"]) != (expected, expected, 3 * expected):
        raise RuntimeError(f"{subject.name} did not create {expected} runs of version 1 of three tasks: {state}")
