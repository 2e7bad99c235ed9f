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

import pytest

from airflow_providers_pinning.domain.difference.values import plain


@pytest.mark.parametrize("number", [1e30, -1e30, float("inf"), float("nan")])
@pytest.mark.parametrize("kind", ["datetime", "timedelta"])
def test_what_only_looks_like_a_time_is_left_as_it_is(kind, number):
    """A Dag's own values may have the form of Airflow's."""
    assert repr(plain({"a": {"__type": kind, "__var": number}})) in (
        repr({"a": number}),
        repr({"a": int(number) if abs(number) == 1e30 else number}),
    )
