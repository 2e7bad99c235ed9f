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
"""A comparison of two versions as text, for people who approve one of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

MAX_ITEMS = 15
"""Maximum number of entries of each list. The others are counted."""
MAX_FIELDS = 5
"""Maximum number of fields of a changed task."""
MAX_VALUE = 80
"""Maximum number of characters of a value."""

_MARKUP = re.compile(r"[\\`*_{}\[\]#|~!@]|:(?=//)|(?<=www)\.")
_HTML = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def as_markdown(comparison: Mapping[str, Any]) -> str:
    """
    Summarize a comparison in Markdown.

    Names and values come from the author of the Dag, so each is in a code span, where it cannot become a link, an
    image, HTML or another line. Long lists and values are truncated.

    :param comparison: what :meth:`~airflow_providers_pinning.hooks.pinning.PinningHook.compare` returned
    """
    before, after = comparison["from_version"], comparison["to_version"]
    lines = [
        f"From {_version(before)} to {_version(after)}:",
        "",
        *_section("Warnings", map(prose, comparison.get("warnings") or ())),
    ]
    if comparison["identical"]:
        return "\n".join([*lines, "- Nothing differs."])
    found = [
        *_schedule(comparison["schedule"]),
        *_tasks(comparison["tasks"]),
        *_section("Params", map(_change, comparison["params"])),
        *_section("Limits", map(_change, comparison["limits"])),
        *_section("Assets", map(_asset, comparison["assets"])),
        *_section("Other", map(_change, comparison["other"])),
    ]
    return "\n".join(
        [
            *lines,
            *(found or ["- Tasks, schedule, params, limits and assets are the same."]),
            *_source(comparison),
            *_files(comparison.get("files") or {}),
            *_commits(comparison.get("commits") or {}),
        ]
    )


def objections_as_markdown(version: Mapping[str, Any]) -> str:
    """
    Describe in Markdown that a version equals a rejected one; empty if it does not.

    :param version: the result of a sensor for a new version, or a version from the API's list
    """
    if version.get("equals_rejected") is None:
        return ""
    return (
        f"**Version {version['version_number']} equals version {version['equals_rejected']}, which was rejected**: "
        f"{prose(str(version['equals_rejected_reason']))}. The Dag and its file are the same; only what the file "
        "imports may differ."
    )


def code(value: Any) -> str:
    """
    Return a value as a Markdown code span that it cannot break out of.

    :param value: a string or a JSON value
    """
    text = value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)
    text = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in _line(text))
    if len(text) > MAX_VALUE:
        text = f"{text[: MAX_VALUE - 1]}…"
    fence = "`" * (max(map(len, re.findall("`+", text)), default=0) + 1)
    padding = " " if not text or text[0] in "` " or text[-1] in "` " else ""
    return f"{fence}{padding}{text}{padding}{fence}"


def prose(text: str) -> str:
    """Return a sentence of the server, which may quote anything, with all Markdown characters escaped."""
    for sign, entity in _HTML.items():
        text = text.replace(sign, entity)
    return _MARKUP.sub(lambda found: f"\\{found[0]}", _line(text))


def _line(text: str) -> str:
    return " ".join(text.split())


def _version(identity: Mapping[str, Any]) -> str:
    commit = code(identity["bundle_version"] or "unversioned")
    return f"version {identity['version_number']} ({commit} of bundle {code(identity['bundle_name'])})"


def _schedule(schedule: Mapping[str, Any]) -> Iterator[str]:
    if schedule["changed"]:
        yield f"- **Schedule**: {code(schedule['before'])} → {code(schedule['after'])}"
        for when in ("before", "after"):
            if times := schedule[f"next_runs_{when}"]:
                yield f"  - next runs {when}: {', '.join(code(_time(time)) for time in times)}"
        if schedule["note"]:
            yield f"  - {prose(schedule['note'])}"


def _time(text: str) -> str:
    return re.sub(r"(:00(\.0+)?)?(Z|\+00:00)$", " UTC", text.replace("T", " "))


def _tasks(tasks: Mapping[str, Any]) -> Iterator[str]:
    counts = [f"{len(tasks[kind])} {kind}" for kind in ("added", "removed", "changed") if tasks[kind]]
    lines = [f"{kind} {code(task_id)}" for kind in ("added", "removed") for task_id in tasks[kind]]
    lines += [f"changed {code(task['task_id'])}: {_fields(task['fields'])}" for task in tasks["changed"]]
    yield from _section(f"Tasks ({', '.join(counts)})", lines)


def _fields(fields: Sequence[Mapping[str, Any]]) -> str:
    shown = [_change(field) for field in fields[:MAX_FIELDS]]
    return ", ".join([*shown, *([f"and {len(fields) - MAX_FIELDS} more"] if len(fields) > MAX_FIELDS else [])])


def _section(title: str, items: Iterable[str]) -> Iterator[str]:
    listed = list(items)
    if listed:
        yield f"- **{title}**"
        yield from (f"  - {item}" for item in listed[:MAX_ITEMS])
        if len(listed) > MAX_ITEMS:
            yield f"  - and {len(listed) - MAX_ITEMS} more"


def _change(change: Mapping[str, Any]) -> str:
    name, before, after = code(change["name"]), change["before"], change["after"]
    if before is None and after is None:
        return f"{name} {change['kind']}"
    if isinstance(before, dict) and isinstance(after, dict):
        before, after = _differing(before, after)
    if change["kind"] == "changed":
        return f"{name} {code(before)} → {code(after)}"
    return f"{name} {change['kind']} ({code(after if change['kind'] == 'added' else before)})"


def _differing(before: dict[str, Any], after: dict[str, Any]) -> tuple[Any, Any]:
    """Reduce two objects to their differences."""
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    if names == ["default"]:
        return before.get("default"), after.get("default")
    old, new = ({name: side[name] for name in names if name in side} for side in (before, after))
    return old, new


def _asset(asset: Mapping[str, Any]) -> str:
    place = f"{asset['role']} of {code(asset['task_id'])}" if asset["task_id"] else "schedule"
    return f"{asset['kind']} {code(asset['name'])} ({place})"


def _source(comparison: Mapping[str, Any]) -> Iterator[str]:
    source = comparison["source"]
    if source["diff"] is not None:
        lines = source["diff"].splitlines()[2:]
        added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
        yield f"- **Dag file**: lines added: {added}, removed: {removed}"
    if source["note"]:
        yield f"- **Code**: {prose(source['note'])}"


def _files(files: Mapping[str, Any]) -> Iterator[str]:
    if files.get("related") is False:
        yield "- Nothing related to the Dag differs."
    yield from _section("Files", map(_file, files.get("changed") or ()))
    counted = (
        ("left_out", "more that may matter"),
        ("other_dags_files", "of other Dags"),
        ("ignored_files", "ignored"),
    )
    further = [f"{files[name]} {what}" for name, what in counted if files.get(name)]
    if further:
        yield f"- **Further files**: {', '.join(further)}"
    if files.get("note"):
        yield f"- **Files**: {prose(files['note'])}"


def _file(file: Mapping[str, Any]) -> str:
    lines = (
        "" if file["lines_added"] is None else f", lines added: {file['lines_added']}, removed: {file['lines_removed']}"
    )
    unknown = ", possibly used" if file["role"] == "unknown" else ""
    return f"{file['kind']} {code(file['path'])}{lines}{unknown}"


def _commits(commits: Mapping[str, Any]) -> Iterator[str]:
    listed = commits.get("commits") or ()
    title = "Commits taken back" if commits.get("taken_back") else "Commits"
    yield from _section(f"{title} ({commits.get('total', 0)})", map(_commit, listed))
    if listed and commits.get("note"):
        yield f"- **History**: {prose(commits['note'])}"


def _commit(commit: Mapping[str, Any]) -> str:
    subject = commit["message"].partition("\n")[0]
    return f"{code(commit['bundle_version'][:12])} {prose(subject)} ({prose(commit['author'])})"
