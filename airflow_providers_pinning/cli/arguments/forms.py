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
"""Kinds of arguments."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.vocabulary import MAX_INTEGER


def named(*flags: str, help: str, metavar: str = "NAME", **more: Any) -> Arg:
    """Return an option that takes an ID or a name."""
    return Arg(flags, help=help, type=values.name, metavar=metavar, **more)


def several(*flags: str, help: str, metavar: str, type: Any = values.name) -> Arg:
    """Return an option that can be repeated."""
    return Arg(flags, help=f"{help}; can be repeated", type=type, action="append", metavar=metavar)


def whole_number(*flags: str, help: str, least: int = 1, most: int = MAX_INTEGER, **more: Any) -> Arg:
    """Return an option that takes an integer within inclusive limits."""
    return Arg(flags, help=help, type=values.whole_number(least, most), metavar="NUMBER", **more)


def seconds(*flags: str, help: str, **more: Any) -> Arg:
    """Return an option that takes a time in seconds."""
    return Arg(flags, help=help, type=values.seconds, metavar="SECONDS", **more)


def moment(*flags: str, help: str) -> Arg:
    """Return an option that takes a point in time."""
    return Arg(flags, help=help, type=values.moment, metavar="TIME")


def text(*flags: str, help: str, **more: Any) -> Arg:
    """Return an option that takes free text."""
    return Arg(flags, help=help, type=values.reason, metavar="TEXT", **more)


def one_of(*flags: str, help: str, words: Sequence[str], **more: Any) -> Arg:
    """Return an option that takes one of several words."""
    return Arg(flags, help=help, choices=words, **more)


def switch(*flags: str, help: str) -> Arg:
    """Return an option without a value."""
    return Arg(flags, help=help, action="store_true")


def yes_or_no(*flags: str, help: str) -> Arg:
    """Return an option with an opposite that starts with ``no-``."""
    return Arg(flags, help=help, action=argparse.BooleanOptionalAction, default=None)
