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
"""Which Dags a caller may see or change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Set
from dataclasses import dataclass


@dataclass(frozen=True)
class Sight:
    """
    Which Dags a caller may see, or change.

    Ask it about specific Dags, because listing all Dags of a deployment costs more than most queries.
    """

    among: Callable[[Collection[str]], Set[str]]
    """Returns those of the given Dags that the caller may see. No one sees a Dag that does not exist."""
    everything: bool = False
    """Whether the caller may see all existing Dags, so that no further check is needed."""


def only(*dag_ids: str) -> Sight:
    """Return the sight of a caller who may see these Dags."""
    return Sight(frozenset(dag_ids).intersection)
