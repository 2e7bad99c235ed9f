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
"""The places to check for the code of bundle versions. Each bundle's remote is queried once per round."""

from __future__ import annotations

import logging
from collections.abc import Collection
from contextlib import ExitStack
from typing import TYPE_CHECKING, TypeGuard

from airflow.dag_processing.bundles.base import BaseDagBundle
from airflow.dag_processing.bundles.manager import DagBundlesManager

from airflow_providers_pinning.domain.versions.code_availability import checkout
from airflow_providers_pinning.domain.versions.code_availability.finding import CodeProblem, Finding, Trouble
from airflow_providers_pinning.domain.versions.code_availability.git_remote import GitRemote
from airflow_providers_pinning.domain.versions.code_availability.local import is_local, local_trouble, summary

if TYPE_CHECKING:
    from airflow.providers.git.bundles.git import GitDagBundle

log = logging.getLogger(__name__)


class Sources:
    """
    The bundles of one round of checks.

    :param stack: closed at the end of the round, which removes the folders of the checks
    """

    def __init__(self, stack: ExitStack) -> None:
        self._stack = stack
        self._remotes: dict[str, GitRemote] = {}

    def look(self, bundle_name: str, bundle_version: str, filelocs: Collection[str | None]) -> Finding:
        """Check for the code of a bundle version, and for Dag files in it."""
        try:
            if (remote := self._remotes.get(bundle_name)) is None:
                bundle = DagBundlesManager().get_bundle(bundle_name)
                if not is_git(bundle):
                    return checkout.look(bundle_name, bundle_version, filelocs)
                remote = self._remotes[bundle_name] = self._stack.enter_context(GitRemote(bundle))
                checkout.track(bundle)
            return remote.look(bundle_version, filelocs)
        except Exception as error:
            log.exception("The code of bundle %s at %s cannot be checked", bundle_name, bundle_version)
            return Finding(trouble=_trouble_of(bundle_name, error))


def is_git(bundle: BaseDagBundle) -> TypeGuard[GitDagBundle]:
    """Return whether a bundle is a git repository."""
    try:
        from airflow.providers.git.bundles.git import GitDagBundle
    except ImportError:
        return False
    return isinstance(bundle, GitDagBundle)


def _trouble_of(bundle_name: str, error: Exception) -> Trouble:
    if isinstance(error, ValueError) and "is not configured" in str(error):
        return Trouble(CodeProblem.BUNDLE_NOT_CONFIGURED, f"bundle {bundle_name!r} is not configured")
    if is_local(error):
        return local_trouble(bundle_name, error)
    return Trouble(
        CodeProblem.REMOTE_UNREACHABLE, f"the remote of bundle {bundle_name!r} is not reachable: {summary(str(error))}"
    )
