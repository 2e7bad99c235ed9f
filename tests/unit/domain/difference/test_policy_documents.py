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

import time

from airflow_providers_pinning.domain.difference.policy_documents import difference_of


def document(*names):
    return {"policies": [{"name": name, "match": {"tags": ["a"]}} for name in names]}


def test_what_differs_is_told_line_by_line():
    lines = difference_of(document("a", "b"), document("a", "c"))

    assert lines[:2] == ["--- in force", "+++ file"]
    assert "-  name: b" in lines
    assert "+  name: c" in lines


def test_equal_documents_do_not_differ():
    assert difference_of(document("a"), document("a")) == []


def test_long_documents_that_differ_everywhere_are_compared_for_a_moment_only():
    def with_ids(prefix):
        named = [[f"{prefix}{entry}" for entry in range(25)] for _ in range(2000)]
        return {"policies": [{"name": f"p{n}", "match": {"dag_ids": ids}} for n, ids in enumerate(named)]}

    began = time.monotonic()
    lines = difference_of(with_ids("a"), with_ids("b"))

    assert lines == ["The documents differ, but are too long to compare line by line."]
    assert time.monotonic() - began < 8
