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

    It is asked of the Dags at hand: to name all Dags of a deployment costs more than most answers.
    """

    among: Callable[[Collection[str]], Set[str]]
    """Returns those of some Dags that the caller may see; one that is not there is seen by nobody."""
    everything: bool = False
    """Whether the caller may see every Dag that is there, so that it needs not be asked of each."""


def only(*dag_ids: str) -> Sight:
    """Return the sight of a caller who may see these Dags."""
    return Sight(frozenset(dag_ids).intersection)
