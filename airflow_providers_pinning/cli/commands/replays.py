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
"""Compare replays with their original runs."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Collection, Iterator
from typing import Any

from airflow.utils.session import create_session

from airflow_providers_pinning.cli.command import shows
from airflow_providers_pinning.cli.lists import show_list
from airflow_providers_pinning.cli.wording import Row
from airflow_providers_pinning.domain.canaries.pairs import INTERNAL, Pair, list_pairs
from airflow_providers_pinning.domain.versions.identity import find_version, require_dag
from airflow_providers_pinning.schemas.replays import PairResponse


@shows
def pinning_replays(args: Namespace) -> None:
    """List the replays of a version, with their differences from the originals."""
    with create_session(scoped=False) as session:
        require_dag(args.dag_id, session=session)
        version = find_version(args.dag_id, version_number=args.version_number, session=session)
        listed, total = list_pairs(args.dag_id, version, limit=args.limit, offset=args.offset, session=session)
    entries = [_plain(pair) for pair in listed]
    show_list(args, entries, [row for pair in listed for row in _rows(pair)], total)


def _plain(pair: Pair) -> dict[str, Any]:
    kept = {name: value for name, value in pair.comparison.items() if name not in INTERNAL}
    own = {name: value for name, value in vars(pair).items() if name != "comparison"}
    return PairResponse.model_validate({**own, **kept}).model_dump(mode="json")


def _rows(pair: Pair) -> Iterator[Row]:
    """Yield a replay with its original, and one row per difference."""
    compared = pair.comparison
    yield {
        "replay": pair.run_id,
        "original": pair.original_run_id,
        "state": pair.state or "not finished",
        "seconds": _seconds(pair.seconds, compared.get("original_seconds")),
        "differences": compared.get("problem") or _number(compared.get("differences"), compared.get("set_aside")),
        "in": "",
        "original has": "",
        "replay has": "",
    }
    for difference in compared.get("shown") or ():
        index = "" if difference["map_index"] < 0 else f"[{difference['map_index']}]"
        key = f".{difference['key']}" if difference["key"] else ""
        yield {
            **dict.fromkeys(("replay", "original", "state", "seconds", "differences"), ""),
            "in": f"{difference['what']} {difference['task_id']}{index}{key}",
            "original has": _value(difference["original"]),
            "replay has": _value(difference["replay"]),
        }


def _seconds(ours: float | None, theirs: float | None) -> str:
    return "" if ours is None or theirs is None else f"{ours:.1f} ({theirs:.1f})"


def _number(differences: int | None, set_aside: Collection[str] | None) -> str:
    aside = f" ({len(set_aside)} set aside)" if set_aside else ""
    return "" if differences is None else f"{differences}{aside}"


def _value(text: str | None) -> str:
    return "nothing" if text is None else text
