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
"""Measure, print the table, write the JSON. See the package's docstring for what is measured and how."""

from __future__ import annotations

import argparse
import os
import signal
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from types import ModuleType

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from benchmarks import creation, faces, looking, past, releasing, report, rest, rules, templates, turning, writing
from benchmarks.report import Ratio
from benchmarks.subjects import Stage, Subject
from benchmarks.writing import Layout
from tests.support.postgres import Server, postgres

PARTS = ["creation", "rules", "scheduling", "looking", "writing", "releasing", "rest", "faces"]
RESULTS = Path(__file__).parent / "results" / "latest.json"


@dataclass(frozen=True)
class Extent:
    """How much is measured: in all rounds together a run and a write of each of the Dags, unless a file each."""

    dags: int = 1000
    creation_rounds: int = 10
    writing_rounds: int = 4
    single_dags: int = 100
    releases: int = 3
    requests: int = 250
    request_rounds: int = 2
    page_requests: int = 100
    scheduling_turns: int = 8
    scheduling_rounds: int = 4
    look_ups: int = 8
    look_up_rounds: int = 3


QUICK = Extent(
    dags=200,
    creation_rounds=1,
    writing_rounds=1,
    single_dags=50,
    releases=1,
    requests=100,
    request_rounds=1,
    page_requests=20,
    scheduling_turns=4,
    scheduling_rounds=1,
    look_ups=4,
    look_up_rounds=1,
)


class Steps:
    """Shows what is going on: a bar on a terminal, a line for each step elsewhere."""

    def __init__(self, console: Console, progress: Progress) -> None:
        self._console = console
        self._progress = progress
        self._begun = time.monotonic()

    def begin(self, label: str, total: int | None = None) -> Callable[[], None]:
        """Begin a step, and return what to call as it advances."""
        self._console.print(f"[dim]{time.monotonic() - self._begun:4.0f} s[/] {label}")
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        task = self._progress.add_task(label, total=total)
        return lambda: self._progress.advance(task)


def main() -> None:
    """Run the benchmarks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure the cost against stock Airflow.")
    parser.add_argument("--quick", action="store_true", help="less of everything, for a first impression")
    parser.add_argument("--output", type=Path, default=RESULTS, help="where to write the JSON (%(default)s)")
    parser.add_argument("--only", choices=PARTS, action="append", help="measure only this; may be repeated")
    options = parser.parse_args()
    # Whoever ends this must not leave the server running.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    console = Console(highlight=False)
    if not console.is_terminal:
        console = Console(highlight=False, width=140)
    extent = QUICK if options.quick else Extent()
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        ratios = _measure(extent, options.only or PARTS, Steps(console, progress))
    report.show(ratios, console)
    report.write(
        ratios,
        options.output,
        airflow=version("apache-airflow-core"),
        quick=options.quick,
        dags=extent.dags,
        load_average=os.getloadavg(),
    )
    console.print(f"Written to {os.path.relpath(options.output)}")


def _measure(extent: Extent, only: list[str], steps: Steps) -> list[Ratio]:
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pinning-bench-")))
        (home / "dags").mkdir()
        steps.begin("Starting PostgreSQL")
        # What the server does in its own time would weigh on one subject or another.
        server = stack.enter_context(postgres(autovacuum="off", max_wal_size="8GB", checkpoint_timeout="1h"))
        stage = Stage(server, home)
        with stage.subjects(["builder"]) as [builder]:
            _build(builder, server, extent, only, steps)
        ratios = []
        if "creation" in only:
            ratios += _creation(creation, extent, stage, steps)
        if "rules" in only:
            ratios += _creation(rules, extent, stage, steps)
        if "scheduling" in only:
            ratios += _scheduling(extent, stage, steps)
        if "looking" in only:
            ratios += _looking(extent, stage, steps)
        if "writing" in only:
            ratios += _writing(extent, stage, steps)
        if "releasing" in only:
            advance = steps.begin("Releasing many Dags", 2 * extent.releases)
            ratios += releasing.measure(stage, dags=extent.dags, rounds=extent.releases, advance=advance)
        if "rest" in only:
            advance = steps.begin("Pinning through REST", extent.requests * extent.request_rounds)
            ratios += rest.measure(
                server,
                home,
                dags=extent.dags,
                requests=extent.requests,
                rounds=extent.request_rounds,
                advance=advance,
            )
        if "faces" in only:
            advance = steps.begin("Pages of very many Dags", extent.page_requests + 1)
            ratios += faces.measure(server, home, requests=extent.page_requests, advance=advance)
        return ratios


def _build(builder: Subject, server: Server, extent: Extent, only: list[str], steps: Steps) -> None:
    def step(label: str) -> None:
        steps.begin(f"Templates: {label}")

    templates.build(builder, server, extent.dags, step)
    if "rules" in only:
        rules.build(builder, server, extent.dags, step)
    if "looking" in only:
        looking.build(builder, server, step)
    if "releasing" in only:
        releasing.build(builder, server, step)


def _scheduling(extent: Extent, stage: Stage, steps: Steps) -> list[Ratio]:
    turns = sum(turning.turns_of(act, extent.scheduling_turns) for act in turning.ACTS)
    total = turns * extent.scheduling_rounds * len(turning.SUBJECTS)
    advance = steps.begin("Scheduling and handing over", total)
    return turning.measure(stage, turns=extent.scheduling_turns, rounds=extent.scheduling_rounds, advance=advance)


def _looking(extent: Extent, stage: Stage, steps: Steps) -> list[Ratio]:
    asked = len(past.LOOK_UPS | past.COUNTS) * len(looking.TEMPLATES) * extent.look_ups * extent.look_up_rounds
    advance = steps.begin("Looking up the past", asked)
    return looking.measure(stage, turns=extent.look_ups, rounds=extent.look_up_rounds, advance=advance)


def _creation(part: ModuleType, extent: Extent, stage: Stage, steps: Steps) -> list[Ratio]:
    runs = extent.dags // extent.creation_rounds
    subjects = len(part.TEMPLATES) + (len(rules.RAMPS) if part is rules else 0)
    turns = runs // creation.RUNS_A_TURN * subjects * extent.creation_rounds
    advance = steps.begin("Creating runs" if part is creation else "Creating runs under rules", turns)
    measured: list[Ratio] = part.measure(stage, runs=runs, rounds=extent.creation_rounds, advance=advance)
    return measured


def _writing(extent: Extent, stage: Stage, steps: Steps) -> list[Ratio]:
    big = Layout("50 a file", extent.dags // extent.writing_rounds, file_size=50, files_a_turn=1)
    single = Layout("one a file", extent.single_dags, file_size=1, files_a_turn=10)
    ratios = []
    for layout in (big, single):
        turns = layout.dags // (layout.file_size * layout.files_a_turn)
        total = turns * len(writing.SUBJECTS) * len(writing.PARSES) * extent.writing_rounds
        advance = steps.begin(f"Writing parsed Dags, {layout.label}", total)
        ratios += writing.measure(stage, layout=layout, rounds=extent.writing_rounds, advance=advance)
    return ratios


if __name__ == "__main__":
    main()
