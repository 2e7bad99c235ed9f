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
"""Requests that make no sense to the server, or that ask for what is not there."""

from __future__ import annotations

from airflow_providers_pinning.exceptions.base import PinningApiError


class InvalidRequestError(PinningApiError):
    """The request makes no sense to the server (400, 422)."""


class InvalidConfError(InvalidRequestError):
    """The configuration of a canary run does not fit the parameters of its version."""


class InvalidPartitionKeyError(InvalidRequestError):
    """A canary run cannot have a partition key, or none that was given."""


class InvalidIsolationError(InvalidRequestError):
    """Canary runs cannot be kept apart from live ones as it was asked for."""


class InvalidSourceError(InvalidRequestError):
    """What a request says of where it comes from is no flat JSON object of texts and whole numbers."""


class ActivationInPastError(InvalidRequestError):
    """The time from which a change is to be in effect is over already."""


class HoldEndsInPastError(InvalidRequestError):
    """The end that is given for a hold is over already."""


class InvalidPinsError(InvalidRequestError):
    """A document of pins is not valid; ``data["problems"]`` has every place that is wrong."""


class NotFoundError(PinningApiError):
    """There is no such thing (404)."""


class UnknownDagError(NotFoundError):
    """No Dag of this id is registered."""


class UnknownVersionError(NotFoundError):
    """The Dag has no such version."""


class UnknownRunError(NotFoundError):
    """A run is not reported as escaped, so it cannot be acknowledged."""


class UnknownEventError(NotFoundError):
    """There is no such change in the history, or not for the user."""


class NotPinnedError(NotFoundError):
    """The Dag is not pinned, so there is nothing to unpin."""


class UnknownReleaseError(NotFoundError):
    """There is no such release, or not for the caller."""
