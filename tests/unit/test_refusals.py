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

import re
from pathlib import Path

import pytest

from airflow_providers_pinning import exceptions
from airflow_providers_pinning.api.errors import STATUS_OF
from airflow_providers_pinning.domain import errors

ROOT = Path(__file__).parents[2]

NOT_ANSWERED = {errors.PinUnavailableError.reason}
"""Raised where Airflow creates a run, which does not answer in the words of this package."""


def reasons(kind=errors.PinningError):
    """Return the refusals by reason."""
    found = {}
    for refusal in kind.__subclasses__():
        found |= {refusal.reason: refusal, **reasons(refusal)}
    return {reason: refusal for reason, refusal in found.items() if reason not in NOT_ANSWERED}


def table_of_refusals():
    """Return the reasons in the table of refusals, each with the statuses of its row."""
    rows = re.findall(r"^\| (`[a-z_`, ]+`) \| ([0-9, ]+) \|", (ROOT / "docs" / "refusals.md").read_text(), re.MULTILINE)
    return {
        reason: {int(status) for status in statuses.split(", ")}
        for named, statuses in rows
        for reason in re.findall(r"`([a-z_]+)`", named)
    }


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_refusal_has_an_exception_of_its_own(reason):
    raised = exceptions.error_from_dict({"message": "", "status": None, "reason": reason, "data": {}})

    assert type(raised) not in {exceptions.PinningApiError, *exceptions.OF_STATUS.values()}
    assert list(exceptions.OF_REASON.values()).count(type(raised)) == 1


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_the_exception_of_a_refusal_is_that_of_its_status_too(reason):
    status = STATUS_OF.get(reasons()[reason], 409)

    assert issubclass(exceptions.OF_REASON[reason], exceptions.OF_STATUS[status])


@pytest.mark.parametrize("reason", sorted(reasons()))
def test_every_refusal_stands_in_the_table_of_refusals_with_its_status(reason):
    assert STATUS_OF.get(reasons()[reason], 409) in table_of_refusals()[reason]


@pytest.mark.parametrize("kind", exceptions.OF_REASON.values(), ids=lambda kind: kind.__name__)
def test_every_exception_stands_in_the_table_of_the_hooks(kind):
    assert f"`{kind.__name__}`" in (ROOT / "docs" / "hooks.md").read_text()
