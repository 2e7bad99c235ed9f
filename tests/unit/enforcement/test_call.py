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
"""How a patch sees the call of the function that it patches."""

from __future__ import annotations

import inspect
from types import SimpleNamespace

import pytest
import wrapt
from airflow.models.dag import DagModel
from airflow.utils.session import NEW_SESSION, provide_session
from sqlalchemy import select

from airflow_providers_pinning.enforcement.call import Binding, calling, passing_on


def patched(patch):
    """Return an object with functions like Airflow's, patched."""

    class Stock:
        def method(self, dag_id, limit=5, *, session=None):
            return self, dag_id, limit, session

        @classmethod
        def class_method(cls, dag_id, limit=5, *, session=None):
            return cls, dag_id, limit, session

        @staticmethod
        def static_method(dag_id, limit=5, *, session=None):
            return None, dag_id, limit, session

    for name in ("method", "class_method", "static_method"):
        parameters = inspect.signature(vars(Stock)[name] if name == "method" else getattr(Stock, name)).parameters
        names = tuple(parameter for parameter in parameters if parameter not in ("self", "cls"))
        wrapt.wrap_function_wrapper(Stock, name, calling(patch, Binding(names, {"limit": 5})))
    return Stock()


NAMES = pytest.mark.parametrize("name", ["method", "class_method", "static_method"])


@NAMES
@pytest.mark.parametrize(
    ("args", "kwargs", "limit"),
    [(("orders",), {}, 5), (("orders", 7), {}, 7), (("orders",), {"limit": 7}, 7), ((), {"dag_id": "orders"}, 5)],
)
def test_an_argument_is_read_by_name_however_it_was_given(name, args, kwargs, limit):
    stock = patched(lambda call: (call.dag_id, call.limit))

    assert getattr(stock, name)(*args, **kwargs) == ("orders", limit)


@NAMES
def test_what_is_not_changed_is_passed_on_as_it_was_given(name):
    assert getattr(patched(lambda call: call.proceed()), name)("orders", session=1)[1:] == ("orders", 5, 1)


@NAMES
@pytest.mark.parametrize(("args", "kwargs"), [(("orders", 7), {}), ((), {"dag_id": "orders", "limit": 7})])
def test_an_argument_is_changed_however_it_was_given(name, args, kwargs):
    stock = patched(lambda call: call.proceed(dag_id="bills", limit=8))

    assert getattr(stock, name)(*args, **kwargs)[1:] == ("bills", 8, None)


@NAMES
def test_an_argument_that_was_not_given_can_be_added(name):
    assert getattr(patched(lambda call: call.proceed(limit=8)), name)("orders")[1:] == ("orders", 8, None)


def test_the_caller_s_arguments_are_left_as_they_are():
    given = {"limit": 7}

    patched(lambda call: call.proceed(limit=8)).method("orders", **given)

    assert given == {"limit": 7}


def test_the_function_can_be_called_on_another_object():
    other = SimpleNamespace()
    stock = patched(lambda call: call.proceed_on(other, limit=8))

    assert stock.method("orders") == (other, "orders", 8, None)


def test_what_the_function_is_bound_to_is_known():
    stock = patched(lambda call: call.instance)

    assert stock.method("orders") is stock
    assert stock.class_method("orders") is type(stock)
    assert stock.static_method("orders") is None


@pytest.mark.parametrize(("args", "given"), [(("orders",), False), (("orders", 7), True)])
def test_whether_an_argument_was_given_is_known(args, given):
    assert patched(lambda call: call.has("limit")).method(*args) is given


def test_an_unknown_argument_is_refused():
    with pytest.raises(AttributeError, match="no parameter 'dags'"):
        patched(lambda call: call.dags).method("orders")


def test_an_argument_that_is_missing_is_refused():
    with pytest.raises(TypeError, match="without its argument 'dag_id'"):
        patched(lambda call: call.dag_id).method()


