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

from tests.support.events import list_events
from tests.support.sources import dag_file


def test_the_events_of_a_dag_are_listed_newest_first(lab):
    lab.commit("sha1", orders=dag_file("orders"), invoices=dag_file("invoices"))
    lab.pin("orders", 1)
    lab.pin("invoices", 1)
    lab.unpin("orders")

    events, total = list_events("orders", limit=10, offset=0, session=lab.session)

    assert [(event.dag_id, event.kind) for event in events] == [("orders", "unpinned"), ("orders", "pinned")]
    assert total == 2


def test_events_can_be_paged_through(lab):
    lab.commit("sha1", orders=dag_file("orders"))
    lab.pin("orders", 1)
    lab.unpin("orders")
    lab.pin("orders", 1)

    events, total = list_events("orders", limit=1, offset=1, session=lab.session)

    assert ([event.kind for event in events], total) == (["unpinned"], 3)
