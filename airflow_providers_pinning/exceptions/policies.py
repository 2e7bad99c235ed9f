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
"""What release policies refuse."""

from __future__ import annotations

from airflow_providers_pinning.exceptions.base import NotPermittedError
from airflow_providers_pinning.exceptions.conflicts import ConflictError
from airflow_providers_pinning.exceptions.requests import InvalidRequestError, NotFoundError


class PolicyNotMetError(ConflictError):
    """Rules of release policies, or a freeze, stand in the way; ``data["unmet"]`` lists every one of them."""


class ReleaseNotPermittedError(NotPermittedError):
    """Releases need a permission of their own there, which the user of the connection does not have."""


class PolicyConflictError(ConflictError):
    """The policies changed since the caller read them; ``data["revision"]`` is the present one."""


class InvalidPolicyError(InvalidRequestError):
    """A document of policies cannot be used; ``data["problems"]`` names each place."""


class FreezeEndsInPastError(InvalidRequestError):
    """The end that is given for a freeze is over already."""


class UnknownFreezeError(NotFoundError):
    """There is no such freeze, or it is over."""


class NotApprovedError(ConflictError):
    """There is no such approval of the version as it is now, or it was revoked."""
