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
"""The commands that change something."""

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
        releases.EXCLUDE,
        common.EXPECTED_REVISION,
        *common.EXPECTED_VERSION,
        pins.OVERRIDE_OF_PIN,
        pins.IGNORE_VERDICT,
        *pins.TIME,
        *common.CHANGE,
        description="Name the version in exactly one of three ways. With --match, all Dags that match are pinned at "
        "once, as a release: to the commit that --bundle-version names, else each to what it runs now. "
        "With --effective-from, runs that are due then or later use it, and earlier ones the version before.",
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
        *pins.TIME,
        *common.CHANGE,
    ),
    command(
        "rollback",
        "pins.pinning_rollback",
        "Roll back to the previous version and reject the current one",
        common.DAG_ID,
        *pins.ROLLBACK,
        *pins.REPAIR,
        common.EXPECTED_REVISION,
        pins.OVERRIDE_OF_ROLLBACK,
        *pins.TIME,
        *common.CHANGE,
    ),
    command(
        "cancel",
        "pending.pinning_cancel",
        "Cancel the change of a Dag that is pending",
        common.DAG_ID,
        common.EXPECTED_REVISION,
        *common.CHANGE,
        description="The active version stays. Runs that were created for later than the change keep its version.",
    ),
    command(
        "release",
        "releases.pinning_release",
        "Pin many Dags to a commit, all of them or none",
        *releases.RELEASE,
        *common.CHANGE,
        description="Without names and conditions it takes the pinned Dags for which the commit changes something.",
    ),
    command(
        "rollback-release",
        "releases.pinning_rollback_release",
        "Roll a release back: each of its Dags to what was active before",
        releases.RELEASE_ID,
        *releases.ROLLBACK,
        *common.CHANGE,
    ),
    command(
        "ramp",
        "ramps.pinning_ramp",
        "Let a share of new runs have another version than the pinned one, in steps",
        common.DAG_ID,
        *pins.TARGET,
        *ramps.RAMP,
        common.EXPECTED_REVISION,
        *common.EXPECTED_VERSION,
        ramps.OVERRIDE_OF_RAMP,
        *common.CHANGE,
        description="The active version, its schedule and its limits stay. A step is passed when its runs succeeded; "
        "a ramp whose runs fail is aborted, and after the last step the version is pinned.",
    ),
    command(
        "pause-ramp",
        "ramps.pinning_pause_ramp",
        "Give no new run the version of a ramp until it is resumed",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        *common.CHANGE,
    ),
    command(
        "resume-ramp",
        "ramps.pinning_resume_ramp",
        "Let a paused ramp go on",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        ramps.OVERRIDE_OF_RAMP_ACTION,
        *common.CHANGE,
    ),
    command(
        "abort-ramp",
        "ramps.pinning_abort_ramp",
        "End a ramp: every new run has the pinned version",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        *common.CHANGE,
    ),
    command(
        "promote-ramp",
        "ramps.pinning_promote_ramp",
        "Pin the version of a ramp now, whatever steps are left",
        common.DAG_ID,
        ramps.EXPECTED_RAMP,
        common.EXPECTED_REVISION,
        ramps.OVERRIDE_OF_RAMP_ACTION,
        *common.CHANGE,
    ),
    command(
        "hold",
        "holds.pinning_hold",
        "Put Dags on hold",
        common.DAG_IDS,
        pins.UNTIL,
        *common.CHANGE,
        description="Until the hold ends or is lifted, only a rollback to an older version changes what they use. "
        "Either all of the Dags are put on hold or none.",
    ),
    command(
        "unhold",
        "holds.pinning_unhold",
        "Lift the holds of Dags",
        common.DAG_IDS,
        *common.CHANGE,
        description="The active versions stay. Either all of the holds are lifted or none.",
    ),
    command(
        "candidate",
        "versions.pinning_candidate",
        "Mark a version as a candidate, which protects it from being overwritten",
        common.DAG_ID,
        common.VERSION_OR_LATEST,
        *common.EXPECTED_VERSION,
        *common.CHANGE,
    ),
    command(
        "reject",
        "versions.pinning_reject",
        "Reject a version so that it cannot be pinned",
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
        "Restore a rewritten managed version to its recorded content",
        common.DAG_ID,
        common.VERSION_REQUIRED,
        *common.EXPECTED_VERSION,
        *common.CHANGE,
    ),
    command(
        "set-criteria",
        "criteria.pinning_set_criteria",
        "Set the criteria by which versions of a Dag are judged",
        common.DAG_ID,
        *criteria.CRITERIA,
        criteria.EXPECTED_REVISION_OF_CRITERIA,
        *common.CHANGE,
        description="The command line, the user interface and sensors use them. The command replaces all criteria; "
        "those that are left out get their defaults.",
    ),
    command(
        "acknowledge",
        "pins.pinning_acknowledge",
        "Stop reporting runs that were created with another version than the pinned one",
        common.DAG_ID,
        pins.RUN_IDS,
        common.EXPECTED_REVISION,
        *common.CHANGE,
        description="The runs themselves do not change. Without --run-id, all reported runs are acknowledged.",
    ),
    command(
        "canary",
        "canary.pinning_canary",
        "Start runs of a version while the active version stays",
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
        description="Canary runs have real side effects. With --wait it exits with 11 if one of them fails.",
    ),
)
