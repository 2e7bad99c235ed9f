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
"""Let subjects take turns, so that whatever else the machine does weighs on all of them alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from benchmarks.report import Cost
from benchmarks.subjects import Subject


def take_turns(
    subjects: Sequence[Subject], turns: int, act: Callable[[Subject], dict[str, float]], advance: Callable[[], None]
) -> dict[str, list[Cost]]:
    """
    Let each subject act in turn, in an order that changes, and return what each turn of each cost.

    :param subjects: who takes turns
    :param turns: how often each acts
    :param act: what it does; the answer holds ``seconds`` and ``cpu``
    :param advance: called after each act, to show progress
    """
    costs: dict[str, list[Cost]] = {subject.name: [] for subject in subjects}
    for turn in range(turns):
        first = turn % len(subjects)
        for subject in (*subjects[first:], *subjects[:first]):
            answer = act(subject)
            costs[subject.name].append(Cost(answer["seconds"], answer["cpu"]))
            advance()
    return costs
