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
"""Compare the tasks and task groups of two versions, field by field."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from airflow.serialization.json_schema import load_dag_schema_dict

from airflow_providers_pinning.domain.difference.stored import StoredVersion
from airflow_providers_pinning.domain.difference.values import FieldChange, field_changes, readable

_INTERNAL = frozenset(
    {
        *("__type", "task_id", "_task_module", "task_type", "_operator_name", "label"),
        *("_expand_input_attr", "partial_kwargs", "_disallow_kwargs_override", "_needs_expansion"),
    }
)
"""Fields that are shown in another form, or derived from others."""
_FLAGS = {"has_retry_policy": False}
"""Defaults that are missing from Airflow's schema."""
_ORDERLESS = ("downstream_task_ids", "template_fields", "template_ext")
_CODE_ONLY = frozenset({"executor_config", "start_trigger_args", "inlets", "outlets"})
"""Fields of every task whose values can contain anything. Asset names are shown elsewhere."""
_OWN_NAMES = frozenset({"operator", "upstream_task_ids", "task_group", "is_mapped"})


Tasks = dict[str, dict[str, Any]]
"""Plain fields of tasks, by task ID."""


@dataclass(frozen=True)
class TaskChange:
    """A task of both versions, with its changed fields."""

    task_id: str
    fields: tuple[FieldChange, ...]


@dataclass(frozen=True)
class TaskChanges:
    """Added, removed and changed tasks, by ID."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[TaskChange, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


def compare_tasks(before: Tasks, after: Tasks, *, with_code: bool) -> TaskChanges:
    """
    Compare the tasks of two versions.

    :param before: the tasks of one version
    :param after: those of the other one
    :param with_code: whether to show values that otherwise only the source code shows
    """
    changed = (
        TaskChange(task_id, fields)
        for task_id in sorted(before.keys() & after.keys())
        if (fields := _compare_task(before[task_id], after[task_id], with_code=with_code))
    )
    return TaskChanges(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(changed),
    )


def _compare_task(old: dict[str, Any], new: dict[str, Any], *, with_code: bool) -> tuple[FieldChange, ...]:
    hidden = () if with_code else {name for name in {*old, *new} if not _is_public(name)}
    return field_changes(old, new, hidden=hidden)


def _is_public(name: str) -> bool:
    """Return whether every operator has the field. Arguments of a single operator can contain anything."""
    known = _known_fields()
    return name not in _CODE_ONLY and (name in _OWN_NAMES or name in known or f"_{name}" in known)


@cache
def _known_fields() -> frozenset[str]:
    return frozenset(load_dag_schema_dict()["definitions"]["operator"]["properties"])


def tasks_of(version: StoredVersion) -> Tasks:
    """Return the fields of each task, by ID. Mapped tasks also have ``is_mapped``."""
    groups = {task_id: group for group, _, tasks in _walk(version.dag.get("task_group")) for task_id in tasks}
    tasks = {
        task["task_id"]: _fields(task, version.task_defaults, groups)
        for task in version.dag.get("tasks") or []
        if isinstance(task, dict) and "task_id" in task
    }
    upstream = defaultdict(list)
    for task_id, fields in tasks.items():
        for downstream in fields.get("downstream_task_ids") or []:
            upstream[downstream].append(task_id)
    for task_id, fields in tasks.items():
        fields["upstream_task_ids"] = sorted(upstream[task_id])
    return tasks


def _fields(task: dict[str, Any], defaults: dict[str, Any], groups: dict[str, str]) -> dict[str, Any]:
    stored = {**_FLAGS, **defaults, **task, **(task.get("partial_kwargs") or {})}
    if expand := task.get("_expand_input_attr"):
        stored["expand_input"] = stored.pop(expand, None)
    fields = {name.removeprefix("_"): readable(name, stored[name]) for name in stored if name not in _INTERNAL}
    for name in _ORDERLESS:
        if isinstance(fields.get(name), list):
            fields[name] = sorted(fields[name])
    # Each task repeats the params of the Dag.
    fields["params"] = params_of(fields.get("params"), of_task=True)
    fields["operator"] = f"{stored.get('_task_module')}.{stored.get('task_type')}"
    fields["task_group"] = groups.get(task["task_id"]) or None
    return fields


def params_of(stored: Any, *, of_task: bool = False) -> dict[str, Any]:
    """
    Return params by name, each with those of default, description and schema that are set.

    :param stored: plain form of serialized params
    :param of_task: whether to leave out params that a task has from its Dag
    """
    listed = stored.items() if isinstance(stored, dict) else [pair for pair in stored or [] if len(pair) == 2]
    return {
        name: {
            key: param.get(key) for key in ("default", "description", "schema") if key == "default" or param.get(key)
        }
        if isinstance(param, dict)
        else param
        for name, param in listed
        if not (of_task and isinstance(param, dict) and param.get("source") == "dag")
    }


def groups_of(version: StoredVersion) -> dict[str, dict[str, Any]]:
    """Return the properties of each task group, by ID, such as what it is mapped over."""
    return {group: properties for group, properties, _ in _walk(version.dag.get("task_group")) if group}


_GROUP_STRUCTURE = frozenset(
    {
        *("_group_id", "children", "upstream_group_ids", "downstream_group_ids"),
        *("upstream_task_ids", "downstream_task_ids"),
    }
)
"""Fields of groups that the tasks already show."""


def _walk(group: Any) -> Iterator[tuple[str, dict[str, Any], list[str]]]:
    """Yield each group's ID, its properties and the IDs of its own tasks. The root has an empty ID."""
    if not isinstance(group, dict):
        return
    tasks, inner = [], []
    for label, child in (group.get("children") or {}).items():
        if isinstance(child, list) and len(child) == 2 and isinstance(child[1], dict):
            inner.append(child[1])
        else:
            tasks.append(label if not isinstance(child, list) else child[-1])
    properties = {name: value for name, value in group.items() if name not in _GROUP_STRUCTURE}
    yield group.get("_group_id") or "", properties, tasks
    for child in inner:
        yield from _walk(child)
