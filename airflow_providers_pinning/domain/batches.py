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
"""Process long lists in batches."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import islice
from threading import Lock
from typing import TypeVar

T = TypeVar("T")

IN_A_STATEMENT = 500
"""Maximum number of ids in a statement: more make it slow to build, and some databases refuse them."""

DAGS_IN_A_STATEMENT = 1000
"""Maximum number of Dags in a condition: naming all that a user may read can cost more than the query itself."""

DAGS_AT_ONCE = 500
"""Number of Dags that a change of many reads and writes at a time. Their versions are in memory together."""


def pages(items: Iterable[T], size: int = IN_A_STATEMENT) -> Iterator[list[T]]:
    """Yield the items in lists of the given size. The last one may be shorter."""
    left = iter(items)
    while page := list(islice(left, size)):
        yield page


_lock = Lock()
_under_way = 0
_was_enabled = True


@contextmanager
def much_work() -> Iterator[None]:
    """
    Collect garbage only where :func:`page_is_done` says so inside the block, and only among the objects of the page.

    Work on thousands of Dags makes so many objects that Python would look through everything that Airflow has imported
    again and again, which took as long as the work.
    """
    global _under_way, _was_enabled
    with _lock:
        if not _under_way:
            _was_enabled = gc.isenabled()
            gc.disable()
            gc.freeze()
        _under_way += 1
    try:
        yield
    finally:
        with _lock:
            _under_way -= 1
            if not _under_way:
                gc.unfreeze()
                if _was_enabled:
                    gc.enable()


def page_is_done() -> None:
    """Collect the garbage of a page, inside a block of :func:`much_work`, and look no more at what is left of it."""
    if _under_way:
        gc.collect()
        gc.freeze()
