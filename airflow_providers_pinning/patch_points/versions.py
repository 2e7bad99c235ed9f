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
"""Versions and files."""

from __future__ import annotations

from airflow_providers_pinning.patch_points.point import IMMUTABLE, Change, Component, How, PatchPoint

TITLE = "Versions and files"
"""Heading in the documentation."""

POINTS: tuple[PatchPoint, ...] = (
    PatchPoint(
        module="airflow.models.serialized_dag",
        name="SerializedDagModel._prefetch_dag_write_metadata",
        parameters=("cls", "dag_ids", "session"),
        patched_by="versions.immutability:prefetch_dag_write_metadata",
        stock="reads the latest versions before writing",
        why="the patch must know whether they are managed",
        shown_by="tests/unit/enforcement/versions/test_immutability.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("DagWriteMetadata",),
        upstream=IMMUTABLE,
    ),
    PatchPoint(
        module="airflow.models.serialized_dag",
        name="SerializedDagModel._try_reuse_deadline_uuids",
        parameters=("cls", "existing_deadline_uuids", "new_deadline_data", "session"),
        patched_by="versions.immutability:try_reuse_deadline_uuids",
        stock="updates renamed deadlines in the rows of the version that they came from",
        why="a managed version would get other deadlines",
        shown_by="tests/unit/enforcement/versions/test_immutability.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("matched_uuids", "name_updates"),
        upstream=IMMUTABLE,
    ),
    PatchPoint(
        module="airflow.models.serialized_dag",
        name="SerializedDagModel.write_dag",
        parameters=(
            "cls",
            "dag",
            "bundle_name",
            "bundle_version",
            "version_data",
            "min_update_interval",
            "session",
            "_prefetched",
        ),
        patched_by="versions.immutability:write_dag",
        stock=("rewrites the latest version in place if only other code changed, or if no run uses it"),
        why="a pin or an approval of the version would then refer to other code",
        shown_by="tests/unit/enforcement/versions/test_immutability.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("_prefetched", "dag_hash", "dag_version", "_try_reuse_deadline_uuids"),
        upstream=IMMUTABLE,
        changes=(
            Change(
                since=(3, 4),
                parameters=(
                    "cls",
                    "dag",
                    "bundle_name",
                    "bundle_version",
                    "version_data",
                    "min_update_interval",
                    "dag_source_code",
                    "session",
                    "_prefetched",
                ),
            ),
        ),
    ),
    PatchPoint(
        module="airflow.models.dagcode",
        name="DagCode.update_source_code",
        parameters=("cls", "dag_id", "fileloc", "session"),
        patched_by="versions.immutability:update_source_code",
        stock="overwrites the last updated source, whatever its version",
        why="a managed version would show the source of another version",
        shown_by="tests/unit/enforcement/versions/test_immutability.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("get_latest_dagcode",),
        upstream=IMMUTABLE,
        changes=(Change(since=(3, 4), parameters=("cls", "dag_id", "fileloc", "dag_source_code", "session")),),
    ),
    PatchPoint(
        module="airflow.utils.db_cleanup",
        name="config_dict",
        parameters=(),
        patched_by="versions.retention:install",
        stock="`airflow db clean` deletes old versions, and Dags that were not parsed recently",
        why="a pinned version that has not run for a while would be deleted",
        shown_by="tests/unit/enforcement/versions/test_retention.py",
        how=How.MODULE,
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager._add_files_to_queue",
        parameters=("self", "files", "mode"),
        patched_by=None,
        stock="queues a file again whose parse a refresh overtook",
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager._create_process",
        parameters=("self", "dag_file"),
        patched_by="dag_processor.stale_parse:create_process",
        stock="starts to parse a file without noting the commit",
        why="the commit of the file would be unknown",
        shown_by="tests/system/test_stale_parse.py",
        needed_by=(Component.DAG_PROCESSOR,),
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager.handle_parsing_result",
        parameters=("self", "file", "proc", "session"),
        patched_by="dag_processor.stale_parse:handle_parsing_result",
        stock="registers the result under the commit that the bundle has *afterwards*",
        why="a version would combine the structure of one commit with the code of another",
        shown_by="tests/system/test_stale_parse.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("_bundle_versions",),
    ),
    PatchPoint(
        module="airflow.dag_processing.processor",
        name="_parse_file",
        parameters=("msg", "log"),
        patched_by="dag_processor.dag_modules:parse_file",
        stock="forgets which modules of its bundle a file imported",
        why="it would be unknown which commits change a Dag",
        shown_by="tests/unit/enforcement/dag_processor/test_dag_modules.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("warnings", "bundle_path"),
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager._refresh_dag_bundles",
        parameters=("self", "known_files"),
        patched_by="dag_processor.bundle_versions:refresh_dag_bundles",
        stock="overwrites the commit of a version when a later one does not change the Dag",
        why="a version could not be found by its earlier commits",
        shown_by="tests/unit/enforcement/dag_processor/test_bundle_versions.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("_bundle_versions",),
    ),
    PatchPoint(
        module="airflow.dag_processing.collection",
        name="_update_import_errors",
        parameters=("files_parsed", "bundle_name", "import_errors", "session"),
        patched_by="dag_processor.stale_dags:update_import_errors",
        stock="marks the Dags of a file with an import error as stale",
        why="a pinned Dag would get no more runs because of HEAD",
        shown_by="tests/unit/enforcement/dag_processor/test_stale_dags.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("is_stale", "has_import_errors"),
        changes=(Change(since=(3, 4), parameters=("files_parsed", "import_errors", "session")),),
    ),
    PatchPoint(
        module="airflow.models.dag",
        name="DagModel.deactivate_deleted_dags",
        parameters=("cls", "bundle_name", "rel_filelocs", "session"),
        patched_by="dag_processor.stale_dags:deactivate_deleted_dags",
        stock="marks the Dags of deleted files as stale",
        why="a pinned Dag would get no more runs because of HEAD",
        shown_by="tests/unit/enforcement/dag_processor/test_stale_dags.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("is_stale",),
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager.deactivate_stale_dags",
        parameters=("self", "last_parsed", "session"),
        patched_by="dag_processor.maintenance:deactivate_stale_dags",
        stock="marks Dags as stale that their file no longer defines",
        why="a pinned Dag would get no more runs because of HEAD",
        shown_by="tests/unit/enforcement/dag_processor/test_stale_dags.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("is_stale",),
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager.purge_removed_files_from_queue",
        parameters=("self", "present"),
        patched_by="dag_processor.callbacks:purge_removed_files_from_queue",
        stock="drops callbacks and emails for files that HEAD does not have",
        why="if the file of a pinned Dag moved, none would ever be sent",
        shown_by="tests/unit/enforcement/dag_processor/test_callbacks.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("_file_queue",),
    ),
    PatchPoint(
        module="airflow.dag_processing.manager",
        name="DagFileProcessorManager.terminate_orphan_processes",
        parameters=("self", "present"),
        patched_by="dag_processor.callbacks:terminate_orphan_processes",
        stock="kills callbacks and emails for files that HEAD does not have",
        why="if the file of a pinned Dag moved, none would ever be sent",
        shown_by="tests/unit/enforcement/dag_processor/test_callbacks.py",
        needed_by=(Component.DAG_PROCESSOR,),
        relies_on=("_processors",),
    ),
)
