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
"""The scheduler's turn over running runs, and the hand-over of their tasks to an executor."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from benchmarks import templates
from benchmarks.report import Ratio, Turns, ratio
from benchmarks.subjects import Stage, Subject
from benchmarks.turns import take_turns

SUBJECTS = ("stock", "no_pin", "pinned")
ACTS = {
    "turn": "The scheduler's turn over {runs} runs of {tasks} tasks",
    "mapped_turn": "The same, {tasks} mapped instances each",
    "hand_over": "The hand-over of {all} tasks to the executor",
}
RUNS, TASKS = 10, 100
WARM_UP = 2
SLOWER = {"mapped_turn": 4}
"""How many times fewer turns are taken of what takes seconds."""


def turns_of(act: str, turns: int) -> int:
    """Return how many turns of a kind there are in a round, if there are ``turns`` of the fast ones."""
    return max(2, turns // SLOWER.get(act, 1))


def measure(stage: Stage, *, turns: int, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Let the scheduler of each subject decide about runs all of whose tasks are ready, and hand the tasks over.

    :param stage: where the subjects are
    :param turns: how many turns of each fast kind there are in a round
    :param rounds: how many rounds to make
    :param advance: called after each turn
    """
    measured = []
    for _ in range(rounds):
        with stage.subjects(SUBJECTS) as subjects:
            for subject in subjects:
                subject.reset(templates.LIVE)
                subject.do("prepare_turns", runs=RUNS, tasks=TASKS, pin=subject.name == "pinned")
            costs = {}
            for act in ACTS:
                take = partial(_take, act)
                take_turns(subjects, WARM_UP, take, lambda: None)
                costs[act] = take_turns(subjects, turns_of(act, turns), take, advance)
            measured.append(costs)

    def against_stock(act: str, name: str) -> list[Turns]:
        return [(costs[act][name], costs[act]["stock"]) for costs in measured]

    return [
        ratio(
            f"{label.format(runs=RUNS, tasks=TASKS, all=RUNS * TASKS)}, {case}",
            "stock",
            budget,
            against_stock(act, name),
            "turn",
        )
        for act, label in ACTS.items()
        for name, case, budget in (("no_pin", "no pin", 1.03), ("pinned", "pinned", 1.10))
    ]


def _take(act: str, subject: Subject) -> dict[str, Any]:
    """Let a subject take a turn, and check that the work was done."""
    answer = subject.do("take_turn", act=act)
    handed_over = RUNS * TASKS if act == "hand_over" else 16
    if (answer["ready"], answer["handed_over"]) != (RUNS * TASKS, handed_over):
        raise RuntimeError(f"{subject.name} was to hand over {handed_over} of {RUNS * TASKS} tasks, not {answer}.")
    return answer
