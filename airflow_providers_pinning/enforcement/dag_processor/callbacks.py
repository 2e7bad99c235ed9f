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
Callbacks run even if their file was removed at HEAD.

After refreshing a bundle, Airflow drops everything queued for files that HEAD does not have, and kills the processes
working on them. This includes callbacks and emails, although they use the commit of their own run: if the file of a
pinned Dag was deleted or renamed, none would ever be sent. Those whose file belongs to a managed version are kept.
Only they carry a bundle version; files to parse do not.

Shown by ``tests/unit/enforcement/dag_processor/test_callbacks.py``.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from typing import Any

from airflow_providers_pinning.enforcement.call import Call


def purge_removed_files_from_queue(call: Call) -> None:
    """Drop the removed files, except those of callbacks, which keep their place in the queue."""
    manager = call.instance
    queue = manager._file_queue
    kept = _kept(queue, call.present)
    call.proceed()
    if kept:
        left = {*manager._file_queue, *kept}
        manager._file_queue = OrderedDict((file, None) for file in queue if file in left)


def terminate_orphan_processes(call: Call) -> None:
    """Kill the processes of removed files, except those that run callbacks."""
    processes = call.instance._processors
    kept = {file: processes.pop(file) for file in _kept(processes, call.present)}
    try:
        call.proceed()
    finally:
        call.instance._processors.update(kept)


def _kept(files: Iterable[Any], present: Iterable[Any]) -> set[Any]:
    """Return the files of callbacks that HEAD does not have, but a managed version does."""
    from airflow.utils.session import create_session

    from airflow_providers_pinning.domain.versions.managed import managed_files

    callbacks = [file for file in files if file.bundle_version]
    if not callbacks:
        return set()
    known = {file.presence_key for file in present}
    places = {file: (file.bundle_name, str(file.rel_path)) for file in callbacks if file.presence_key not in known}
    if not places:
        return set()
    with create_session(scoped=False) as session:
        managed = managed_files(set(places.values()), session=session)
    return {file for file, place in places.items() if place in managed}
