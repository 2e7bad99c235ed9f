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
"""Typed accessors of the ``[pinning]`` options, which read them at call time."""

from __future__ import annotations

from functools import cache

from airflow.configuration import conf

SECTION = "pinning"


@cache
def keep_versions() -> int:
    """Return how many versions of a Dag stay managed in addition to the active and rejected ones."""
    return conf.getint(SECTION, "keep_versions", fallback=10)


@cache
def component_heartbeat() -> float:
    """Return the heartbeat interval of an API server process, in seconds."""
    return conf.getfloat(SECTION, "component_heartbeat", fallback=10.0)


@cache
def component_threshold() -> float:
    """Return the seconds after which an API server process without a heartbeat counts as dead."""
    return conf.getfloat(SECTION, "component_threshold", fallback=60.0)


@cache
def maintenance_interval() -> float:
    """Return the seconds between two maintenance rounds of the dag processor."""
    return conf.getfloat(SECTION, "maintenance_interval", fallback=15.0)


@cache
def code_check_interval() -> float:
    """Return the seconds after which the code of a managed version is checked again."""
    return conf.getfloat(SECTION, "code_check_interval", fallback=3600.0)


@cache
def release_permission() -> bool:
    """Return whether releases need a separate permission, in addition to editing the Dag."""
    return conf.getboolean(SECTION, "release_permission", fallback=False)


@cache
def ignored_paths() -> tuple[str, ...]:
    """Return the patterns of bundle files whose changes matter to no Dag."""
    patterns = conf.get(SECTION, "ignored_paths", fallback="") or ""
    return tuple(filter(None, (pattern.strip() for pattern in patterns.replace("\n", ",").split(","))))


@cache
def commit_url_template() -> str:
    """Return the URL template of commits; empty if there is none."""
    return (conf.get(SECTION, "commit_url_template", fallback="") or "").strip()
