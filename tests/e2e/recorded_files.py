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
"""What a dag processor would have recorded of the files and commits of a Dag, with names that set traps."""

from __future__ import annotations

from datetime import datetime, timezone

from airflow.models.dag_version import DagVersion
from sqlalchemy import select
from sqlalchemy.orm import Session

from airflow_providers_pinning.domain.files.listing import Sharing, hash_of, pack
from airflow_providers_pinning.models import Commit, CommitFiles, FileContent, VersionFiles

COMPARED = "returns"
"""The Dag, of which versions 2 and 3 are recorded."""
HELPER = "lib/größe <img src=x onerror=alert(1)>.py"
MESSAGE = "Raise the rate\n\n<script>alert(1)</script> From 5 to 50."
URL = "https://git.example/dags/commit/"


def record(session: Session) -> None:
    """Record that a helper was changed by a commit."""
    versions = session.scalars(
        select(DagVersion).where(DagVersion.dag_id == COMPARED, DagVersion.version_number.in_((2, 3)))
    ).all()
    sharing = Sharing((), ())
    parents: list[str] = []
    for version, rate in zip(sorted(versions, key=lambda one: one.version_number), (5, 50), strict=True):
        text = "".join(f"UNUSED_{number} = {number}\n" for number in range(50)) + f"RATE = {rate}  # <b>per cent</b>\n"
        content = hash_of(text)
        session.add(FileContent(content_hash=content, size=len(text), is_binary=False, text=text))
        files = {HELPER: content}
        session.add(
            VersionFiles(
                dag_version_id=version.id,
                dag_id=COMPARED,
                bundle_name=version.bundle_name,
                bundle_version=version.bundle_version,
                files=files,
                digest=hash_of(list(files.items())),
            )
        )
        session.add(
            CommitFiles(
                bundle_name=version.bundle_name,
                bundle_version=version.bundle_version,
                shared_digest=sharing.digest(files),
                basis=sharing.basis,
                file_count=1,
                listing=pack(files),
            )
        )
        session.add(
            Commit(
                bundle_name=version.bundle_name,
                bundle_version=version.bundle_version,
                parents=parents,
                author="ma<b>ria",
                message=MESSAGE,
                committed_at=datetime(2026, 11, 1, 12, tzinfo=timezone.utc),
                url=f"{URL}{version.bundle_version}",
            )
        )
        parents = [version.bundle_version or ""]
    session.commit()
