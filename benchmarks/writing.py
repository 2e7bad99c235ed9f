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
"""The dag processor's write of parsed Dags: changed and unchanged, in one file and in many."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks import templates
from benchmarks.report import Cost, Ratio, ratio
from benchmarks.subjects import Stage, Subject
from benchmarks.turns import take_turns

SUBJECTS = ("stock", "no_pin", "all_pinned")


@dataclass(frozen=True)
class Layout:
    """How the Dags are spread over files."""

    label: str
    dags: int
    file_size: int
    files_a_turn: int


@dataclass(frozen=True)
class Parse:
    """What the dag processor finds."""

    label: str
    commit: dict[str, str]
    """The commit that each subject parses."""
    template: dict[str, str]
    """The database that each subject starts from."""
    new_versions: int
    """How many versions each Dag gets."""


LIVE = dict.fromkeys(SUBJECTS, templates.LIVE)

UNCHANGED = Parse(
    "unchanged",
    # The newest version of a pinned Dag is not the pinned one, which is what pins are for.
    commit={"stock": "commit1", "no_pin": "commit1", "all_pinned": "commit2"},
    template={**LIVE, "all_pinned": templates.BEHIND},
    new_versions=0,
)
CHANGED = Parse(
    "changed",
    commit=dict.fromkeys(SUBJECTS, "commit2"),
    template={**LIVE, "all_pinned": templates.PINNED},
    new_versions=1,
)

PARSES = (UNCHANGED, CHANGED)


def measure(stage: Stage, *, layout: Layout, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Let the dag processor of each subject write what it parsed.

    :param stage: where the subjects are
    :param layout: how the Dags are spread over files
    :param rounds: how many rounds to make
    :param advance: called after each turn
    """
    measured: dict[str, list[dict[str, list[Cost]]]] = {parse.label: [] for parse in PARSES}
    for _ in range(rounds):
        with stage.subjects(SUBJECTS) as subjects:
            for parse in PARSES:
                measured[parse.label].append(_round(subjects, layout, parse, advance))
    return [
        ratio(
            f"Writing {label} Dags, {layout.label}, {pinned}",
            "stock",
            budget,
            [(costs[name], costs["stock"]) for costs in rounds_of],
            "Dag",
            layout.file_size * layout.files_a_turn,
        )
        for label, rounds_of in measured.items()
        for name, pinned, budget in (("no_pin", "no pin", 1.05), ("all_pinned", "all pinned", 1.5))
    ]


def _round(
    subjects: Sequence[Subject], layout: Layout, parse: Parse, advance: Callable[[], None]
) -> dict[str, list[Cost]]:
    before = {}
    for subject in subjects:
        subject.reset(parse.template[subject.name])
        subject.do("warm_up")
        before[subject.name] = subject.do("state")["versions"]
        subject.do("prepare_parse", dags=layout.dags, commit=parse.commit[subject.name], file_size=layout.file_size)
    turns = -(-layout.dags // (layout.file_size * layout.files_a_turn))
    costs = take_turns(subjects, turns, lambda s: s.do("write", files=layout.files_a_turn), advance)
    for subject in subjects:
        written = subject.do("state")["versions"] - before[subject.name]
        if written != parse.new_versions * layout.dags:
            raise RuntimeError(f"{subject.name} wrote {written} versions of {layout.dags} {parse.label} Dags.")
    return costs
