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
"""Refusals by release policies."""

from __future__ import annotations

from airflow_providers_pinning.exceptions.base import NotPermittedError
from airflow_providers_pinning.exceptions.conflicts import ConflictError
from airflow_providers_pinning.exceptions.requests import InvalidRequestError, NotFoundError


class PolicyNotMetError(ConflictError):
    """Rules of release policies, or a freeze, block the change; ``data["unmet"]`` lists all of them."""


class ReleaseNotPermittedError(NotPermittedError):
    """Releases require a separate permission, which the user of the connection does not have."""


class PolicyConflictError(ConflictError):
    """The policies have changed since the caller read them; ``data["revision"]`` is the current one."""


class InvalidPolicyError(InvalidRequestError):
    """The policy document is not valid; ``data["problems"]`` lists the problems."""


class FreezeEndsInPastError(InvalidRequestError):
    """The end of the freeze is in the past."""


class UnknownFreezeError(NotFoundError):
    """The freeze does not exist, or it has ended."""


class NotApprovedError(ConflictError):
    """The current content of the version has no such approval, or it was revoked."""
