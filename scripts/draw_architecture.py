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
Draw the pictures of ``docs/architecture.md``: the components, and the states of a version.

Run it with ``python -m scripts.draw_architecture`` after changing what it draws.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from scripts.draw_overview import BAD, GOOD, INK, PIN, SOFT, text

AUTHORS = ("operators/, sensors/, triggers/,", "hooks/, notifications/")
IMAGES = Path(__file__).parents[1] / "docs" / "images"


@dataclass(frozen=True)
class Box:
    """A box with a title and lines below it."""

    x: int
    y: int
    width: int
    height: int
    title: str
    lines: tuple[str, ...] = ()
    color: str = SOFT
    fill: str = "#ffffff"

    def draw(self) -> list[str]:
        """Return the parts of the picture."""
        middle = self.x + self.width / 2
        return [
            f'<rect x="{self.x}" y="{self.y}" width="{self.width}" height="{self.height}" rx="8" fill="{self.fill}" '
            f'stroke="{self.color}" stroke-width="1.5"/>',
            text(middle, self.y + 23, self.title, size=14, font_weight="600", text_anchor="middle"),
            *(
                text(middle, self.y + 42 + 16 * number, line, size=12, fill=SOFT, text_anchor="middle")
                for number, line in enumerate(self.lines)
            ),
        ]


@dataclass(frozen=True)
class Arrow:
    """A line with a head, through points, with a label at a place of its own."""

    points: tuple[tuple[int, int], ...]
    label: str = ""
    at: tuple[int, int] = (0, 0)
    color: str = INK
    dashed: bool = False

    def draw(self) -> list[str]:
        """Return the parts of the picture."""
        path = " ".join(f"{'M' if number == 0 else 'L'}{x},{y}" for number, (x, y) in enumerate(self.points))
        dashes = ' stroke-dasharray="5 4"' if self.dashed else ""
        line = (
            f'<path d="{path}" fill="none" stroke="{self.color}" stroke-width="1.5"{dashes} '
            f'marker-end="url(#head-{self.color[1:]})"/>'
        )
        label = text(*self.at, self.label, size=12, fill=self.color, text_anchor="middle") if self.label else ""
        return [line, label] if label else [line]


def picture(width: int, height: int, title: str, parts: list[Box | Arrow]) -> str:
    """Return a picture of boxes and arrows."""
    colors = sorted({part.color for part in parts if isinstance(part, Arrow)})
    heads = "".join(
        f'<marker id="head-{color[1:]}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" markerHeight="7" '
        f'orient="auto-start-reverse"><path d="M0,0 L10,5 L0,10 z" fill="{color}"/></marker>'
        for color in colors
    )
    drawn = [line for part in parts for line in part.draw()]
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
            'font-family="system-ui, sans-serif" role="img" aria-labelledby="title">',
            f'<title id="title">{title}</title>',
            f"<defs>{heads}</defs>",
            f'<rect width="{width}" height="{height}" rx="10" fill="#ffffff"/>',
            *drawn,
            "</svg>\n",
        ]
    )


BLUE, GREEN = "#eff6ff", "#f0fdf4"

COMPONENTS = picture(
    920,
    520,
    "Clients call the API server over HTTP. API server, scheduler, dag processor and triggerer are patched and read "
    "pins from the metadata database. Workers fetch the commit of a run's version and need no patch.",
    [
        Box(20, 20, 200, 84, "Browser", ("Pinning tab, Pins page", "ui/"), PIN, BLUE),
        Box(240, 20, 200, 84, "CI, scripts", ("REST API",), PIN, BLUE),
        Box(460, 20, 440, 84, "Tasks and triggers of release Dags", AUTHORS, PIN, BLUE),
        Box(
            20,
            156,
            420,
            92,
            "API server",
            ("api/, listeners/", "patched: runs that people and tasks create, clearing"),
            INK,
        ),
        Box(470, 156, 200, 92, "airflow pinning", ("cli/, on any host,", "without HTTP"), INK),
        Box(700, 156, 200, 92, "Workers", ("not patched: run a task", "at the commit of its run"), SOFT),
        Box(20, 312, 200, 84, "Scheduler", ("patched: creates runs,", "hands tasks over"), INK),
        Box(240, 312, 200, 84, "Dag processor", ("patched: registers", "versions; maintenance"), INK),
        Box(470, 312, 200, 84, "Triggerer", ("patched: callbacks of", "triggers"), INK),
        Box(700, 312, 200, 84, "Git remote", ("the bundle: every commit", "that a version names"), SOFT),
        Box(20, 448, 650, 52, "Metadata database: dag, dag_version, serialized_dag, pinning_*", (), GOOD, GREEN),
        Arrow(((120, 104), (120, 154)), "HTTP", (142, 134), PIN),
        Arrow(((340, 104), (340, 154)), "HTTP", (362, 134), PIN),
        Arrow(((520, 104), (520, 130), (410, 130), (410, 154)), "HTTP", (466, 124), PIN),
        Arrow(((230, 248), (230, 446)), color=GOOD),
        Arrow(((120, 396), (120, 446)), color=GOOD),
        Arrow(((340, 396), (340, 446)), color=GOOD),
        Arrow(((570, 396), (570, 446)), color=GOOD),
        Arrow(((470, 220), (455, 220), (455, 446)), color=GOOD),
        Arrow(
            ((120, 312), (120, 280), (740, 280), (740, 250)),
            "task, with its version's file and commit",
            (580, 274),
            INK,
            True,
        ),
        Arrow(((830, 250), (830, 310)), "fetch", (852, 284), SOFT),
        Arrow(((340, 396), (340, 424), (800, 424), (800, 398)), "fetch and parse every commit", (735, 440), SOFT),
    ],
)

STATES = picture(
    920,
    346,
    "A version is registered, and becomes managed as a candidate, as the active version, or as a rejected one. "
    "A version that was active is retained, and becomes unmanaged when more than keep_versions are kept.",
    [
        Box(20, 120, 170, 76, "registered", ("the next commit", "may rewrite it"), SOFT),
        Box(310, 120, 170, 76, "candidate", ("under evaluation",), PIN, BLUE),
        Box(560, 30, 170, 76, "active", ("pinned",), GOOD, GREEN),
        Box(560, 230, 170, 76, "rejected", ("must not be pinned",), BAD, "#fef2f2"),
        Box(730, 130, 170, 76, "retained", ("can be rolled back to",), INK),
        Arrow(((190, 158), (308, 158)), "candidate, canary", (249, 150), PIN),
        Arrow(((105, 120), (105, 60), (558, 60)), "pin", (320, 52), GOOD),
        Arrow(((420, 120), (420, 88), (558, 88)), "pin", (488, 82), GOOD),
        Arrow(((105, 196), (105, 284), (558, 284)), "reject", (320, 300), BAD),
        Arrow(((400, 196), (400, 252), (558, 252)), "reject", (470, 246), BAD),
        Arrow(((600, 106), (600, 228)), "roll back", (570, 172), BAD),
        Arrow(((640, 230), (640, 214), (440, 214), (440, 198)), "restore", (520, 208), PIN),
        Arrow(((730, 56), (790, 56), (790, 128)), "another pin, unpin", (850, 50), INK),
        Arrow(((760, 130), (760, 84), (732, 84)), "", (0, 0), GOOD),
        Arrow(
            ((815, 206), (815, 318), (60, 318), (60, 198)), "more than keep_versions are kept", (640, 336), SOFT, True
        ),
    ],
)

if __name__ == "__main__":
    (IMAGES / "architecture.svg").write_text(COMPONENTS)
    (IMAGES / "version-states.svg").write_text(STATES)
