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

"""A refusal is declared once, and every face knows it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from airflow.exceptions import AirflowProviderDeprecationWarning

from airflow_providers_pinning import exceptions
from airflow_providers_pinning.client import errors as client
from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.vocabulary import REFUSALS, ExitCode, TaskRefusal

ROOT = Path(__file__).parents[2]

OF_REQUESTS = {"invalid_source", "invalid_request"}
"""Refusals of requests that never reach the domain."""


def table_of_refusals():
    """Return the reasons in the table of refusals, each with the statuses and the exit codes of its row."""
    rows = re.findall(
        r"^\| (`[a-z_`, ]+`) \| ([0-9, ]+) \| ([0-9, ]+) \|", (ROOT / "docs" / "refusals.md").read_text(), re.MULTILINE
    )
    return {
        reason: ({int(status) for status in statuses.split(", ")}, {int(code) for code in codes.split(", ")})
        for named, statuses, codes in rows
        for reason in re.findall(r"`([a-z_]+)`", named)
    }


@pytest.mark.parametrize("reason", sorted(REFUSALS))
def test_every_reason_has_an_exception_and_a_row_in_the_documentation_with_status_and_exit_code(reason):
    refusal = REFUSALS[reason]
    raised = client.error_from_dict({"message": "", "status": None, "reason": reason, "data": {}})
    statuses, codes = table_of_refusals()[reason]

    assert list(client.OF_REASON.values()).count(type(raised)) == 1
    assert isinstance(raised, client.OF_STATUS[refusal.status])
    assert (statuses, codes) == ({refusal.status}, {refusal.exit_code})
    assert isinstance(refusal.exit_code, ExitCode)


def test_every_refusal_to_a_task_is_documented():
    documented = (ROOT / "docs" / "refusals.md").read_text().partition("## Refusals to tasks")[2]

    assert set(re.findall(r"^\| `([a-z_]+)`", documented, re.MULTILINE)) == {refusal.value for refusal in TaskRefusal}


def test_the_documentation_has_no_other_reasons():
    assert set(table_of_refusals()) == set(REFUSALS)


@pytest.mark.parametrize("reason", sorted(REFUSALS.keys() - OF_REQUESTS))
def test_every_refusal_has_an_exception_of_its_own(reason):
    assert client.OF_REASON[reason] not in {exceptions.PinningApiError, *client.OF_STATUS.values()}


def test_the_domain_raises_every_refusal_but_those_of_requests():
    raised = {
        kind.reason: kind.__name__
        for kind in errors.PinningError.__subclasses__()
        if kind.__module__ == errors.__name__
    }

    assert raised == {reason: refusal.exception for reason, refusal in REFUSALS.items() if reason not in OF_REQUESTS}


def test_a_refusal_without_a_row_cannot_be_declared():
    with pytest.raises(KeyError, match="UnheardOfError"):
        type("UnheardOfError", (errors.PinningError,), {})


@pytest.mark.parametrize("old", ["Conflict", "NotFound", "DagHeld", "RollbackFailed", "ApiUnreachable"])
def test_an_exception_can_be_had_by_its_former_name(old):
    with pytest.warns(AirflowProviderDeprecationWarning, match=f"{old} is now called {old}Error"):
        assert getattr(exceptions, old) is getattr(exceptions, f"{old}Error")


def test_a_name_that_no_exception_ever_had_is_none_now():
    with pytest.raises(AttributeError, match="has no attribute 'NoSuchError'"):
        exceptions.NoSuchError


def test_an_outdated_question_can_be_caught_by_its_former_name():
    from airflow_providers_pinning.operators import approval

    with pytest.warns(AirflowProviderDeprecationWarning, match="is now called .*QuestionOutdatedError"):
        assert approval.QuestionOutdated is exceptions.QuestionOutdatedError


@pytest.mark.parametrize("name", ["CommitBrokenError", "QuestionOutdatedError"])
def test_errors_that_are_no_answers_are_documented_with_those_that_are(name):
    assert f"`{name}`" in (ROOT / "docs" / "hooks.md").read_text()


def test_every_renamed_exception_is_there():
    assert {f"{old}Error" for old in exceptions._RENAMED} <= set(vars(exceptions))


@pytest.mark.parametrize("kind", client.OF_REASON.values(), ids=lambda kind: kind.__name__)
def test_every_exception_stands_in_the_table_of_the_hooks(kind):
    assert f"`{kind.__name__}`" in (ROOT / "docs" / "hooks.md").read_text()
