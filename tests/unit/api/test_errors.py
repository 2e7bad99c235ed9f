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
from __future__ import annotations

import pytest

from airflow_providers_pinning.api.errors import answer_refusal
from airflow_providers_pinning.domain import errors

EVERY_ERROR = [
    error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.PinningError) and error is not errors.PinningError
]


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.__name__)
def test_every_refusal_has_a_word_of_its_own_and_a_description(error):
    assert error.reason != errors.PinningError.reason
    assert [other.reason for other in EVERY_ERROR].count(error.reason) == 1
    assert error.__doc__


@pytest.mark.parametrize("error", EVERY_ERROR, ids=lambda error: error.__name__)
def test_every_refusal_is_answered_with_its_word_message_and_facts(error):
    answer = answer_refusal(None, error("It is refused.", dag_id="orders"))

    assert answer.status_code == error.refusal.status
    expected = f'{{"detail":{{"reason":"{error.reason}","message":"It is refused.","dag_id":"orders"}}}}'
    assert answer.body.decode() == expected


def test_another_error_is_not_swallowed():
    with pytest.raises(ZeroDivisionError):
        answer_refusal(None, ZeroDivisionError())
