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
"""A bundle with versions that is not git."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from airflow.dag_processing.bundles.base import BaseDagBundle, BundleVersion


class FolderBundle(BaseDagBundle):
    """
    A bundle whose versions are folders, which are copied file by file.

    :param source: where the folders are
    :param pause: a file; while it exists, copying stops after the first file
    """

    supports_versioning = True

    def __init__(self, *, source: str, pause: str = "", **kwargs) -> None:
        super().__init__(**kwargs)
        self.source = Path(source)
        self.pause = Path(pause) if pause else None

    @property
    def path(self) -> Path:
        return self.versions_dir / (self.version or "newest")

    def initialize(self) -> None:
        with self.lock():
            # What is there is taken for the whole, as bundles do.
            if not self.path.exists():
                self._copy()
        super().initialize()

    def _copy(self) -> None:
        if not (self.source / str(self.version)).is_dir():
            raise RuntimeError(f"there is no version {self.version}")
        self.path.mkdir(parents=True)
        for file in sorted((self.source / str(self.version)).iterdir()):
            shutil.copy(file, self.path)
            while self.pause and self.pause.exists():
                time.sleep(0.05)

    def refresh(self) -> None:
        """Do nothing."""

    def get_current_version(self) -> BundleVersion | None:
        return BundleVersion(version=self.version) if self.version else None
