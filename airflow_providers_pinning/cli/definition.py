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
"""The commands of ``airflow pinning``. Read at every ``airflow`` command, so nothing heavy is imported here."""

from __future__ import annotations

from airflow.cli.cli_config import ARG_VERBOSE, ARG_YES, ActionCommand, Arg, GroupCommand, lazy_load_command

from airflow_providers_pinning.cli import arguments as args
from airflow_providers_pinning.cli import canary_arguments, criteria_arguments

COMMANDS = "airflow_providers_pinning.cli.commands"

SHOWN = (args.OUTPUT, ARG_VERBOSE)
CHANGE = (args.REASON, args.ACTOR, args.IDEMPOTENCY_KEY, args.DRY_RUN, ARG_YES, *SHOWN)

EXIT_CODES = """\
Exit codes: 0 done, 1 unexpected failure, 2 wrong usage, 3 refused, 4 not found,
5 not confirmed, 6 unhealthy, 7 different (compare --exit-code),
8 broken (wait), 10 progressing, 11 failed (soak, canary --wait, status),
12 inconclusive (soak), 130 interrupted.
Data goes to stdout, messages go to stderr.\
"""


def get_cli_commands() -> list[GroupCommand]:
    """Return the commands, for Airflow's parser."""
    return [
        GroupCommand(
            name="pinning",
            help="Pin the version of a Dag that new runs use",
            description="Pin the version of a Dag that new runs use, while newer versions keep being parsed.",
            subcommands=(*_SHOWING, *_CHANGING),
            epilog=EXIT_CODES,
        )
    ]


def _command(name: str, function: str, help: str, *arguments: Arg, description: str | None = None) -> ActionCommand:
    return ActionCommand(
        name=name,
        help=help,
        description=f"{help}. {description}" if description else f"{help}.",
        func=lazy_load_command(f"{COMMANDS}.{function}"),
        args=arguments,
        epilog=EXIT_CODES,
    )


_SHOWING = (
    _command(
        "list",
        "pins.pinning_list",
        "List the pinned Dags",
        args.PATTERN,
        args.BEHIND,
        args.UNHEALTHY,
        args.FAILING,
        args.ORDER_BY,
        args.DESCENDING,
        args.LIMIT,
        args.OFFSET,
        *SHOWN,
    ),
    _command(
        "status",
        "pins.pinning_status",
        "Show what new runs of a Dag use, and why",
        args.DAG_ID,
        *SHOWN,
        description="Exits with 6 if the pin isn't enforced, and with 11 if the newest finished run since the pin "
        "failed.",
    ),
    _command(
        "versions",
        "versions.pinning_versions",
        "List the registered versions of a Dag, newest first",
        args.DAG_ID,
        args.LIMIT,
        args.OFFSET,
        *SHOWN,
    ),
    _command(
        "replays",
        "replays.pinning_replays",
        "List the replays of live runs by a version, with what differs from their originals",
        args.DAG_ID,
        args.VERSION_REQUIRED,
        args.LIMIT,
        args.OFFSET,
        *SHOWN,
        description="Times are those of the replay, and of the original in parentheses.",
    ),
    _command(
        "wait",
        "versions.pinning_wait",
        "Wait until a commit is parsed, and show the version that a Dag has at it",
        args.DAG_ID,
        args.COMMIT,
        args.OVERTAKEN_OK,
        args.TIMEOUT_OF_WAIT,
        *SHOWN,
        description="Ends with 0 if it is registered, 3 if a later commit came first, 4 if the Dag is not in the "
        "commit, 8 if its file does not parse there, 10 after the timeout.",
    ),
    _command(
        "history",
        "history.pinning_history",
        "List what was changed, by whom and why, newest first",
        *args.HISTORY,
        args.OFFSET,
        args.HISTORY_OUTPUT,
        ARG_VERBOSE,
        description="Without a Dag it lists the changes of all Dags. jsonl and csv export all, unless --limit is "
        "given.",
    ),
    _command(
        "soak",
        "soak.pinning_soak",
        "Judge a version by its runs",
        args.DAG_ID,
        args.VERSION_REQUIRED,
        *args.SOAK_CRITERIA,
        args.WAIT_FOR_VERDICT,
        args.TIMEOUT,
        *SHOWN,
        description="Ends with 0 if successful, 10 if progressing, 11 if failed, 12 if inconclusive.",
    ),
    _command(
        "criteria",
        "criteria.pinning_criteria",
        "Show what the versions of a Dag are judged by",
        args.DAG_ID,
        *SHOWN,
    ),
    _command(
        "compare",
        "compare.pinning_compare",
        "Show what differs between two versions of a Dag",
        args.DAG_ID,
        args.FROM_VERSION,
        args.TO_VERSION_COMPARED,
        args.NO_SOURCE,
        args.EXIT_CODE,
        *SHOWN,
    ),
    _command(
        "doctor",
        "doctor.pinning_doctor",
        "Check the installation, and say what to do",
        *SHOWN,
        description="Exits with 6 if something must be done.",
    ),
)

