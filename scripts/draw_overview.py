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
"""Draw ``docs/images/overview.svg``: registering a version and activating it are two things."""

from __future__ import annotations

from pathlib import Path
from xml.sax.saxutils import escape

TARGET = Path(__file__).parents[1] / "docs" / "images" / "overview.svg"

INK, SOFT, LINE, PIN, GOOD, BAD = "#1f2937", "#6b7280", "#d1d5db", "#2563eb", "#15803d", "#b91c1c"
LEFT, TOP, ROW, WIDTH = 190, 92, 92, 920
BELOW = 28
"""How far below the versions a commit stands that registers none."""

VERSIONS = (("version 1", "stable, keeps running"), ("version 2", "what HEAD is now"))
"""Label and what it is."""

COMMITS = (
    (0, 0, "first commit", False),
    (2, 1, "helper", False),
    (4, 1, "new schedule", False),
    (6, 1, "syntax error", True),
    (8, 1, "fixed, tested", False),
)
"""Column, row, what the commit changes, and whether it fails to parse."""

PINS = ((1, 9, 0, "pin version 1"), (9, 11, 1, "pin version 2"), (11, 13, 0, "roll back"))
"""From column, to column, row, label."""

RUNS = (*tuple((column, 0) for column in range(1, 9)), (9, 1), (10, 1), (11, 0), (12, 0))
"""Column and row of each run."""


def x_of(column: float) -> float:
    """Return the horizontal place of a column."""
    return LEFT + 30 + column * 52


def y_of(row: int) -> float:
    """Return the vertical place of a version's row."""
    return TOP + row * ROW


def text(x: float, y: float, content: str, *, fill: str = INK, size: int = 14, **attributes: str) -> str:
    """Return one piece of text."""
    extra = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f'<text x="{x}" y="{y}" fill="{fill}" font-size="{size}"{extra}>{escape(content)}</text>'


def draw() -> str:
    """Return the picture."""
    height = y_of(len(VERSIONS)) + 30
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" '
        'role="img" aria-labelledby="title">',
        '<title id="title">New commits are parsed and registered; runs stay on the pinned version until the pin is '
        "moved, and return to it on a rollback.</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="10" fill="#ffffff"/>',
        text(24, 34, "What is registered, and what runs", size=18, font_weight="600"),
    ]
    for row, (label, what) in enumerate(VERSIONS):
        y = y_of(row)
        parts += [
            text(24, y, label, font_weight="600"),
            text(24, y + 17, what, fill=SOFT, size=12),
            f'<line x1="{x_of(0 if row == 0 else 2)}" y1="{y}" x2="{x_of(12.6)}" y2="{y}" stroke="{LINE}" '
            'stroke-width="2"/>',
        ]
    for column, row, what, broken in COMMITS:
        x, y, fill = x_of(column), y_of(row) + (BELOW if broken else 0), BAD if broken else SOFT
        parts += [
            f'<rect x="{x - 5}" y="{y - 5}" width="10" height="10" fill="{fill}"/>',
            text(x, y + (20 if broken else 24), what, fill=fill, size=12, text_anchor="middle"),
        ]
    path, here = [], None
    for start, end, row, label in PINS:
        y = y_of(row)
        path += [f"{'M' if here is None else 'L'}{x_of(start - 0.5)},{y}", f"L{x_of(end - 0.5)},{y}"]
        here = row
        parts.append(text(x_of(start - 0.45), y - 16, label, fill=PIN, size=13, font_weight="600"))
    parts.append(
        f'<path d="{" ".join(path)}" fill="none" stroke="{PIN}" stroke-width="10" stroke-opacity="0.25" '
        'stroke-linejoin="round"/>'
    )
    for column, row in RUNS:
        parts.append(f'<circle cx="{x_of(column)}" cy="{y_of(row)}" r="7" fill="{GOOD}"/>')
    y = height - 26
    parts += [
        f'<circle cx="32" cy="{y - 4}" r="7" fill="{GOOD}"/>',
        text(46, y, "run", fill=SOFT, size=12),
        f'<rect x="92" y="{y - 9}" width="10" height="10" fill="{SOFT}"/>',
        text(110, y, "commit parsed and registered", fill=SOFT, size=12),
        f'<rect x="312" y="{y - 9}" width="10" height="10" fill="{BAD}"/>',
        text(330, y, "commit that does not parse", fill=SOFT, size=12),
        f'<rect x="524" y="{y - 9}" width="34" height="10" fill="{PIN}" fill-opacity="0.25"/>',
        text(566, y, "pin: the version that new runs use", fill=SOFT, size=12),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


if __name__ == "__main__":
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_text(draw())
