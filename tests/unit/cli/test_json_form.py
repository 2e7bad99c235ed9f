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
"""What commands write for programs is what the REST API answers, field by field."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest

from airflow_providers_pinning.schemas.canary import CanaryRunsResponse
from airflow_providers_pinning.schemas.compare import ComparisonResponse
from airflow_providers_pinning.schemas.criteria import CriteriaResponse
from airflow_providers_pinning.schemas.evidence import RecordedResponse, VersionEvidenceResponse
from airflow_providers_pinning.schemas.freezes import FreezeResponse
from airflow_providers_pinning.schemas.pending import PendingChangeResponse
from airflow_providers_pinning.schemas.pins import InboxResponse, PinSummaryResponse, ReleaseStateResponse
from airflow_providers_pinning.schemas.policy_requests import (
    DoubtResponse,
    ExplanationResponse,
    PoliciesResponse,
)
from airflow_providers_pinning.schemas.releases import ReleaseResponse, ReleaseSummaryResponse
from airflow_providers_pinning.schemas.replays import PairResponse
from airflow_providers_pinning.schemas.runs import FailureCollectionResponse
from airflow_providers_pinning.schemas.soak import SoakResponse
from airflow_providers_pinning.schemas.versions import EventResponse, RegistrationResponse, VersionResponse
from tests.support.remembered import remembered
from tests.unit.cli.commands.test_replays import original  # noqa: F401 - a live run to replay
from tests.unit.cli.test_definition import COMMANDS

WHY = ("--reason", "it works", "--yes")
POLICIES = "policies:\n- {name: careful, match: {dag_ids: [other]}, requires: {approvals: 1}}\n"

READS = {
    "list": ([PinSummaryResponse], ("list",)),
    "inbox": (InboxResponse, ("inbox",)),
    "status": (ReleaseStateResponse, ("status", "orders")),
    "failures": (FailureCollectionResponse, ("failures", "orders")),
    "versions": ([VersionResponse], ("versions", "orders")),
    "replays": ([PairResponse], ("replays", "orders", "-V", 2)),
    "wait": (RegistrationResponse, ("wait", "orders", "--bundle-version", "sha2")),
    "soak": (SoakResponse, ("soak", "orders", "-V", 2)),
    "criteria": (CriteriaResponse, ("criteria", "orders")),
    "compare": (ComparisonResponse, ("compare", "orders")),
    "history": ([EventResponse], ("history", "orders")),
    "freezes": ([FreezeResponse], ("freezes",)),
    "evidence": (RecordedResponse, ("evidence", "orders", "-V", 2)),
    "policy show": (PoliciesResponse, ("policy", "show")),
    "policy explain": (ExplanationResponse, ("policy", "explain", "orders")),
    "policy check": ([DoubtResponse], ("policy", "check")),
    "releases": ([ReleaseSummaryResponse], ("releases",)),
    "pending": ([PendingChangeResponse], ("pending",)),
}
CHANGES = {
    "pin": (ReleaseStateResponse, ("pin", "orders", "-V", 2)),
    "unpin": (ReleaseStateResponse, ("unpin", "orders")),
    "rollback": (ReleaseStateResponse, ("rollback", "orders", "--to-version", 2)),
    "hold": ([ReleaseStateResponse], ("hold", "orders")),
    "unhold": ([ReleaseStateResponse], ("unhold", "orders")),
    "candidate": (ReleaseStateResponse, ("candidate", "orders")),
    "reject": (ReleaseStateResponse, ("reject", "orders", "-V", 2)),
    "restore": (ReleaseStateResponse, ("restore", "orders", "-V", 2)),
    "repair": (ReleaseStateResponse, ("repair", "orders", "-V", 2)),
    "acknowledge": (ReleaseStateResponse, ("acknowledge", "orders")),
    "set-criteria": (CriteriaResponse, ("set-criteria", "orders", "--min-runs", 5)),
    "canary": (CanaryRunsResponse, ("canary", "orders", "-V", 2, "--replay", "live")),
    "freeze": (FreezeResponse, ("freeze", "--dag-id", "other")),
    "thaw": (FreezeResponse, ("thaw", 1)),
    "record-evidence": (
        VersionEvidenceResponse,
        ("record-evidence", "orders", "-V", 2, "--name", "load test", "--verdict", "successful"),
    ),
    "policy apply": (PoliciesResponse, ("policy", "apply")),
    "cancel": (ReleaseStateResponse, ("cancel", "orders")),
    "ramp": (ReleaseStateResponse, ("ramp", "orders", "-V", 2, "--step", "50%:3")),
    "pause-ramp": (ReleaseStateResponse, ("pause-ramp", "orders")),
    "resume-ramp": (ReleaseStateResponse, ("resume-ramp", "orders")),
    "abort-ramp": (ReleaseStateResponse, ("abort-ramp", "orders")),
    "promote-ramp": (ReleaseStateResponse, ("promote-ramp", "orders")),
    "release": (ReleaseResponse, ("release", "--commit", "sha2", "--dag-id", "orders")),
    "apply": (ReleaseResponse, ("apply",)),
    "rollback-release": (ReleaseResponse, ("rollback-release",)),
}
NOT_IN_THE_API = {
    "doctor": "its checks are of this host",
    "policy diff": "a difference is a part of another answer there",
    "export": "it writes the file that apply takes",
    "policy export": "it writes the file that apply takes",
}
OF_A_USER = {"editable", "hidden"}
"""Fields that say what the user may do, who is not known on the command line."""
ENDS = {"acknowledge": 4, "policy check": 6}
"""Commands that end otherwise than with 0 here."""


LATER = ("pin", "orders", "-V", 2, "--effective-from", "2100-01-01T00:00:00Z", "--override-reason", "urgent")
RAMP = ("ramp", "orders", "-V", 2, "--step", "50%:3", "--override-reason", "urgent")
HELD = {"apply", "pin", "unpin", "rollback", "release", "rollback-release", "ramp", "resume-ramp", "promote-ramp"}
"""Commands that a hold stands in the way of."""


def schema_of(answer):
    """Return the JSON schema of an answer, which must have each of its fields and no other."""
    [kind, is_list] = [answer[0], True] if isinstance(answer, list) else [answer, False]
    schema = kind.model_json_schema(mode="serialization")
    for part in (schema, *schema.get("$defs", {}).values()):
        if "properties" in part:
            part["additionalProperties"] = False
            for name in OF_A_USER:
                part["properties"].pop(name, None)
            if not part["title"].endswith("Document"):
                # A document is what somebody wrote, who leaves out what they do not need.
                part["required"] = list(part["properties"])
    if not is_list:
        return schema
    defs = schema.pop("$defs", {})
    return {"$defs": defs, "type": "array", "items": schema, "minItems": 1}


def check(written: Any, answer):
    jsonschema.validate(written, schema_of(answer))


@pytest.fixture
def policies(tmp_path):
    """Return a file with policies."""
    file = tmp_path / "policies.yaml"
    file.write_text(POLICIES)
    return file


@pytest.fixture
@remembered
def busy(lab, policies, request):
    """Let the Dag orders have something of everything to show."""
    request.getfixturevalue("original")
    pinning = request.getfixturevalue("pinning")
    for command in (
        CHANGES["canary"][1],
        CHANGES["record-evidence"][1],
        CHANGES["freeze"][1],
        ("release", "--commit", "sha1", "--dag-id", "orders"),
        CHANGES["hold"][1],
        ("policy", "apply", policies),
    ):
        done = pinning(*command, *WHY)
        assert done.code == 0, done.err


def test_every_command_is_compared():
    compared = READS.keys() | CHANGES.keys()

    assert compared | NOT_IN_THE_API.keys() == COMMANDS.keys()


@pytest.mark.parametrize("name", READS)
def test_what_a_command_shows_has_the_fields_of_the_rest_api(name, pinning, busy):
    answer, command = READS[name]
    if name == "pending":
        pinning(*LATER, *WHY)

    shown = pinning(*command, "-o", "json")

    assert shown.code == ENDS.get(name, shown.code), shown.err
    check(shown.json, answer)


@pytest.mark.parametrize("name", CHANGES)
@pytest.mark.usefixtures("busy")
def test_what_a_change_leads_to_has_the_fields_of_the_rest_api(name, pinning, policies, tmp_path):
    answer, command = CHANGES[name]
    override = ("--override-reason", "urgent") if name in HELD else ()
    if name == "policy apply":
        command = (*command, policies)
    if name == "apply":
        pins = tmp_path / "pins.yaml"
        pins.write_text("pins:\n- {dag_id: orders, version_number: 2}\n")
        command = (*command, pins)
    if name == "cancel":
        pinning(*LATER, *WHY)
    if name.endswith("-ramp"):
        pinning("pin", "orders", "-V", 1, "--override-reason", "urgent", *WHY)
        pinning(*RAMP, *WHY)
    if name == "resume-ramp":
        pinning("pause-ramp", "orders", *WHY)
    if name == "rollback-release":
        made = pinning(*CHANGES["release"][1], *override, *WHY, "-o", "json")
        command = (name, made.json["release_id"])

    done = pinning(*command, *override, *WHY, "-o", "json")

    assert done.code == 0, done.err
    check(done.json, answer)


def test_lines_of_the_exported_history_have_the_fields_of_the_rest_api(pinning, busy):
    lines = pinning("history", "orders", "-o", "jsonl").out.splitlines()

    check([json.loads(line) for line in lines], [EventResponse])
