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

from airflow_providers_pinning.domain.history.events import Caller, Change
from airflow_providers_pinning.domain.policies import store
from airflow_providers_pinning.schemas.policies import validated
from airflow_providers_pinning.vocabulary import CallerKind
from tests.support.remembered import remembered
from tests.support.sources import dag_file


@pytest.fixture
@remembered
def orders(lab):
    """Register three versions of the Dag orders, of which the first is pinned and the others are candidates."""
    lab.commit("sha1", orders=dag_file("orders", arguments="tags=['tier-1']"))
    lab.pin("orders", 1)
    lab.commit("sha2", orders=dag_file("orders", tasks="extract load", arguments="tags=['tier-1']"))
    lab.candidate("orders", 2)
    lab.commit("sha3", orders=dag_file("orders", tasks="extract load report", arguments="tags=['tier-1']"))
    lab.candidate("orders", 3)
    return lab


@pytest.fixture
def apply(session):
    """Return a function that declares policies; each is given without name and match if those do not matter."""

    def declare(*policies, **conditions):
        named = [{"name": f"p{number}", "match": {"tags": ["tier-1"]}, **one} for number, one in enumerate(policies)]
        change = Change(Caller("ruler"), "because", **conditions)
        applied = store.apply(validated({"policies": named}), change, session=session)
        session.commit()
        return applied

    return declare


@pytest.fixture
def asking():
    """Return what a user asks for, who may override policies or not."""

    def ask(name="dev", *, overrides=False, **conditions):
        caller = Caller(name, CallerKind.USER, may_override_policies=lambda: overrides)
        return Change(caller, "because", **conditions)

    return ask
