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
"""A document of pins comes from anybody who can open a pull request."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from airflow_providers_pinning.domain.errors import InvalidPinsError
from airflow_providers_pinning.schemas.pins_document import read, validated


def pin(line):
    return f"pins:\n- dag_id: orders\n  version_number: 1\n  {line}\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("pins: &x [a, a]\nowns: *x", "Line 1, column 7: anchors and aliases are not taken"),
        ("pins: !!python/object/apply:os.system [true]", "Line 1, column 7: the tag"),
        ("pins: []\npins: []", "Line 2, column 1: the key 'pins' is given twice"),
        (pin("dag_id: other"), "Line 4, column 3: the key 'dag_id' is given twice"),
        ("#" * 10_000_000, "10,000,000 bytes, of which 4,194,304 are taken"),
        ("pins: []\n---\npins: []", "a second document begins here"),
        ("pins: " + "[" * 50 + "]" * 50, "nested more than 20 levels deep"),
        ("", "must be a mapping with the key pins, not None"),
        ("- orders", "must be a mapping with the key pins"),
        ("pins: {orders: 1}", "pins: must be a list"),
        ("pin: []", "pin: there is no such key"),
        ("pins: []", "it lists no pin, and owns no Dag"),
        ("pins: [{version_number: 1}]", "pins[0].dag_id: Field required"),
        ("pins: [{dag_id: orders}]", "pins[0] (Dag 'orders'): give version_number or bundle_version"),
        (pin("hash: abc"), "pins[0].hash (Dag 'orders'): there is no such key"),
        (pin("bundle_version: 1234567"), "pins[0].bundle_version (Dag 'orders'): must be a text, not 1234567"),
        (pin("bundle_version: 0123456"), "Line 4, column 19: YAML takes 0123456 for another number"),
        (pin("dag_hash: ''"), "pins[0].dag_hash (Dag 'orders')"),
        ("pins: [{dag_id: orders, version_number: '1'}]", "pins[0].version_number (Dag 'orders')"),
        ("pins: [{dag_id: orders, version_number: true}]", "pins[0].version_number (Dag 'orders')"),
        ("pins: [{dag_id: orders, version_number: 0}]", "greater than or equal to 1, not 0"),
        ("pins: [{dag_id: 12, version_number: 1}]", "pins[0].dag_id: must be a text, not 12 (int)"),
        (
            "pins: [{dag_id: a, version_number: 1}, {dag_id: b, version_number: 1}, {dag_id: a, version_number: 2}]",
            "pins[2] lists Dag 'a' again, after pins[0]",
        ),
        ("pins: []\nowns: {}", "owns: give at least one list"),
        ("pins: []\nowns: {tag: [a]}", "owns.tag: there is no such key"),
        ("pins: []\nowns: all", "owns"),
    ],
)
def test_what_is_wrong_is_refused_with_its_place(text, said):
    with pytest.raises(InvalidPinsError) as refused:
        read(text)

    assert said in refused.value.message


def test_all_that_is_wrong_is_said():
    with pytest.raises(InvalidPinsError) as refused:
        read("pins: [{dag_id: a}, {dag_id: b, version: 1}]")

    assert len(refused.value.data["problems"]) == 2


names = st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable() and text == text.strip())


@given(
    st.lists(
        st.fixed_dictionaries({"dag_id": names, "bundle_version": names}),
        min_size=1,
        unique_by=lambda one: one["dag_id"],
    )
)
def test_whatever_is_exported_reads_the_same(pins):
    """A commit such as 12345678, or 1e10, is a text; so is a Dag that is called no."""
    document = validated({"pins": pins})

    assert read(yaml.safe_dump(document, sort_keys=False, allow_unicode=True)) == document
