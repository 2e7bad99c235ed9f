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
Exceptions of REST API clients: hooks, operators, sensors and the notifier.

Import exceptions from this package, not from its modules.
"""

from __future__ import annotations

import warnings
from typing import Any

from airflow.exceptions import AirflowProviderDeprecationWarning

from airflow_providers_pinning.exceptions.base import *  # noqa: F403
from airflow_providers_pinning.exceptions.conflicts import *  # noqa: F403
from airflow_providers_pinning.exceptions.policies import *  # noqa: F403
from airflow_providers_pinning.exceptions.requests import *  # noqa: F403
from airflow_providers_pinning.exceptions.tasks import *  # noqa: F403

_RENAMED = frozenset(
    {
        "ApiUnreachable",
        "CodeUnavailable",
        "Conflict",
        "DagHeld",
        "InvalidConf",
        "InvalidRequest",
        "NotAuthenticated",
        "NotEnforced",
        "NotFound",
        "NotPermitted",
        "NotPinned",
        "NothingToRollBackTo",
        "RevisionConflict",
        "RollbackFailed",
        "ServerFault",
        "ServerUnavailable",
        "UnknownDag",
        "UnknownVersion",
        "UnversionedBundle",
        "VersionActive",
        "VersionDrifted",
        "VersionRejected",
    }
)
"""Classes whose names did not end with ``Error`` in 0.1.0."""


def __getattr__(name: str) -> Any:
    """Return a class by its name in 0.1.0."""
    if name not in _RENAMED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    new = f"{name}Error"
    warnings.warn(f"{__name__}.{name} is now called {new}.", AirflowProviderDeprecationWarning, stacklevel=2)
    return globals()[new]
