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

from airflow_providers_pinning.domain.json_limits import why_not_storable


@pytest.mark.parametrize("value", ["", "Größe 🙂", {"a": [1, 1.5, None, True, {"b": "c"}]}, [], 2**70])
def test_what_can_be_stored_is_not_objected_to(value):
    assert why_not_storable(value) is None


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("a\0b", "the character U+0000"),
        ("\ud800", "the character U+D800"),
        ({"a": [{"b\0": 1}]}, "the character U+0000"),
        ({"a": [{"b": "\udfff"}]}, "the character U+DFFF"),
        ([float("nan")], "contains nan"),
        ({"a": float("-inf")}, "contains -inf"),
    ],
)
def test_what_cannot_be_stored_is_named(value, why):
    assert why in why_not_storable(value)
