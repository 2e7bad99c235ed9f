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
Who releases, who makes the rules of releases, and who may pass over them.

These rights stand beside "can edit" of a Dag, and are about no Dag. In FAB each is "can edit" on a resource of this
package, which roles are given; with the SimpleAuthManager the roles op and admin have them. Other auth managers are
asked for a custom view of the same name.
"""

from __future__ import annotations

from dataclasses import dataclass

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from fastapi import HTTPException, Request, status

from airflow_providers_pinning.vocabulary import RELEASE_OVERRIDES, RELEASE_RULES, RELEASES


@dataclass(frozen=True)
class ReleaseRight:
    """A right that is about no Dag."""

    resource: str
    what: str

    def __str__(self) -> str:
        return f"{self.what} (FAB: 'can edit on {self.resource}')"


RELEASE = ReleaseRight(RELEASES, "release Dag versions")
RULES = ReleaseRight(RELEASE_RULES, "set release policies and freezes")
OVERRIDES = ReleaseRight(RELEASE_OVERRIDES, "override release policies")


def has(user: BaseUser, right: ReleaseRight) -> bool:
    """Return whether a user has a right."""
    # Loaded with the first request: the auth manager of the deployment may be another one.
    from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

    manager = get_auth_manager()
    if isinstance(manager, SimpleAuthManager):
        # It lets everybody see every custom view. Connections are what op and admin may change.
        return manager.is_authorized_connection(method="PUT", user=user)  # type: ignore[arg-type]
    return manager.is_authorized_custom_view(method="PUT", resource_name=right.resource, user=user)


def require(right: ReleaseRight, request: Request, user: BaseUser) -> None:
    """
    Let nobody pass without a right.

    :raises HTTPException: 403, which names it
    """
    if not has(user, right):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN,
            {
                "reason": "forbidden",
                "message": f"User {user.get_name()!r} is not permitted to do this ({request.method} "
                f"{request.url.path}). Missing: {right}.",
                "missing": [str(right)],
            },
        )
