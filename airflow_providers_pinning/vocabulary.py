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
"""
The words on the wire: what the REST API, the command line, hooks, operators and the documentation have in common.

Only the standard library is imported, so workers, the API server and every ``airflow`` command may read it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum
from types import MappingProxyType

MAX_INTEGER = 2**31 - 1
"""What an integer column holds."""

MAX_SECONDS = 10 * 365 * 86_400
"""Longest time that a soak may be asked to take."""

MAX_ID = 250
"""Characters of an id, an idempotency key or a version of a bundle, as Airflow's columns have it."""

MAX_REASON = 2000
"""Characters of the reason of a change."""

MAX_NOTE = 1000
"""Characters that Airflow keeps of a run's note."""

MAX_CANARY_RUNS = 100
"""How many canary runs one request may create."""

MAX_SUBSTITUTES = 100
"""How many connections, and how many Variables, a request may substitute."""

MAX_RUN_STATE_VALUE = 2**20
"""Bytes of one value that a canary run writes to a Variable or to the state of an asset."""

MAX_RUN_STATE_NAMES = 1000
"""How many Variables and keys of assets a canary run may write to."""

MAX_REPLAYS = 100
"""How many runs one request may replay."""

MAX_ACKNOWLEDGED_RUNS = 1000
"""How many runs one request acknowledges at most."""

MAX_REPAIRED_RUNS = 2000
"""How many runs of a bad version one request stops and reruns."""

MAX_HELD_DAGS = 1000
"""How many Dags one request puts on hold."""

MAX_DURATION_RATIO = 1e6
"""The largest tolerance of a comparison of durations."""

CANARY_PREFIX = "canary__"
"""Start of the run id of every canary run. Live runs have it only if somebody named them so."""

SOURCE_HEADER = "Pinning-Source"
"""Header that says which task a request comes from."""

MAX_SOURCE = 2000
"""Characters of that header; the server refuses longer ones."""


class ExitCode(IntEnum):
    """How a command ended."""

    DONE = 0
    """It did what was asked; a soak is successful; what was checked is healthy."""
    UNEXPECTED = 1
    """Something failed that is no answer, such as the database."""
    USAGE = 2
    """The command was not understood, or what was given does not fit."""
    REFUSED = 3
    """The change is not allowed now; the message begins with the reason."""
    NOT_FOUND = 4
    """No such Dag, version or pin."""
    NOT_CONFIRMED = 5
    """The question was not answered with yes, so nothing was changed."""
    UNHEALTHY = 6
    """A pin is not honored, or the installation needs attention."""
    DIFFERENT = 7
    """The compared versions differ; only with --exit-code."""
    BROKEN = 8
    """The Dag's file has an import error at the commit that is waited for."""
    PROGRESSING = 10
    """The soak, or the runs that were waited for, need more time."""
    FAILED = 11
    """The soak, one of the runs that were waited for, or the newest run since the pin failed."""
    INCONCLUSIVE = 12
    """The soak's time is over without an answer."""
    INTERRUPTED = 130
    """Ctrl-C was pressed."""


@dataclass(frozen=True)
class Refusal:
    """How the faces show one refusal."""

    status: int
    """HTTP status of the REST API's answer."""
    exit_code: ExitCode
    """How the command line ends."""
    exception: str
    """Class in :mod:`airflow_providers_pinning.exceptions`, and in :mod:`airflow_providers_pinning.domain.errors`."""


