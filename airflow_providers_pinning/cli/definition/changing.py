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
"""Commands that change something."""

from __future__ import annotations

from airflow_providers_pinning.cli.arguments import canary, common, criteria, pins, ramps, releases
from airflow_providers_pinning.cli.definition.form import command

CHANGING = (
    command(
        "pin",
        "pins.pinning_pin",
        "Pin the version that new runs use",
        releases.DAG_ID_OR_MATCH,
        *pins.TARGET,
        releases.MATCH,
        releases.NEWEST,
        releases.EXCLUDE,
        common.EXPECTED_REVISION,
        *common.EXPECTED_VERSION,
        pins.OVERRIDE_OF_PIN,
        common.EXPECTED_POLICY_REVISION,
        pins.IGNORE_VERDICT,
        *pins.TIME,
        *common.CHANGE,
        description="Select the version in exactly one of three ways. With --match, all matching Dags are pinned "
        "as one release: to the commit of --bundle-version, with --newest to what comes next of each, or to their "
        "current versions. With "
        "--effective-from, only runs due at or after that time use the version.",
    ),
    command(
        "unpin",
        "pins.pinning_unpin",
        "Remove the pin; the latest version becomes active immediately",
        releases.DAG_ID_OR_MATCH,
        releases.MATCH,
        releases.EXCLUDE,
        common.EXPECTED_REVISION,
        *common.EXPECTED_VERSION,
        pins.OVERRIDE_OF_UNPIN,
        common.EXPECTED_POLICY_REVISION,
        *pins.TIME,
        *common.CHANGE,
    ),
    command(
        "rollback",
        "pins.pinning_rollback",
        "Roll back to the previous version and reject the current one",
        releases.DAG_ID_OR_MATCH,
        releases.MATCH,
        releases.EXCLUDE,
        *pins.ROLLBACK,
        *pins.REPAIR,
        common.EXPECTED_REVISION,
        pins.OVERRIDE_OF_ROLLBACK,
        common.EXPECTED_POLICY_REVISION,
        *pins.TIME,
        *common.CHANGE,
        description="With --match, each matching Dag returns to the version before it as one release; no version is "
        "rejected, and the runs are kept.",
    ),
    command(
        "cancel",
        "pending.pinning_cancel",
        "Cancel the pending change of a Dag",
        common.DAG_ID,
        common.EXPECTED_REVISION,
        *common.CHANGE,
        description="The active version stays. Runs already created for after the change keep its version.",
    ),
    command(
        "release",
        "releases.pinning_release",
        "Pin many Dags to a commit, all or none",
        *releases.RELEASE,
        pins.EFFECTIVE_FROM,
        common.EXPECTED_POLICY_REVISION,
        *common.CHANGE,
        description="By default, it pins the pinned Dags that the commit changes.",
    ),
    command(
        "rollback-release",
        "releases.pinning_rollback_release",
        "Roll back a release: restore what was active before for each of its Dags",
        releases.RELEASE_ID,
        *releases.ROLLBACK,
        common.EXPECTED_POLICY_REVISION,
        *common.CHANGE,
    ),
    command(
        "apply",
        "documents.pinning_apply",
        "Make the pins what a file says, all of them or none",
        releases.PINS_FILE,
        *releases.APPLY,
        common.EXPECTED_POLICY_REVISION,
        *common.CHANGE,
        description="Dags that the file lists are pinned; those that it owns and does not list are unpinned. The same "
        "file again changes nothing.",
    ),
    command(
        "ramp",
        "ramps.pinning_ramp",
        "Give a share of new runs another version than the pinned one, in steps",
        common.DAG_ID,
        *pins.TARGET,
        *ramps.RAMP,
        common.EXPECTED_REVISION,
        *common.EXPECTED_VERSION,
        ramps.OVERRIDE_OF_RAMP,
        common.EXPECTED_POLICY_REVISION,
        *common.CHANGE,
        description="The active version, its schedule and its limits stay. A step completes when its runs "
        "succeed; if runs fail, the ramp is aborted. After the last step, the version is pinned.",
    ),
    command(
        "pause-ramp",
        "ramps.pinning_pause_ramp",
        "Stop giving new runs the version of a ramp until it is resumed",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        *common.CHANGE,
    ),
    command(
        "resume-ramp",
        "ramps.pinning_resume_ramp",
        "Resume a paused ramp",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        ramps.OVERRIDE_OF_RAMP_ACTION,
        common.EXPECTED_POLICY_REVISION,
        *common.CHANGE,
    ),
    command(
        "abort-ramp",
        "ramps.pinning_abort_ramp",
        "Abort a ramp: all new runs get the pinned version",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        *common.CHANGE,
    ),
    command(
        "promote-ramp",
        "ramps.pinning_promote_ramp",
        "Pin the version of a ramp now, skipping the remaining steps",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        ramps.OVERRIDE_OF_RAMP_ACTION,
        common.EXPECTED_POLICY_REVISION,
        *common.CHANGE,
    ),
    command(
        "hold",
        "holds.pinning_hold",
        "Put Dags on hold",
        common.DAG_IDS,
        pins.UNTIL,
        *common.CHANGE,
        description="While a Dag is on hold, only a rollback to an older version can change its active version. "
        "All of the Dags are put on hold, or none.",
    ),
    command(
        "unhold",
        "holds.pinning_unhold",
        "Lift the holds of Dags",
        common.DAG_IDS,
        *common.CHANGE,
        description="The active versions stay. All of the holds are lifted, or none.",
    ),
    command(
        "candidate",
        "versions.pinning_candidate",
        "Mark a version as a candidate (protects it from being overwritten)",
        common.DAG_ID,
        common.VERSION_OR_LATEST,
        *common.EXPECTED_VERSION,
        *common.CHANGE,
    ),
    command(
        "reject",
        "versions.pinning_reject",
        "Reject a version so it can't be pinned",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *common.EXPECTED_VERSION,
        *common.CHANGE,
    ),
    command(
        "restore",
        "versions.pinning_restore",
        "Allow a rejected version to be pinned again",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *common.EXPECTED_VERSION,
        *common.CHANGE,
    ),
    command(
        "repair",
        "versions.pinning_repair",
        "Restore the recorded content of a managed version that was rewritten",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *common.EXPECTED_VERSION,
        *common.CHANGE,
    ),
    command(
        "set-criteria",
        "criteria.pinning_set_criteria",
        "Set the criteria that versions of a Dag must meet",
        common.DAG_ID,
        *criteria.CRITERIA,
        criteria.EXPECTED_REVISION_OF_CRITERIA,
        *common.CHANGE,
        description="They apply to the command line, the user interface and sensors. The command replaces all "
        "criteria; omitted ones return to their defaults.",
    ),
    command(
        "acknowledge",
        "pins.pinning_acknowledge",
        "Stop reporting runs that used another version than the pinned one",
        common.DAG_ID,
        pins.RUN_IDS,
        common.EXPECTED_REVISION,
        *common.CHANGE,
        description="The runs themselves do not change. Without --run-id, it acknowledges all reported runs.",
    ),
    command(
        "canary",
        "canary.pinning_canary",
        "Start runs of a version without changing the active version",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *canary.RUNS,
        *canary.REPLAY,
        *canary.ISOLATION,
        canary.WAIT_FOR_RUNS,
        common.TIMEOUT,
        *common.EXPECTED_VERSION,
        canary.OVERRIDE_OF_CANARY,
        *common.CHANGE,
        description="Canary runs have real side effects. With --wait, exits with 11 if one of them fails.",
    ),
)
