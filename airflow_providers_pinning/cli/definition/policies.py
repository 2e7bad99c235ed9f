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
"""Commands for release policies, freezes and evidence."""

from __future__ import annotations

from airflow.cli.cli_config import ARG_VERBOSE, GroupCommand

from airflow_providers_pinning.cli.arguments import common, policies
from airflow_providers_pinning.cli.definition.form import EXIT_CODES, command

POLICY = GroupCommand(
    name="policy",
    help="Manage release policies, which apply to everyone who changes a pin",
    description="Manage release policies, which apply to everyone who changes a pin.",
    subcommands=(
        command(
            "apply",
            "policy.pinning_policy_apply",
            "Apply the policies of a file, replacing the current ones",
            policies.FILE,
            policies.EXPECTED_REVISION,
            *common.CHANGE,
            description="Applying the same file again changes nothing.",
        ),
        command(
            "check",
            "policy.pinning_policy_check",
            "Check a file, or the current policies, for likely mistakes",
            policies.FILE_TO_CHECK,
            *common.SHOWN,
            description="Exits with 2 if the file is not valid, and with 6 if there are findings.",
        ),
        command(
            "diff",
            "policy.pinning_policy_diff",
            "Show what applying a file would change",
            policies.FILE,
            policies.EXIT_CODE,
            *common.SHOWN,
        ),
        command("show", "policy.pinning_policy_show", "Show the current policies", *common.SHOWN),
        command(
            "export",
            "policy.pinning_policy_export",
            "Print the current policies as YAML for apply",
            ARG_VERBOSE,
        ),
        command(
            "explain",
            "policy.pinning_policy_explain",
            "Show which policies apply to a Dag, and what its candidate does not meet",
            common.DAG_ID,
            policies.VERSION,
            common.ACTOR,
            *common.SHOWN,
        ),
    ),
    epilog=EXIT_CODES,
)

SHOWING = (
    command(
        "freezes", "freezes.pinning_freezes", "List the current freezes", policies.ALL, common.LIMIT, *common.SHOWN
    ),
    command(
        "evidence",
        "evidence.pinning_evidence",
        "List the evidence and approvals of a version",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *common.SHOWN,
    ),
)

CHANGING = (
    command(
        "freeze",
        "freezes.pinning_freeze",
        "Stop all changes except rollbacks, for some Dags or all",
        *policies.MATCHING,
        policies.UNTIL,
        *common.CHANGE,
        description="Without conditions, it applies to every Dag.",
    ),
    command("thaw", "freezes.pinning_thaw", "Lift a freeze", policies.FREEZE_ID, *common.CHANGE),
    command(
        "record-evidence",
        "evidence.pinning_record_evidence",
        "Record evidence on a version, for policies that require it",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *policies.EVIDENCE,
        *common.EXPECTED_VERSION,
        *common.CHANGE,
    ),
)