@provide_session
def pause(dag_id, *, session=NEW_SESSION):
    session.scalar(select(DagModel).where(DagModel.dag_id == dag_id)).is_paused = True
    return session


def patched_pause(patch):
    return wrapt.FunctionWrapper(pause, calling(patch, Binding(("dag_id", "session"), {"session": NEW_SESSION})))


class TestSession:
    @pytest.fixture(autouse=True)
    def dag(self, session):
        from airflow.models.dagbundle import DagBundleModel

        session.merge(DagBundleModel(name="bundle"))
        session.flush()
        session.add(DagModel(dag_id="orders", bundle_name="bundle", is_paused=False))
        session.commit()

    def is_paused(self, session):
        session.expire_all()
        return session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == "orders"))

    @pytest.mark.parametrize(
        "as_argument", [lambda session: ((session,), {}), lambda session: ((), {"session": session})]
    )
    def test_of_the_caller_is_taken(self, as_argument):
        given = object()
        args, kwargs = as_argument(given)
        function = wrapt.FunctionWrapper(
            lambda dag_id, session: session, calling(lambda call: call.session, Binding(("dag_id", "session"), {}))
        )

        assert function("orders", *args, **kwargs) is given

    def test_is_opened_if_there_is_none_and_ends_with_the_call(self, session):
        used = []

        def patch(call):
            used.extend([call.session, call.session, call.proceed()])

        patched_pause(patch)("orders")

        assert used[0] is used[1] is used[2]
        assert self.is_paused(session)

    def test_that_was_opened_is_rolled_back_if_the_call_fails(self, session):
        def patch(call):
            _ = call.session
            call.proceed()
            raise ValueError("no")

        with pytest.raises(ValueError, match="no"):
            patched_pause(patch)("orders")

        assert not self.is_paused(session)

    def test_of_the_caller_is_not_ended(self, session):
        def patch(call):
            call.session.info["seen"] = call.proceed() is session

        patched_pause(patch)("orders", session=session)
        session.rollback()

        assert session.info.pop("seen")
        assert not self.is_paused(session)

    def test_is_not_opened_if_the_patch_does_not_ask(self, session, monkeypatch):
        import airflow.utils.session

        monkeypatch.setattr(airflow.utils.session, "create_session", lambda: pytest.fail("opened"))
        function = wrapt.FunctionWrapper(
            lambda dag_id, session=None: dag_id,
            calling(lambda call: call.proceed(), Binding(("dag_id", "session"), {})),
        )

        assert function("orders") == "orders"

    def test_cannot_be_opened_when_the_function_had_one_of_its_own(self):
        def patch(call):
            call.proceed()
            return call.session

        with pytest.raises(RuntimeError, match="before it proceeds"):
            patched_pause(patch)("orders")


class TestPassingOn:
    """A patch that an argument tells not to concern the call."""

    @pytest.fixture
    def stock(self):
        self.seen = []

        @passing_on("dag_id", lambda dag_id: dag_id == "unmanaged")
        def patch(call):
            self.seen.append(call.dag_id)
            return call.proceed()

        return patched(patch)

    @NAMES
    @pytest.mark.parametrize("by_name", [True, False])
    def test_is_left_out(self, name, by_name, stock):
        function = getattr(stock, name)

        answer = function(dag_id="unmanaged", limit=7) if by_name else function("unmanaged", 7)

        assert (answer[1:], self.seen) == (("unmanaged", 7, None), [])

    @NAMES
    @pytest.mark.parametrize("by_name", [True, False])
    def test_sees_every_other_call(self, name, by_name, stock):
        function = getattr(stock, name)

        answer = function(dag_id="orders", limit=7) if by_name else function("orders", 7)

        assert (answer[1:], self.seen) == (("orders", 7, None), ["orders"])

    @NAMES
    def test_leaves_a_call_without_the_argument_to_airflow_s_function(self, name, stock):
        with pytest.raises(TypeError, match="missing 1 required positional argument: 'dag_id'"):
            getattr(stock, name)()
