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
"""Requests that are not valid, or that ask for something that does not exist."""

from __future__ import annotations

from airflow_providers_pinning.exceptions.base import PinningApiError


class InvalidRequestError(PinningApiError):
    """The request is not valid (400, 422)."""


class InvalidConfError(InvalidRequestError):
    """The conf of a canary run does not match the params of its version."""


class InvalidPartitionKeyError(InvalidRequestError):
    """The canary run cannot have this partition key, or needs one."""


class InvalidIsolationError(InvalidRequestError):
    """Canary runs cannot be isolated as requested."""


class InvalidSourceError(InvalidRequestError):
    """The source of a request is not a flat JSON object of strings and integers."""


class ActivationInPastError(InvalidRequestError):
    """The effective time of the change is in the past."""


class HoldEndsInPastError(InvalidRequestError):
    """The end of the hold is in the past."""


class InvalidPinsError(InvalidRequestError):
    """A document of pins is not valid; ``data["problems"]`` has every place that is wrong."""


class NotFoundError(PinningApiError):
    """The object does not exist (404)."""


class UnknownDagError(NotFoundError):
    """The Dag does not exist."""


class UnknownVersionError(NotFoundError):
    """The Dag does not have this version."""


class UnknownRunError(NotFoundError):
    """A run is not reported as escaped, so it cannot be acknowledged."""


class UnknownEventError(NotFoundError):
    """The change is not in the history, or not visible to the user."""


class NotPinnedError(NotFoundError):
    """The Dag is not pinned, so there is nothing to unpin."""


class UnknownReleaseError(NotFoundError):
    """The release does not exist, or is not visible to the caller."""