REFUSALS: Mapping[str, Refusal] = MappingProxyType(
    {
        "unknown_dag": Refusal(404, ExitCode.NOT_FOUND, "UnknownDagError"),
        "unknown_version": Refusal(404, ExitCode.NOT_FOUND, "UnknownVersionError"),
        "unknown_run": Refusal(404, ExitCode.NOT_FOUND, "UnknownRunError"),
        "unknown_event": Refusal(404, ExitCode.NOT_FOUND, "UnknownEventError"),
        "not_pinned": Refusal(404, ExitCode.NOT_FOUND, "NotPinnedError"),
        "revision_conflict": Refusal(409, ExitCode.REFUSED, "RevisionConflictError"),
        "version_drifted": Refusal(409, ExitCode.REFUSED, "VersionDriftedError"),
        "version_rejected": Refusal(409, ExitCode.REFUSED, "VersionRejectedError"),
        "verdict_failed": Refusal(409, ExitCode.REFUSED, "VerdictFailedError"),
        "version_active": Refusal(409, ExitCode.REFUSED, "VersionActiveError"),
        "version_unreadable": Refusal(409, ExitCode.REFUSED, "VersionUnreadableError"),
        "unversioned_bundle": Refusal(409, ExitCode.REFUSED, "UnversionedBundleError"),
        "version_data_unsupported": Refusal(409, ExitCode.REFUSED, "VersionDataUnsupportedError"),
        "team_not_permitted": Refusal(403, ExitCode.REFUSED, "TeamNotPermittedError"),
        "code_unavailable": Refusal(409, ExitCode.REFUSED, "CodeUnavailableError"),
        "not_enforced": Refusal(409, ExitCode.REFUSED, "NotEnforcedError"),
        "held": Refusal(409, ExitCode.REFUSED, "DagHeldError"),
        "hold_ends_in_past": Refusal(422, ExitCode.USAGE, "HoldEndsInPastError"),
        "content_not_kept": Refusal(409, ExitCode.REFUSED, "ContentNotKeptError"),
        "version_in_use": Refusal(409, ExitCode.REFUSED, "VersionInUseError"),
        "not_managed": Refusal(409, ExitCode.REFUSED, "NotManagedError"),
        "invalid_conf": Refusal(422, ExitCode.USAGE, "InvalidConfError"),
        "invalid_partition_key": Refusal(422, ExitCode.USAGE, "InvalidPartitionKeyError"),
        "nothing_to_replay": Refusal(409, ExitCode.REFUSED, "NothingToReplayError"),
        "invalid_isolation": Refusal(422, ExitCode.USAGE, "InvalidIsolationError"),
        "run_not_allowed": Refusal(409, ExitCode.REFUSED, "RunNotAllowedError"),
        "no_task": Refusal(409, ExitCode.REFUSED, "NoTaskError"),
        "run_id_not_allowed": Refusal(409, ExitCode.REFUSED, "RunIdNotAllowedError"),
        "nothing_to_roll_back_to": Refusal(409, ExitCode.REFUSED, "NothingToRollBackToError"),
        "runs_not_repairable": Refusal(409, ExitCode.REFUSED, "RunsNotRepairableError"),
        "too_many_runs": Refusal(409, ExitCode.REFUSED, "TooManyRunsError"),
        "idempotency_key_reused": Refusal(409, ExitCode.REFUSED, "IdempotencyKeyReusedError"),
        "pin_unavailable": Refusal(409, ExitCode.REFUSED, "PinUnavailableError"),
        "database_busy": Refusal(503, ExitCode.UNEXPECTED, "DatabaseBusyError"),
        "database_unavailable": Refusal(503, ExitCode.UNEXPECTED, "DatabaseUnavailableError"),
        "invalid_source": Refusal(422, ExitCode.USAGE, "InvalidSourceError"),
        "invalid_request": Refusal(422, ExitCode.USAGE, "InvalidRequestError"),
    }
)
"""Every refusal by its reason. The last two are refusals of a request that never reaches the domain."""


class Registration(str, Enum):
    """How far a commit got for one Dag."""

    UNSEEN = "unseen"
    """No dag processor has had the commit, or it is no commit of the Dag's bundle."""
    WAITING = "waiting"
    """A dag processor has the commit, and has not parsed the Dag's file since."""
    REGISTERED = "registered"
    """A version of the Dag was current at the commit."""
    BROKEN = "broken"
    """The Dag's file has an import error there, so no version can come of it; a later commit may mend it."""
    OVERTAKEN = "overtaken"
    """A later commit came before the Dag's file was parsed, or changed the Dag and rewrote its version."""
    ABSENT = "absent"
    """Every file was parsed at the commit, and none defines the Dag."""


class Role(str, Enum):
    """What a changed file is to the Dag."""

    DAG = "dag"
    """The Dag is made of it: it is its file, or imported."""
    UNKNOWN = "unknown"
    """Nobody knows whether it matters, so that it counts."""


