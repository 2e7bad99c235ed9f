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
"""What a page about the policies in force shows."""

from __future__ import annotations

import pytest
import yaml

from airflow_providers_pinning.domain.policies.overview import EXAMPLES
from tests.support.api import PINNING
from tests.support.asynchronous import statements_sent
from tests.support.sources import dag_file

REASON = {"reason": "because"}
ALWAYS = {"cron": "* * * * *", "duration": 90}


@pytest.fixture
def declare(api):
    def put(*policies):
        answer = api("admin").put(f"{PINNING}/policies", json={"document": {"policies": policies}, **REASON})
        assert answer.status_code == 200, answer.text

    return put


@pytest.fixture
def dags(lab):
    names = [f"pay_{number}" for number in range(EXAMPLES + 2)]
    lab.commit("sha1", **{name: dag_file(name) for name in [*names, "other"]})
    return names


def shown(api, role="op"):
    answer = api(role).get(f"{PINNING}/policies/overview")
    assert answer.status_code == 200, answer.text
    return answer.json()


def policy(name, *dag_ids, **rules):
    return {"name": name, "match": {"dag_ids": list(dag_ids)}, **(rules or {"requires": {"approvals": 1}})}


def test_without_policies_nothing_is_bound(api, dags):
    assert shown(api) == {"revision": 0, "dags": len(dags) + 1, "bound": 0, "policies": []}


def test_each_policy_tells_how_many_dags_it_selects_and_names_the_first(api, dags, declare):
    declare(policy("payments", "pay_*"), policy("two", "pay_0", "pay_1"), policy("none", "gone"))

    overview = shown(api)

    assert (overview["revision"], overview["dags"], overview["bound"]) == (1, len(dags) + 1, len(dags))
    assert [(one["name"], one["dags"], one["examples"]) for one in overview["policies"]] == [
        ("payments", len(dags), dags[:EXAMPLES]),
        ("two", 2, dags[:2]),
        ("none", 0, []),
    ]


def test_only_dags_that_the_user_may_read_are_counted_and_named(api, dags, declare, monkeypatch):
    declare(policy("payments", "pay_*"))
    monkeypatch.setattr(
        "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager.get_authorized_dag_ids",
        lambda self, *, user, method="GET", session=None: {"pay_1", "other"},
    )

    overview = shown(api)

    assert (overview["dags"], overview["bound"]) == (2, 1)
    assert [(one["dags"], one["examples"]) for one in overview["policies"]] == [(1, ["pay_1"])]


def test_windows_tell_whether_they_are_open_and_when_that_changes(api, dags, declare):
    year = {"cron": "0 0 1 1 *", "duration": "366d"}
    declare(
        policy("open", "*", windows={"allow": [year]}),
        policy("always_shut", "*", windows={"deny": [ALWAYS]}),
        policy("never_shut", "*", windows={"allow": [ALWAYS]}),
        policy("none", "*"),
    )

    windows = {one["name"]: one["window"] for one in shown(api)["policies"]}

    assert windows["open"]["is_open"] is True
    assert windows["always_shut"] == {
        "is_open": False,
        "reason": windows["always_shut"]["reason"],
        "changes_at": None,
    }
    assert windows["always_shut"]["reason"].startswith("closed: denied by * * * * *")
    assert (windows["never_shut"]["is_open"], windows["never_shut"]["changes_at"]) == (True, None)
    assert windows["none"] is None


def test_texts_are_the_document(api, dags, declare):
    declare(policy("täglich", "pay_*", windows={"deny": [{"cron": "0 0 24 12 *", "duration": "2d"}]}), policy("b", "*"))
    texts = [one["text"] for one in shown(api)["policies"]]

    assert texts[0].startswith("- ")
    assert "täglich" in texts[0]
    document = api("op").get(f"{PINNING}/policies").json()["document"]
    assert yaml.safe_load("policies:\n" + "".join(texts)) == document


def test_who_may_read_no_versions_is_told_what_is_missing(api, dags, declare, monkeypatch):
    monkeypatch.setattr(
        "airflow.api_fastapi.auth.managers.simple.simple_auth_manager.SimpleAuthManager.is_authorized_dag",
        lambda self, **asked: False,
    )
    for path in ("policies", "policies/overview", "freezes?over=true"):
        answer = api("viewer").get(f"{PINNING}/{path}")
        assert answer.status_code == 403
        assert "read its versions" in answer.json()["detail"]["message"]


def test_the_number_of_statements_grows_neither_with_dags_nor_with_policies(api, lab, declare):
    counts = []
    for size in (2, 12):
        names = [f"many_{number}" for number in range(size)]
        lab.commit(f"sha{size}", **{name: dag_file(name) for name in names})
        declare(*({**policy(name, name), "match": {"tags": ["x"], "owners": [name]}} for name in names))
        shown(api)
        with statements_sent() as statements:
            shown(api)
        counts.append(len(statements))

    assert counts[1] == counts[0]
