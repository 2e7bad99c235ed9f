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
from benchmarks.subjects import Subject
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


def measure(subjects: Sequence[Subject], *, layout: Layout, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Let the dag processor of each subject write what it parsed.

    :param subjects: those of :data:`SUBJECTS`
    :param layout: how the Dags are spread over files
    :param rounds: how many rounds to make
    :param advance: called after each turn
    """
    ratios = []
    for parse in (UNCHANGED, CHANGED):
        measured = [_round(subjects, layout, parse, advance) for _ in range(rounds)]
        for name, label, budget in (("no_pin", "no pin", 1.05), ("all_pinned", "all Dags pinned", 1.5)):
            pairs = [(costs[name], costs["stock"]) for costs in measured]
            what = f"Writing {parse.label} Dags, {layout.label}, {label}"
            ratios.append(ratio(what, "stock", budget, pairs, "Dag", layout.dags))
    return ratios


def _round(subjects: Sequence[Subject], layout: Layout, parse: Parse, advance: Callable[[], None]) -> dict[str, Cost]:
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