class FileKind(str, Enum):
    """What happened to a file."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    RENAMED = "renamed"


class TaskRefusal(str, Enum):
    """
    Why a task of a canary run is refused something, with 403 of Airflow's Execution API.

    The task fails with the message; no client of the REST API sees it.
    """

    TRIGGERS_NO_RUN = "canary_triggers_no_run"
    """It would trigger a live run."""
    STATE_TOO_LARGE = "canary_state_too_large"
    """It wrote more to Variables or to the state of assets than is kept."""
    WRITES_ELSEWHERE = "canary_writes_elsewhere"
    """It would write an XCom of another run."""
    FORGOTTEN = "canary_forgotten"
    """Its run was deleted, so that nobody knows what it may have."""


class Assets(str, Enum):
    """What becomes of the asset events of a canary run."""

    WITHHOLD = "withhold"
    """It does not happen, and is kept with the run as evidence."""
    PUBLISH = "publish"
    """They are events like those of live runs: consumers run on them."""


class Alerts(str, Enum):
    """What becomes of the deadlines, callbacks and e-mails of a canary run."""

    WITHHOLD = "withhold"
    """It does not happen, and is kept with the run as evidence."""
    SEND = "send"
    """They are handled like those of live runs."""


class StateWrites(str, Enum):
    """What becomes of what a canary run writes to Variables and to the state of assets."""

    WITHHOLD = "withhold"
    """It stays inside the run, which reads back what it wrote, and is kept as evidence."""
    WRITE = "write"
    """It is written as by live runs, which read it."""


class Triggers(str, Enum):
    """What becomes of the runs that tasks of a canary run trigger."""

    REFUSE = "refuse"
    """The task fails, with a message that says why."""
    ALLOW = "allow"
    """They are live runs."""


class Slots(str, Enum):
    """When a canary run may start and what a live run does that falls due meanwhile."""

    BEHIND = "behind"
    """It starts when no live run waits, and live runs take no notice of it."""
    GAP = "gap"
    """It starts when no live run is active and the next one is far enough away, and is ended if one falls due."""
    SHARED = "shared"
    """It counts as a live run: it waits as they do, and they wait for it."""


class Verdict(str, Enum):
    """What the evidence says of a version."""

    PROGRESSING = "progressing"
    """Not enough yet; go on."""
    SUCCESSFUL = "successful"
    """Every criterion is met."""
    FAILED = "failed"
    """A limit is exceeded."""
    INCONCLUSIVE = "inconclusive"
    """The time is over, or a comparison is impossible, without an answer. It is not a pass."""


class RunKind(str, Enum):
    """Which runs count as evidence."""

    CANARY = "canary"
    """Canary runs: evidence on a candidate."""
    LIVE = "live"
    """
    What the Dag's live runs are: evidence on a version that is active, as a bake needs it.

    That is scheduled and asset-triggered runs, and triggered ones too if the Dag has no schedule.
    """
    ANY = "any"
    """Every run, manual ones and backfills too."""


class FailedTasks(str, Enum):
    """What it means that a task failed after its retries in a run that ended well."""

    COUNT = "count"
    """The run failed, unless the active version's live runs fail in the same tasks."""
    IGNORE = "ignore"
    """Nothing: the run counts as what it ended as."""


class UnfinishedRuns(str, Enum):
    """What becomes of the unfinished runs of a version that is rolled back."""

    KEEP = "keep"
    """They go on."""
    CANCEL = "cancel"
    """They are stopped, and end as failed."""


class FinishedRuns(str, Enum):
    """What becomes of the finished runs of a version that is rolled back."""

    KEEP = "keep"
    """They stay as they are."""
    RERUN = "rerun"
    """They are cleared, and run on the version that is active then."""


class RunBlock(str, Enum):
    """Why a run cannot be repaired."""

    TASKS_RUNNING = "tasks_running"
    """It is finished, but one of its tasks is still queued or running."""
    UNFINISHED = "unfinished"
    """It is queued or running, and unfinished runs are kept."""
    DELETED = "deleted"
    """There is no such run any more."""
    OTHER_VERSION = "other_version"
    """It is a run of another version."""
    CANARY = "canary"
    """It is a canary run, which keeps its version."""
    NO_TASKS = "no_tasks"
    """It is finished and has no tasks, so there is nothing to run again."""
    CHANGED = "changed"
    """Somebody cleared or ended it while the repair was under way."""
    SUPERSEDED = "superseded"
    """Another change of the active version came before its turn."""
    BEFORE = "before"
    """It is from before the time that the repair is about."""


class PinOrder(str, Enum):
    """By what pins are listed; those that are alike by their Dag's id."""

    DAG_ID = "dag_id"
    VERSIONS_BEHIND = "versions_behind"
    PINNED_AT = "pinned_at"
    ACTOR = "actor"
    FAILED_RUNS = "failed_runs"
