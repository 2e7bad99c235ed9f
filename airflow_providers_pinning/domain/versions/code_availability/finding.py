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
"""Result of a code check of one bundle version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class CodeState(str, Enum):
    """Availability of the code of a managed version."""

    UNKNOWN = "unknown"
    """Not checked yet."""
    AVAILABLE = "available"
    """It is available."""
    MISSING = "missing"
    """It is certainly missing."""


class CodeSource(str, Enum):
    """Where the code is, as far as known."""

    REMOTE = "remote"
    """The remote, from which any host can fetch it."""
    CHECKOUT = "checkout"
    """Only a dag processor's host: no branch or tag of the remote contains the commit."""


class CodeProblem(str, Enum):
    """Why the code was not found, or could not be checked."""

    COMMIT_GONE = "commit_gone"
    """The remote has no such commit in any branch or tag, and neither does this host."""
    FILE_MISSING = "file_missing"
    """The commit does not contain the Dag file."""
    BUNDLE_NOT_CONFIGURED = "bundle_not_configured"
    """The bundle is not configured."""
    BUNDLE_FAILED = "bundle_failed"
    """A bundle other than git failed to provide the version; only its message says why."""
    REMOTE_UNREACHABLE = "remote_unreachable"
    """The remote did not answer, so nothing is known about the commit."""
    LOCAL_TROUBLE = "local_trouble"
    """The dag processor's host cannot check, for example because its disk is full."""

    @property
    def is_passing(self) -> bool:
        """Whether it says nothing about the code, so the previous result still stands."""
        return self in (CodeProblem.REMOTE_UNREACHABLE, CodeProblem.LOCAL_TROUBLE)


_REMEDIES = {
    CodeProblem.COMMIT_GONE.value: "Push the commit again with a tag to keep it, or pin another version.",
    CodeProblem.FILE_MISSING.value: (
        "Check whether the bundle's subdir or sparse_dirs was changed, or pin another version."
    ),
    CodeProblem.BUNDLE_NOT_CONFIGURED.value: "Configure the bundle again, or pin a version from another one.",
    CodeProblem.BUNDLE_FAILED.value: "Make the version available in the bundle again, or pin another one.",
    CodeProblem.REMOTE_UNREACHABLE.value: (
        "Make the remote reachable for the dag processor; workers without a checkout need it too. The version "
        "itself may be fine."
    ),
    CodeProblem.LOCAL_TROUBLE.value: ("Fix this on the dag processor's host. The version itself may be fine."),
}


def code_remedy(problem: str | None) -> str:
    """Return the remedy for a problem, which is ``None`` in records of an earlier release."""
    return _REMEDIES.get(problem or "", "Make the commit available again (a tag keeps it), or pin another version.")


@dataclass(frozen=True)
class Trouble:
    """Why code was not found, or could not be checked."""

    problem: CodeProblem
    message: str


@dataclass(frozen=True)
class Finding:
    """Result for one bundle version."""

    source: CodeSource | None = None
    """Where the code is; ``None`` if unknown."""
    ref: str | None = None
    """A branch or tag of the remote that contains the commit."""
    trouble: Trouble | None = None
    """A problem that affects all of its files."""
    files: Mapping[str | None, Trouble] = field(default_factory=dict)
    """Problems with single files."""
    remark: str | None = None
    """A remark on available code."""

    def of_file(self, fileloc: str | None) -> Trouble | None:
        """Return the problem with one Dag file."""
        # A file that is missing from a local commit is missing everywhere.
        return self.files.get(fileloc) or self.trouble
