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

import gc
from threading import Thread

import pytest

from airflow_providers_pinning.domain.batches import much_work, page_is_done


@pytest.fixture(autouse=True)
def nothing_frozen():
    frozen = gc.get_freeze_count()
    gc.unfreeze()
    yield
    if frozen:
        gc.freeze()


class Node:
    pass


def make_cycle():
    node = Node()
    node.itself = node


def nodes():
    return sum(isinstance(one, Node) for one in gc.get_objects())


class TestGarbage:
    def test_of_a_page_is_collected_at_its_end(self):
        with much_work():
            make_cycle()
            assert nodes() == 1
            page_is_done()
            assert nodes() == 0

    def test_is_collected_as_ever_afterwards(self):
        with much_work():
            assert not gc.isenabled()
            assert gc.get_freeze_count()

        assert gc.isenabled()
        assert not gc.get_freeze_count()

    def test_is_collected_as_ever_after_a_failure(self):
        with pytest.raises(ZeroDivisionError), much_work():
            1 / 0

        assert gc.isenabled()

    def test_waits_for_the_last_of_several(self):
        with much_work():
            other = Thread(target=much_work()(page_is_done))
            other.start()
            other.join()
            assert not gc.isenabled()

        assert gc.isenabled()

    def test_stays_as_it_was_where_nobody_collects_it(self):
        gc.disable()
        try:
            with much_work():
                pass
            assert not gc.isenabled()
        finally:
            gc.enable()

    def test_is_left_to_python_outside(self):
        page_is_done()

        assert not gc.get_freeze_count()
