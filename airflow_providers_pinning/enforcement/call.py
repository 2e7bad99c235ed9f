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
"""
A call of a patched Airflow function, as its patch sees it.

Airflow's functions are called with arguments by position and by name, with and without a session. A patch reads them
by name, and calls Airflow's function with its changes.

Shown by ``tests/unit/enforcement/test_call.py``.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, TypeAlias

Patch: TypeAlias = "Callable[[Call], Any]"

_passing_on: dict[Patch, tuple[str, Callable[[Any], bool]]] = {}
"""Patches that skip some calls, with the argument that decides and how."""


class Binding:
    """
    Positions and defaults of a function's arguments.

    It is computed when the function is patched, since ``inspect.Signature.bind`` costs more than most patches.

    :param parameters: names in order, without ``self`` or ``cls``
    :param defaults: values of optional parameters
    """

    __slots__ = ("defaults", "positions")

    def __init__(self, parameters: tuple[str, ...], defaults: dict[str, Any]) -> None:
        self.positions = {name: position for position, name in enumerate(parameters)}
        self.defaults = defaults


class Call:
    """
    One call. Each argument is an attribute with the name of its parameter, such as ``call.dag_id``.

    :param binding: where the function's arguments are
    :param wrapped: Airflow's function, or the patch inside this one
    :param instance: what the function is bound to: an object, a class, or ``None``
    :param args: positional arguments
    :param kwargs: keyword arguments
    """

    __slots__ = ("_args", "_binding", "_kwargs", "_opened", "_proceeded", "_wrapped", "instance")

    def __init__(self, binding: Binding, wrapped: Any, instance: Any, args: Any, kwargs: Any) -> None:
        self._binding = binding
        self._wrapped = wrapped
        self._args = args
        self._kwargs = kwargs
        self._opened: Any = None
        self._proceeded = False
        self.instance = instance

    def __getattr__(self, name: str) -> Any:
        kwargs = self._kwargs
        if name in kwargs:
            return kwargs[name]
        binding = self._binding
        position = binding.positions.get(name)
        if position is None:
            raise AttributeError(f"The patched function has no parameter {name!r}")
        if position < len(self._args):
            return self._args[position]
        if name in binding.defaults:
            return binding.defaults[name]
        raise TypeError(f"The patched function was called without its argument {name!r}")

    def has(self, name: str) -> bool:
        """Return whether the caller passed an argument."""
        return name in self._kwargs or self._binding.positions[name] < len(self._args)

    def arguments(self, *, without: str) -> dict[str, Any]:
        """
        Return the caller's arguments by name, to pass them to another Airflow function.

        This includes arguments that a later Airflow release adds to both functions.

        :param without: an argument to omit
        """
        positions = self._binding.positions.items()
        given = {name: self._args[at] for name, at in positions if at < len(self._args)} | self._kwargs
        given.pop(without, None)
        return given

    @property
    def session(self) -> Any:
        """
        The caller's session, or a new one that ends with the call.

        Airflow's function uses it too, so access it before calling that function.

        :raises RuntimeError: if Airflow's function already ran in its own session
        """
        if "session" in self._kwargs:
            return self._kwargs["session"]
        position = self._binding.positions["session"]
        if position < len(self._args):
            return self._args[position]
        if self._proceeded:
            raise RuntimeError("A patch must take its session before it proceeds to Airflow's function")
        from airflow.utils.session import create_session

        self._opened = create_session()
        session = self._opened.__enter__()
        self._kwargs = {**self._kwargs, "session": session}
        return session

    def proceed(self, **changed: Any) -> Any:
        """
        Call Airflow's function.

        :param changed: arguments to pass instead of the caller's, by name
        :return: what it returns
        """
        self._proceeded = True
        if not changed:
            return self._wrapped(*self._args, **self._kwargs)
        args, kwargs = self._with(changed)
        return self._wrapped(*args, **kwargs)

    def proceed_on(self, instance: Any, **changed: Any) -> Any:
        """
        Call Airflow's function on another object.

        :param instance: the object
        :param changed: arguments to pass instead of the caller's, by name
        :return: what it returns
        """
        self._proceeded = True
        args, kwargs = self._with(changed)
        return self._wrapped.__func__(instance, *args, **kwargs)

    def _with(self, changed: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
        args, kwargs = list(self._args), {**self._kwargs}
        positions = self._binding.positions
        for name, value in changed.items():
            if name not in kwargs and positions.get(name, len(args)) < len(args):
                args[positions[name]] = value
            else:
                kwargs[name] = value
        return args, kwargs

    def end(self) -> None:
        """Commit and close the session opened for the call, if any."""
        if self._opened is not None:
            self._opened.__exit__(None, None, None)

    def fail(self) -> None:
        """Roll back and close the session opened for the call, if any."""
        if self._opened is not None:
            self._opened.__exit__(*sys.exc_info())


def passing_on(argument: str, is_unconcerned: Callable[[Any], bool]) -> Callable[[Patch], Patch]:
    """
    Skip a patch if an argument shows that it does not apply to the call.

    Airflow calls some functions for each task in the scheduler's critical section, where even a :class:`Call` without
    changes is measurable.

    :param argument: name of a parameter of Airflow's function without a default
    :param is_unconcerned: returns whether to pass the call to Airflow's function unchanged
    """

    def decorate(patch: Patch) -> Patch:
        _passing_on[patch] = argument, is_unconcerned
        return patch

    return decorate


def calling(patch: Patch, binding: Binding) -> Callable[..., Any]:
    """
    Return a wrapper, in wrapt's sense, that passes the call to a patch.

    :param patch: function of the enforcement
    :param binding: where the arguments of Airflow's function are
    """
    wrapper = _calling(patch, binding)
    if patch not in _passing_on:
        return wrapper
    argument, is_unconcerned = _passing_on[patch]
    position = binding.positions[argument]

    def passing(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        # Leave a call without the argument to Airflow's function, which refuses it.
        if argument in kwargs:
            unconcerned = is_unconcerned(kwargs[argument])
        else:
            unconcerned = position >= len(args) or is_unconcerned(args[position])
        return wrapped(*args, **kwargs) if unconcerned else wrapper(wrapped, instance, args, kwargs)

    return passing


def _calling(patch: Patch, binding: Binding) -> Callable[..., Any]:
    def wrapper(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        call = Call(binding, wrapped, instance, args, kwargs)
        try:
            answer = patch(call)
        except BaseException:
            call.fail()
            raise
        if call._opened is not None:
            call.end()
        return answer

    return wrapper
