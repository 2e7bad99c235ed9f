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
"""Commands that only show something."""

from __future__ import annotations

from airflow.cli.cli_config import ARG_VERBOSE

from airflow_providers_pinning.cli.arguments import common, criteria, lists, releases, versions
from airflow_providers_pinning.cli.definition.form import command

SHOWING = (
    command(
        "list",
        "pin_lists.pinning_list",
        "List the pinned Dags",
        *lists.PINS,
        releases.MATCH,
        *common.SHOWN,
    ),
    command(
        "inbox",
        "pin_lists.pinning_inbox",
        "Count the pinned Dags that want attention, and say how to list them",
        *common.SHOWN,
    ),
    command(
        "export",
        "documents.pinning_export",
        "Write the pins as YAML that apply takes",
        releases.MATCH,
        releases.OWNS,
        ARG_VERBOSE,
    ),
    command(
        "status",
        "pins.pinning_status",
        "Show what new runs of a Dag use, and why",
        common.DAG_ID,
        *common.SHOWN,
        description="Exits with 6 if the pin isn't enforced, and with 11 if the newest finished run since the pin "
        "failed.",
    ),
    command(
        "pending",
        "pending.pinning_pending",
        "List pending changes, which take effect at a given time",
        *common.PAGE,
        *common.SHOWN,
        description="The next one comes first. An overdue change waits for a scheduler, or for the runs in waits_for.",
    ),
    command(
        "failures",
        "failures.pinning_failures",
        "Show which tasks failed since the pin, with the last lines of their logs",
        common.DAG_ID,
        lists.FAILED_TASKS,
        lists.LOG_LINES,
        *common.SHOWN,
    ),
    command(
        "releases",
        "releases.pinning_releases",
        "List releases, newest first, or show one with its Dags",
        releases.RELEASE_ID_OR_ALL,
        *releases.LISTED_RELEASES,
        *common.PAGE,
        *common.SHOWN,
    ),
    command(
        "versions",
        "versions.pinning_versions",
        "List the registered versions of a Dag, newest first",
        common.DAG_ID,
        *common.PAGE,
        *common.SHOWN,
    ),
    command(
        "replays",
        "replays.pinning_replays",
        "List replays of live runs by a version, and how they differ from the originals",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *common.PAGE,
        *common.SHOWN,
        description="Times are those of the replay, with those of the original in parentheses.",
    ),
    command(
        "wait",
        "versions.pinning_wait",
        "Wait for a commit to be parsed, and show the Dag's version at that commit",
        common.DAG_ID,
        versions.COMMIT,
        versions.OVERTAKEN_OK,
        versions.TIMEOUT_OF_WAIT,
        *common.SHOWN,
        description="Exits with 0 if the version is registered, 3 if a later commit overtook it, 4 if the commit "
        "does not define the Dag, 8 if its file has an import error, 10 after the timeout.",
    ),
    command(
        "history",
        "history.pinning_history",
        "List changes with user and reason, newest first",
        *lists.HISTORY,
        lists.HISTORY_OUTPUT,
        ARG_VERBOSE,
        description="Without a Dag ID, it lists the changes of all Dags. jsonl and csv export all changes, unless "
        "--limit is given.",
    ),
    command(
        "soak",
        "soak.pinning_soak",
        "Judge a version by its runs",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *criteria.SOAK_CRITERIA,
        criteria.WAIT_FOR_VERDICT,
        common.TIMEOUT,
        *common.SHOWN,
        description="Exits with 0 if successful, 10 if progressing, 11 if failed, 12 if inconclusive.",
    ),
    command(
        "criteria",
        "criteria.pinning_criteria",
        "Show the criteria that versions of a Dag must meet",
        common.DAG_ID,
        *common.SHOWN,
    ),
    command(
        "compare",
        "compare.pinning_compare",
        "Show the differences between two versions of a Dag",
        common.DAG_ID,
        *versions.COMPARED,
        *common.SHOWN,
    ),
    command(
        "doctor",
        "doctor.pinning_doctor",
        "Check the installation and suggest fixes",
        *common.SHOWN,
        description="Exits with 6 if a check fails.",
    ),
)
