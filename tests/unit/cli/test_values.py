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

import argparse

import pytest

from airflow_providers_pinning.cli import values


@pytest.mark.parametrize(
    ("parse", "given", "expected"),
    [
        (values.reason, "  tested \n", "tested"),
        (values.reason, "x" * 2000, "x" * 2000),
        (values.whole_number(1), "7", 7),
        (values.whole_number(0), "0", 0),
        (values.whole_number(1), str(2**31 - 1), 2**31 - 1),
        (values.seconds, "1.5", 1.5),
        (values.json_object, '{"a": [1]}', {"a": [1]}),
    ],
)
def test_what_fits_is_taken(parse, given, expected):
    assert parse(given) == expected


@pytest.mark.parametrize(
    ("parse", "given", "why"),
    [
        (values.reason, "", "must have 1 to 2000 characters, not 0"),
        (values.reason, " \n ", "must have 1 to 2000 characters, not 0"),
        (values.reason, "x" * 2001, "not 2001"),
        (values.reason, "\udcff", "cannot be decoded with the terminal's encoding"),
        (values.name, "x" * 251, "must have 1 to 250 characters"),
        (values.whole_number(1), "0", "0 is not between 1 and 2147483647"),
        (values.whole_number(1), "-1", "-1 is not between"),
        (values.whole_number(1), str(2**31), "is not between"),
        (values.whole_number(1), "1.0", "'1.0' is not a whole number"),
        (values.whole_number(1), "one", "'one' is not a whole number"),
        (values.seconds, "-1", "is not between"),
        (values.seconds, "nan", "nan is not between"),
        (values.seconds, "inf", "inf is not between"),
        (values.seconds, "soon", "'soon' is not a number"),
        (values.identifier, "7", "'7' is not a UUID"),
        (values.json_object, "[1]", "not an object"),
        (values.json_object, "{", "is not JSON"),
        (values.json_object, '{"a":' * 100_000, "is not JSON"),
        (values.json_object, '{"a": NaN}', "contains nan"),
        (values.json_object, '{"a": [1e999]}', "contains inf"),
        (values.json_object, '{"a": "\\u0000"}', "contains the character U.0000"),
        (values.json_object, '{"\\ud800": 1}', "contains the character U.D800"),
        (values.reason, "a\0b", "contains the character U.0000"),
        (values.name, "a\0b", "contains the character U.0000"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_value(parse, given, why):
    with pytest.raises(argparse.ArgumentTypeError, match=why.replace("[", r"\[")):
        parse(given)
