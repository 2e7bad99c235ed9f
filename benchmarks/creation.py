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

from collections.abc import Callable, Mapping, Sequence

from benchmarks import templates
from benchmarks.report import Ratio, Turns, ratio
from benchmarks.subjects import Stage, Subject
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
RUNS_A_TURN = LOOPS_A_TURN * RUNS_A_LOOP
WARM_UP = 20


def measure(stage: Stage, *, runs: int, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Let the scheduler of each subject create runs of Dags that are all due.

    :param stage: where the subjects are
    :param runs: how many runs each creates in a round
    :param rounds: how many rounds to make
    :param advance: called after each turn
    """
    measured = create(stage, TEMPLATES, runs=runs, rounds=rounds, advance=advance)

    def against(name: str, base: str) -> list[Turns]:
        return [(costs[name], costs[base]) for costs in measured]

    few, many = f"{templates.FEW} pins", f"{templates.MANY:,} pins"
    return [
        ratio("Creating runs, no pin", "stock", 1.03, against("no_pin", "stock"), "run", RUNS_A_TURN),
        ratio("Creating runs, all Dags pinned", "stock", 1.10, against("all_pinned", "stock"), "run", RUNS_A_TURN),
        ratio(f"Creating runs, {many} in the table", few, 1.05, against("many_pins", "few_pins"), "run", RUNS_A_TURN),
    ]


def create(
    stage: Stage,
    subjects_of: Mapping[str, str],
    *,
    runs: int,
    rounds: int,
    versions: Mapping[str, int] | None = None,
    dags: int | None = None,
    advance: Callable[[], None],
) -> list[Mapping[str, Turns]]:
    """
    Let the scheduler of each subject create runs, and return what the turns of each cost, round by round.

    :param stage: where the subjects are
    :param subjects_of: the template of each subject
    :param runs: how many runs each creates in a round
    :param rounds: how many rounds to make
    :param versions: the number of the version that the runs are to have, if it is not 1
    :param dags: how many Dags get all the runs, the first of which each gets before it is measured; if not given, each
        Dag gets one run
    :param advance: called after each turn
    """
    measured = []
    for _ in range(rounds):
        with stage.subjects(subjects_of) as subjects:
            for subject in subjects:
                subject.reset(subjects_of[subject.name])
            before = [subject.do("state") for subject in subjects]
            warm_up = WARM_UP if dags is None else dags
            measured.append(_round(subjects, warm_up, runs, advance, again=dags is not None))
            for subject, state in zip(subjects, before, strict=True):
                _check(subject, state, runs + warm_up, (versions or {}).get(subject.name, 1))
    return measured


def _round(
    subjects: Sequence[Subject], warm_up: int, runs: int, advance: Callable[[], None], *, again: bool
) -> Mapping[str, Turns]:
    """Let each subject create runs that are not measured, then those that are, of the same Dags if ``again``."""

    def act(subject: Subject) -> dict[str, float]:
        if again:
            subject.do("make_due")
        cost: dict[str, float] = subject.do("create_runs", loops=LOOPS_A_TURN)
        return cost

    if again:
        for subject in subjects:
            subject.do("schedule_only", dags=warm_up)
    take_turns(subjects, 1, lambda s: s.do("create_runs", loops=warm_up // RUNS_A_LOOP), lambda: None)
    return take_turns(subjects, runs // RUNS_A_TURN, act, advance)


def _check(subject: Subject, before: dict[str, int], runs: int, version: int) -> None:
    """Check that the work was done, and with the right version."""
    state = subject.do("state")
    created = {name: state[name] - before[name] for name in ("runs", "runs_of_version_1", "task_instances")}
    if created != {"runs": runs, "runs_of_version_1": runs * (version == 1), "task_instances": 3 * runs}:
        raise RuntimeError(f"{subject.name} was to create {runs} runs of version {version} of 3 tasks, not {created}.")
