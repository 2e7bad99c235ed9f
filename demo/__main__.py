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
"""
Tell the whole story on a real Airflow, and check every step of it.

``python -m demo`` exits with 0 if every check passed and with 1 otherwise; ``--keep`` leaves Airflow
running afterwards, until Ctrl-C.
"""

from __future__ import annotations

import argparse
import contextlib
import shutil
import signal
import sys
import threading
from types import FrameType

from rich.console import Console

from demo.deployment import BUNDLE, Deployment
from demo.loading import LoadStory
from demo.monorepo import MonorepoStory
from demo.promotion import APPROVER, PromotionStory
from demo.promotion_run import PROMOTION_BUNDLE, connection
from demo.settings import write_environment
from demo.shipments import DAG_ID as SHIPMENTS
from demo.story import Story
from demo.timeline import Timeline

WIDTH_WITHOUT_TERMINAL = 140


def main() -> int:
    """Run the demo and return its exit code."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__.strip().splitlines()[0])
    parser.add_argument("--keep", action="store_true", help="leave Airflow running until Ctrl-C, to look at its UI")
    options = parser.parse_args()
    if shutil.which("git") is None:
        parser.error("git is needed: install it with your package manager")
    console = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL)
    _end_in_order_on_signals()
    try:
        return 0 if run(console, keep=options.keep) else 1
    except KeyboardInterrupt:
        console.print("Interrupted; everything has ended.")
        return 130


def run(console: Console, *, keep: bool) -> bool:
    """
    Start Airflow, tell the story, and end Airflow.

    :param console: where to print
    :param keep: leave Airflow running until Ctrl-C before it is ended
    :return: whether every check passed
    """
    airflow = Deployment(
        bundles=(BUNDLE, PROMOTION_BUNDLE),
        users=("admin:admin", f"{APPROVER}:op"),
        report=lambda line: timeline.note(line),
    )
    timeline = Timeline(console, evidence=airflow.logs)
    with airflow:
        airflow.env.update(connection(airflow))
        # A step that could not be finished is on the timeline; what comes after it would make no sense.
        with contextlib.suppress(Exception):
            Story(airflow, timeline).tell()
            PromotionStory(airflow, timeline).tell()
            LoadStory(airflow, timeline).tell()
            MonorepoStory(airflow, timeline).tell()
        timeline.summarize()
        if timeline.passed:
            console.print("[bold green]Every check passed.[/bold green]")
        else:
            console.print("[bold red]Some checks failed.[/bold red] Look for ✗ above.")
        if keep:
            _keep(console, airflow)
        console.print("[dim]Ending Airflow ...[/dim]")
    return timeline.passed


def _keep(console: Console, airflow: Deployment) -> None:
    # A run every four seconds would soon push what happened off the timeline of the tab.
    airflow.airflow.patch(f"/dags/{SHIPMENTS}", {"is_paused": True})
    script = write_environment(airflow.home / "env.sh", airflow.env)
    console.print(
        f"Airflow runs at [bold]{airflow.url}[/bold] , user [bold]{airflow.username}[/bold], "
        f"password [bold]{airflow.passwords[airflow.username]}[/bold]\n"
        f"Dags are committed to {airflow.repository.path} , logs are in {airflow.home / 'output'}\n"
        f"Dag {SHIPMENTS} is paused, so that its timeline stays: {airflow.url}/dags/{SHIPMENTS}/plugin/pinning\n"
        f"AIRFLOW_HOME is {airflow.home} . In another terminal:\n\n"
        f"  . {script}\n"
        f"  {airflow.python} -m airflow pinning status {SHIPMENTS}\n"
        f"  {airflow.python} -m airflow pinning replays {SHIPMENTS} -V 2\n"
        f"  {airflow.python} -m airflow pinning history {SHIPMENTS}\n\n"
        "Press Ctrl-C to end it.",
        soft_wrap=True,
        highlight=False,
    )
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()


def _end_in_order_on_signals() -> None:
    """Let SIGTERM and SIGHUP end the demo as Ctrl-C does, once: impatience must not leave processes behind."""
    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def interrupt(signum: int, frame: FrameType | None) -> None:
        for each in signals:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    for each in signals:
        signal.signal(each, interrupt)


if __name__ == "__main__":
    sys.exit(main())
