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
"""What a check of the code of one bundle version found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class CodeState(str, Enum):
    """What is known of the code of a managed version."""

    UNKNOWN = "unknown"
    """It was not found out yet."""
    AVAILABLE = "available"
    """It is there."""
    MISSING = "missing"
    """It is not, and that is certain."""


class CodeSource(str, Enum):
    """Who has the code, as far as is known."""

    REMOTE = "remote"
    """The remote, from which any host can fetch it."""
    CHECKOUT = "checkout"
    """Only a dag processor's host, of a commit that no branch and no tag of the remote contains."""


class CodeProblem(str, Enum):
    """Why the code was not found, or could not be looked for."""

    COMMIT_GONE = "commit_gone"
    """The remote answered and has no such commit in any branch or tag, and neither has this host."""
    FILE_MISSING = "file_missing"
    """The commit is there, and the Dag file is not in it."""
    BUNDLE_NOT_CONFIGURED = "bundle_not_configured"
    """The bundle is not among the configured ones."""
    BUNDLE_FAILED = "bundle_failed"
    """A bundle of another kind than git failed to provide the version, and only its message tells why."""
    REMOTE_UNREACHABLE = "remote_unreachable"
    """The remote did not answer, so nothing is known of the commit."""
    LOCAL_TROUBLE = "local_trouble"
    """The dag processor's host cannot check, for instance because its disk is full."""

    @property
    def is_passing(self) -> bool:
        """Whether it says nothing about the code, so that what was known of it still stands."""
        return self in (CodeProblem.REMOTE_UNREACHABLE, CodeProblem.LOCAL_TROUBLE)


_REMEDIES = {
    CodeProblem.COMMIT_GONE.value: "Push the commit again with a tag, which keeps it, or pin another version.",
    CodeProblem.FILE_MISSING.value: (
        "See whether the bundle's subdir or sparse_dirs was changed, or pin another version."
    ),
    CodeProblem.BUNDLE_NOT_CONFIGURED.value: "Configure the bundle again, or pin a version from another one.",
    CodeProblem.BUNDLE_FAILED.value: "Make the bundle provide the version again, or pin another one.",
    CodeProblem.REMOTE_UNREACHABLE.value: (
        "Let the dag processor reach the remote, which workers without a checkout need too; nothing is known to be "
        "wrong with the version."
    ),
    CodeProblem.LOCAL_TROUBLE.value: (
        "Fix that on the dag processor's host; nothing is known to be wrong with the version."
    ),
}


def code_remedy(problem: str | None) -> str:
    """Tell what to do about a problem, which is ``None`` in what an earlier release wrote down."""
    return _REMEDIES.get(problem or "", "Make the commit available again (a tag keeps it), or pin another version.")


@dataclass(frozen=True)
class Trouble:
    """Why code was not found, or could not be looked for."""

    problem: CodeProblem
    message: str


@dataclass(frozen=True)
class Finding:
    """What was found of one bundle version."""

    source: CodeSource | None = None
    """Who has it; ``None`` if that is not known."""
    ref: str | None = None
    """A branch or tag of the remote that contains it."""
    trouble: Trouble | None = None
    """What stands in the way of all of its files."""
    files: Mapping[str | None, Trouble] = field(default_factory=dict)
    """What stands in the way of single files."""
    remark: str | None = None
    """What should be known of code that is available."""

    def of_file(self, fileloc: str | None) -> Trouble | None:
        """Return what stands in the way of one Dag file."""
        # What is not in a commit that is here is not in it anywhere.
        return self.files.get(fileloc) or self.trouble
