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
"""Wait for a new version."""

from __future__ import annotations

import time
from typing import Any, ClassVar

from airflow_providers_pinning.hooks.pinning_async import PinningAsyncHook
from airflow_providers_pinning.triggers.base import PinningTrigger


class Debounce:
    """
    Wait until the newest version has stayed the same.

    It is told by id and hash, since a version that nothing uses yet is changed in place by the next commit.

    :param seconds: for how long
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._seen: tuple[Any, ...] | None = None
        self._since = 0.0

    def settled(self, version: dict[str, Any] | None) -> bool:
        """Return whether a version, as it is seen now, has been seen long enough."""
        if version is None:
            self._seen = None
            return False
        seen = (version["dag_version_id"], version["dag_hash"], version["bundle_version"])
        if seen != self._seen:
            self._seen, self._since = seen, time.monotonic()
        return time.monotonic() - self._since >= self.seconds


def newer_version(versions: list[dict[str, Any]], *, skip_unrelated: bool = True) -> dict[str, Any] | None:
    """
    Return the newest version if it may become active and is not.

    :param versions: versions as the API lists them, newest first
    :param skip_unrelated: not one that changes nothing of the Dag, nor one that may turn out not to, nor one for which
        the rejection of an older one holds
    """
    newest = versions[0] if versions else None
    if newest is None or newest["is_active"] or newest["state"] == "rejected":
        return None
    # An API server of an earlier release does not tell, and what is not known counts as related.
    if skip_unrelated and (newest.get("related_to_active", True) is not True or newest.get("rejection_held")):
        return None
    return newest


class NewDagVersionTrigger(PinningTrigger):
    """
    Wait until there is a version newer than the active one that has stayed the same.

    If the triggerer restarts, the settling time starts over.

    :param debounce: seconds that the newest version must have stayed the same
    :param skip_unrelated: wait past versions that change nothing of the Dag
    """

    fields: ClassVar[tuple[str, ...]] = ("debounce", "skip_unrelated")

    def __init__(self, *, debounce: float = 0, skip_unrelated: bool = True, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.skip_unrelated = skip_unrelated
        self.debounce = debounce
        self._debounce = Debounce(debounce)

    async def ask(self, hook: PinningAsyncHook) -> dict[str, Any] | None:
        """Return the version once it has settled."""
        listed = (await hook.list_versions(self.target_dag_id, limit=1))["versions"]
        version = newer_version(listed, skip_unrelated=self.skip_unrelated)
        return version if self._debounce.settled(version) else None


def settled_registration(answer: dict[str, Any]) -> dict[str, Any] | None:
    """Return what became of a commit, or ``None`` as long as it is not parsed."""
    return None if answer["registration"] in ("unseen", "waiting") else answer


class BundleVersionTrigger(PinningTrigger):
    """
    Wait until a commit is registered for a Dag, was overtaken, or turns out to be broken.

    :param bundle_version: the commit
    """

    fields: ClassVar[tuple[str, ...]] = ("bundle_version",)

    def __init__(self, *, bundle_version: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.bundle_version = bundle_version

    async def ask(self, hook: PinningAsyncHook) -> dict[str, Any] | None:
        """Return what became of the commit once the Dag's file was parsed."""
        return settled_registration(await hook.get_registration(self.target_dag_id, self.bundle_version))
