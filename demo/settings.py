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
"""Configuration of an Airflow that reacts within seconds."""

from __future__ import annotations

import base64
import json
import os
import secrets
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path

from demo.repository import BRANCH, GIT_ENVIRONMENT

Settings = Mapping[str, Mapping[str, object]]
"""Options by section, as in ``airflow.cfg``."""


def airflow_settings(
    *, home: Path, port: int, database_url: str, repositories: Mapping[str, Path], users: Sequence[str]
) -> dict[str, dict[str, object]]:
    """
    Return the configuration of a deployment on this machine.

    :param home: folder of the deployment
    :param port: port of the API server
    :param database_url: SQLAlchemy's URL of the metadata database
    :param repositories: for each Dag bundle the git repository that it follows
    :param users: users of the simple auth manager, as ``name:role``
    """
    server = f"http://127.0.0.1:{port}"
    # To look for new commits of one bundle takes six processes of git.
    refresh_interval = max(1, len(repositories) // 2)
    bundles = [
        {
            "name": name,
            "classpath": "airflow.providers.git.bundles.git.GitDagBundle",
            "kwargs": {"repo_url": str(path), "tracking_ref": BRANCH, "refresh_interval": refresh_interval},
        }
        for name, path in repositories.items()
    ]
    return {
        "core": {
            "dags_folder": home / "dags",
            "dags_are_paused_at_creation": False,
            "execution_api_server_url": f"{server}/execution/",
            "executor": "LocalExecutor",
            "fernet_key": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            "load_examples": False,
            "min_serialized_dag_update_interval": 0,
            "parallelism": 8,
            "simple_auth_manager_all_admins": False,
            "simple_auth_manager_passwords_file": home / "passwords.json",
            "simple_auth_manager_users": ",".join(users),
        },
        "api": {"base_url": server, "host": "127.0.0.1", "port": port, "secret_key": secrets.token_hex(16)},
        "api_auth": {"jwt_secret": secrets.token_hex(32)},
        "database": {"sql_alchemy_conn": database_url},
        "dag_processor": {
            "bundle_refresh_check_interval": 1,
            "dag_bundle_config_list": json.dumps(bundles),
            "dag_bundle_storage_path": home / "bundles",
            "health_check_threshold": 20,
            # Files that changed are parsed at once; this is for what they import.
            "min_file_process_interval": 5,
            "stale_dag_threshold": 2,
        },
        "logging": {"base_log_folder": home / "logs", "colored_console_log": False},
        "scheduler": {
            "job_heartbeat_sec": 2,
            "orphaned_tasks_check_interval": 10,
            "parsing_cleanup_interval": 5,
            "scheduler_health_check_threshold": 20,
            "scheduler_heartbeat_sec": 2,
        },
        "triggerer": {"job_heartbeat_sec": 2, "triggerer_health_check_threshold": 20},
        # The default of 5 seconds is too short for a busy machine with two cores. A worker is free again one
        # heartbeat after its task has ended.
        "workers": {"execution_api_timeout": 30, "min_heartbeat_interval": 1},
        "pinning": {
            "component_heartbeat": 2,
            "component_threshold": 20,
            "maintenance_interval": 4,
        },
    }


def merged(settings: Settings, overrides: Settings) -> dict[str, dict[str, object]]:
    """Return the settings with single options replaced."""
    return {
        section: {**settings.get(section, {}), **overrides.get(section, {})} for section in {**settings, **overrides}
    }


def environment(home: Path, settings: Settings) -> dict[str, str]:
    """Return the environment for Airflow's commands: this process's own, without what it says of Airflow."""
    inherited = {
        name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW_", "_AIRFLOW_", "GIT_"))
    }
    options = {
        f"AIRFLOW__{section.upper()}__{option.upper()}": str(value)
        for section, options in settings.items()
        for option, value in options.items()
    }
    return {
        **inherited,
        **GIT_ENVIRONMENT,
        # A bundle asks for this connection although it needs none; a missing one is logged with its traceback.
        "AIRFLOW_CONN_GIT_DEFAULT": '{"conn_type": "git"}',
        "AIRFLOW_HOME": str(home),
        "NO_PROXY": "127.0.0.1,localhost",
        "PYTHONUNBUFFERED": "1",
        "no_proxy": "127.0.0.1,localhost",
        **options,
    }


def write_environment(path: Path, env: Mapping[str, str]) -> Path:
    """
    Write what a shell needs for Airflow's commands; it has secrets, so only the owner may read it.

    :param path: the script to source
    :param env: what :func:`environment` returned
    """
    path.touch(mode=0o600)
    names = [name for name in sorted(env) if name.startswith("AIRFLOW_")]
    path.write_text("".join(f"export {name}={shlex.quote(env[name])}\n" for name in names))
    return path