_CHANGING = (
    _command(
        "pin",
        "pins.pinning_pin",
        "Make a version the one that new runs use",
        args.DAG_ID,
        args.version_number("Number of the version, as Airflow shows it"),
        args.DAG_VERSION_ID,
        args.BUNDLE_VERSION,
        args.EXPECTED_REVISION,
        *args.EXPECTED_VERSION,
        args.OVERRIDE_OF_PIN,
        args.IGNORE_VERDICT,
        *CHANGE,
        description="Name the version in exactly one of three ways.",
    ),
    _command(
        "unpin",
        "pins.pinning_unpin",
        "Remove the pin; the latest version becomes active immediately",
        args.DAG_ID,
        args.EXPECTED_REVISION,
        *args.EXPECTED_VERSION,
        args.OVERRIDE_OF_UNPIN,
        *CHANGE,
    ),
    _command(
        "rollback",
        "pins.pinning_rollback",
        "Roll back to the previous version and reject the current one",
        args.DAG_ID,
        args.TO_VERSION_BACK,
        args.KEEP_CURRENT,
        args.HOLD,
        args.HOLD_UNTIL,
        *args.REPAIR,
        args.EXPECTED_REVISION,
        args.OVERRIDE_OF_ROLLBACK,
        *CHANGE,
    ),
    _command(
        "hold",
        "holds.pinning_hold",
        "Put Dags on hold",
        args.DAG_IDS,
        args.UNTIL,
        *CHANGE,
        description="Until the hold ends or is lifted, only a rollback to an older version changes what they use. "
        "Either all of the Dags are put on hold or none.",
    ),
    _command(
        "unhold",
        "holds.pinning_unhold",
        "Lift the holds of Dags",
        args.DAG_IDS,
        *CHANGE,
        description="The active versions stay. Either all of the holds are lifted or none.",
    ),
    _command(
        "candidate",
        "versions.pinning_candidate",
        "Mark a version as a candidate, which protects it from being overwritten",
        args.DAG_ID,
        args.VERSION_OR_LATEST,
        *args.EXPECTED_VERSION,
        *CHANGE,
    ),
    _command(
        "reject",
        "versions.pinning_reject",
        "Mark a version as not to be pinned",
        args.DAG_ID,
        args.VERSION_REQUIRED,
        *args.EXPECTED_VERSION,
        *CHANGE,
    ),
    _command(
        "restore",
        "versions.pinning_restore",
        "Allow a rejected version to be pinned again",
        args.DAG_ID,
        args.VERSION_REQUIRED,
        *args.EXPECTED_VERSION,
        *CHANGE,
    ),
    _command(
        "repair",
        "versions.pinning_repair",
        "Write a managed version again as it was recorded, after something rewrote it",
        args.DAG_ID,
        args.VERSION_REQUIRED,
        *args.EXPECTED_VERSION,
        *CHANGE,
    ),
    _command(
        "set-criteria",
        "criteria.pinning_set_criteria",
        "Set what the versions of a Dag are judged by",
        args.DAG_ID,
        *criteria_arguments.CRITERIA,
        args.EXPECTED_REVISION_OF_CRITERIA,
        *CHANGE,
        description="The command line, the user interface and sensors use it. Replaces all that was set; what is left "
        "out is the default.",
    ),
    _command(
        "acknowledge",
        "pins.pinning_acknowledge",
        "Stop reporting runs that were created with another version than the pinned one",
        args.DAG_ID,
        args.RUN_IDS,
        args.EXPECTED_REVISION,
        *CHANGE,
        description="The runs are left as they are. Without --run-id it takes all that are reported.",
    ),
    _command(
        "canary",
        "canary.pinning_canary",
        "Start runs of a version while the active version stays",
        args.DAG_ID,
        args.VERSION_REQUIRED,
        canary_arguments.COUNT,
        canary_arguments.CONF,
        canary_arguments.PARTITION_KEY,
        canary_arguments.NOTE,
        *canary_arguments.REPLAY,
        *canary_arguments.ISOLATION,
        canary_arguments.WAIT_FOR_RUNS,
        args.TIMEOUT,
        *args.EXPECTED_VERSION,
        args.OVERRIDE_OF_CANARY,
        *CHANGE,
        description="Canary runs have real side effects. With --wait it exits with 11 if one of them fails.",
    ),
)
