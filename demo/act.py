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
"""What the acts of the demo have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable

from demo.checks import Checks
from demo.deployment import Deployment
from demo.timeline import Timeline


class Act(ABC):
    """
    Some steps of the demo.

    :param airflow: a deployment
    :param timeline: where the steps are told
    """

    def __init__(self, airflow: Deployment, timeline: Timeline) -> None:
        self.airflow = airflow
        self.timeline = timeline
        self.checks = Checks(airflow, timeline)

    @abstractmethod
    def steps(self) -> Iterable[Callable[[], None]]:
        """Return the steps in their order."""

    def tell(self) -> None:
        """Run every step; one that fails its checks does not keep the others from running."""
        for step in self.steps():
            step()
