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
"""Read an Airflow connection of type ``pinning``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit, urlunsplit

log = logging.getLogger(__name__)

EXTRAS = frozenset({"token", "verify", "cert", "key", "timeout", "ui_url"})
"""The supported extras. Others are ignored, and never become a header."""

DEFAULT_TIMEOUT = 30.0


class ConnectionFields(Protocol):
    """The fields of an Airflow connection that are used."""

    conn_id: str
    host: str | None
    port: int | None
    schema: str | None
    login: str | None
    password: str | None


@dataclass(frozen=True)
class ApiAddress:
    """An API server, and how to authenticate."""

    base_url: str
    """Scheme, host, port and base path, without a trailing slash."""
    login: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    """A token, used instead of login and password. It cannot be renewed."""
    verify: bool | str = True
    """Whether to verify the server's certificate, or the path of the CA certificates to verify it with."""
    cert: str | tuple[str, str] | None = None
    """Path of a client certificate, or of certificate and key."""
    timeout: float = DEFAULT_TIMEOUT
    """Seconds to wait for a connection, and for a response."""
    ui_url: str | None = None
    """Address of Airflow's UI for links, if browsers reach it elsewhere."""

    @classmethod
    def of(cls, connection: ConnectionFields, extra: Mapping[str, Any]) -> ApiAddress:
        """
        Read a connection.

        :param connection: host (a name, or a URL with a base path), port, schema (``http`` or ``https``),
            login and password
        :param extra: its parsed extras
        :raises ValueError: if there is no host, or a field is not valid
        """
        if unknown := sorted(set(extra) - EXTRAS):
            log.warning("Extras of connection %r are not known and not used: %s", connection.conn_id, unknown)
        cert, key = extra.get("cert") or None, extra.get("key") or None
        if isinstance(cert, list | tuple):
            cert, key = cert
        return cls(
            base_url=_base_url(connection),
            login=connection.login or None,
            password=connection.password,
            token=extra.get("token") or None,
            verify=_verify(extra.get("verify")),
            cert=(cert, key) if cert and key else cert,
            timeout=_timeout(extra.get("timeout")),
            ui_url=(extra.get("ui_url") or "").rstrip("/") or None,
        )

    @property
    def renewable(self) -> bool:
        """Whether a new token can be requested."""
        return self.token is None


def _base_url(connection: ConnectionFields) -> str:
    host = (connection.host or "").strip()
    if not host:
        raise ValueError(f"Connection {connection.conn_id!r} has no host. Set it to the address of the API server.")
    scheme = (connection.schema or "http").strip().lower()
    parts = urlsplit(host if "://" in host else f"{scheme}://{host}")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"Connection {connection.conn_id!r} has no HTTP address: {parts.scheme}://{parts.netloc}")
    location = parts.netloc.rpartition("@")[2]
    if connection.port and parts.port is None:
        location = f"{location}:{connection.port}"
    return urlunsplit((parts.scheme, location, parts.path.rstrip("/"), "", ""))


def _verify(value: Any) -> bool | str:
    if value in (None, ""):
        return True
    if isinstance(value, str):
        return {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}.get(
            value.strip().lower(), value
        )
    return bool(value)


def _timeout(value: Any) -> float:
    seconds = float(value) if value not in (None, "") else DEFAULT_TIMEOUT
    if seconds <= 0:
        raise ValueError(f"The timeout of a connection must be positive, not {value!r}.")
    return seconds
