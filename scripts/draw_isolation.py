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
Draw the picture of ``docs/concepts.md`` that shows what a canary run may touch.

Run it with ``python -m scripts.draw_isolation`` after changing what it draws.
"""

from __future__ import annotations

from scripts.draw_architecture import BLUE, GREEN, IMAGES, Arrow, Box, picture
from scripts.draw_overview import BAD, GOOD, INK, PIN, SOFT

RED, GRAY = "#fef2f2", "#f9fafb"

ISOLATION = picture(
    920,
    470,
    "A canary run reads the live past. Its asset events, alerts and writes to Variables and asset state are withheld "
    "and kept with the run, and runs that it triggers are refused. Live runs see none of it. What its tasks do outside "
    "Airflow is real.",
    [
        Box(
            20,
            20,
            250,
            116,
            "The live past",
            ("previous runs and their XComs,", "Variables, asset state,", "connections, or substitutes", "for them"),
            GOOD,
            GREEN,
        ),
        Box(
            20,
            208,
            250,
            84,
            "Canary run",
            ("the code of the candidate,", "canary__v8__..."),
            PIN,
            BLUE,
        ),
        Box(
            390,
            150,
            250,
            200,
            "Withheld, kept as evidence",
            (
                "asset events",
                "deadlines, Dag callbacks, emails",
                "writes to Variables",
                "and asset state",
                "",
                "Refused: runs that it triggers",
                "",
                "isolation lets each through",
            ),
            BAD,
            RED,
        ),
        Box(
            720,
            20,
            180,
            330,
            "Live runs",
            (
                "use the pinned version",
                "",
                "have no canary run",
                "as their past,",
                "",
                "lose no slot and",
                "no tick to one,",
                "",
                "get no event and",
                "no alert of one,",
                "",
                "read no Variable and",
                "no state that it wrote",
            ),
            INK,
            GRAY,
        ),
        Box(
            20,
            372,
            880,
            78,
            "Outside Airflow: real, isolate it yourself",
            (
                "warehouse, services, emails that a task sends: ask is_canary, substitute connections,",
                "or run on workers with credentials of their own (pool, queue, executor)",
            ),
            SOFT,
        ),
        Arrow(((145, 136), (145, 206)), "reads", (168, 176), GOOD),
        Arrow(((720, 70), (272, 70)), "become", (500, 62), GOOD),
        Arrow(((270, 250), (388, 250)), "writes", (328, 242), BAD),
        Arrow(((640, 250), (718, 250)), "nothing", (679, 242), BAD, dashed=True),
        Arrow(((145, 292), (145, 370)), "writes", (170, 336), SOFT),
    ],
)


if __name__ == "__main__":
    (IMAGES / "canary-isolation.svg").write_text(ISOLATION)
