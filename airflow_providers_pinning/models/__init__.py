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
"""The tables of the pin store, in metadata of their own."""

from __future__ import annotations

from airflow_providers_pinning.models.acknowledgement import Acknowledgement
from airflow_providers_pinning.models.activation import TimedChange
from airflow_providers_pinning.models.base import Base
from airflow_providers_pinning.models.broken_file import BrokenFile
from airflow_providers_pinning.models.bundle_version import BundleVersion
from airflow_providers_pinning.models.code import Commit, CommitFiles, DagModules, FileContent, VersionFiles
from airflow_providers_pinning.models.component import Component
from airflow_providers_pinning.models.content import VersionContent
from airflow_providers_pinning.models.criteria import DagCriteria
from airflow_providers_pinning.models.event import Event
from airflow_providers_pinning.models.gap import Gap
from airflow_providers_pinning.models.pin import Pin
from airflow_providers_pinning.models.policy import Freeze, PolicyRevision, VersionApproval, VersionEvidence
from airflow_providers_pinning.models.ramp import Ramp
from airflow_providers_pinning.models.release import Release, ReleaseDag
from airflow_providers_pinning.models.run import RoutedRun
from airflow_providers_pinning.models.version import ManagedVersion
from airflow_providers_pinning.models.withheld import WithheldEffect

__all__ = [
    "Acknowledgement",
    "Base",
    "BrokenFile",
    "BundleVersion",
    "Commit",
    "CommitFiles",
    "Component",
    "DagCriteria",
    "DagModules",
    "Event",
    "FileContent",
    "Freeze",
    "Gap",
    "ManagedVersion",
    "Pin",
    "PolicyRevision",
    "Ramp",
    "Release",
    "ReleaseDag",
    "RoutedRun",
    "TimedChange",
    "VersionApproval",
    "VersionContent",
    "VersionEvidence",
    "VersionFiles",
    "WithheldEffect",
]
