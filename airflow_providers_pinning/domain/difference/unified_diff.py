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
"""A unified diff with limited running time."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import Match, SequenceMatcher
from io import StringIO
from itertools import accumulate

MAX_CHARACTERS = 200_000
"""Maximum number of characters of a diff."""
MAX_WORK = 2_000_000
"""Maximum number of steps (about a second). Beyond it, two files count as too different to compare."""


class TooDifferentError(Exception):
    """The files are too different to compare in time."""


def bounded_diff(
    before: str, after: str, *, labels: tuple[str, str], max_work: int = MAX_WORK
) -> tuple[str | None, str | None]:
    """
    Return a unified diff and a note on what it leaves out.

    :param before: one text
    :param after: the other one
    :param labels: their names in the header of the diff
    :param max_work: steps after which to give up
    """
    try:
        diff = "".join(_unified(_lines(before), _lines(after), labels, max_work))
    except TooDifferentError:
        return None, "The files are too large to compare here; compare the commits instead."
    if len(diff) <= MAX_CHARACTERS:
        return diff, None
    return diff[:MAX_CHARACTERS], f"The diff is cut after {MAX_CHARACTERS} of {len(diff)} characters."


def _lines(text: str) -> list[str]:
    """Split a text only at newlines, like programs that read diffs."""
    return list(StringIO(text, newline="\n"))


def _unified(before: list[str], after: list[str], labels: tuple[str, str], max_work: int) -> Iterable[str]:
    """Yield the lines of a diff like ``difflib.unified_diff``, which cannot be interrupted."""
    for number, group in enumerate(_BoundedMatcher(before, after, max_work).get_grouped_opcodes()):
        if number == 0:
            yield f"--- {labels[0]}\n"
            yield f"+++ {labels[1]}\n"
        first, last = group[0], group[-1]
        yield f"@@ -{_range(first[1], last[2])} +{_range(first[3], last[4])} @@\n"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield from (_line(" ", line) for line in before[i1:i2])
                continue
            yield from (_line("-", line) for line in before[i1:i2])
            yield from (_line("+", line) for line in after[j1:j2])


def _line(prefix: str, line: str) -> str:
    return f"{prefix}{line}" if line.endswith("\n") else f"{prefix}{line}\n\\ No newline at end of file\n"


def _range(start: int, stop: int) -> str:
    length = stop - start
    return f"{start + 1 if length else start}" + ("" if length == 1 else f",{length}")


class _BoundedMatcher(SequenceMatcher):
    """
    Finds what two texts have in common, but gives up if it takes too long.

    The worst case is cubic in the length of the files, which may be generated.
    """

    def __init__(self, before: list[str], after: list[str], max_work: int) -> None:
        super().__init__(None, before, after)
        places = self.b2j  # type: ignore[attr-defined]
        self._cost = [0, *accumulate(1 + len(places.get(line, ())) for line in before)]
        self._left = max_work

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """Find the longest common block, and count the steps."""
        self._left -= self._cost[len(self._cost) - 1 if ahi is None else ahi] - self._cost[alo]
        if self._left < 0:
            raise TooDifferentError
        return super().find_longest_match(alo, ahi, blo, bhi)
