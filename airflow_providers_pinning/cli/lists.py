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
"""Lists that are shown page by page."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Sequence
from typing import Any

from airflow_providers_pinning.cli.output import show
from airflow_providers_pinning.cli.wording import Row, say


def show_list(args: Namespace, entries: Sequence[Any], rows: Sequence[Row], total: int) -> None:
    """
    Show one page of a list, and whether there is more.

    :param args: the command's arguments
    :param entries: JSON values of the entries to show
    :param rows: the same entries as table rows
    :param total: total number of entries
    """
    show(args.output, list(entries), rows)
    if args.offset or len(entries) < total:
        first = args.offset + 1 if entries else 0
        last = args.offset + len(entries) if entries else 0
        say(f"Showing {first}-{last} of {total} (use --limit/--offset).")
