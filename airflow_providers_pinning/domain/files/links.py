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
"""URLs of commits."""

from __future__ import annotations

import logging
import re
from functools import cache
from string import Formatter
from urllib.parse import quote, urlsplit, urlunsplit

from airflow_providers_pinning import conf
from airflow_providers_pinning.vocabulary import MAX_URL

log = logging.getLogger(__name__)

_SSH = re.compile(r"(?:[^@/\s]+@)?(?P<host>[A-Za-z0-9.-]+\.[A-Za-z0-9-]+):(?!//)(?P<path>[^\s]+)")
_FIELDS = frozenset(("bundle", "version"))


def url_at_remote(remote: str | None, commit: str) -> str | None:
    """
    Return the URL of a commit at a bundle's remote, without credentials; ``None`` if the address does not reveal it.

    :param remote: the remote's address
    :param commit: full hash of the commit
    """
    base = _page_of(remote or "")
    if base is None:
        return None
    host = urlsplit(base).hostname or ""
    folder = {"bitbucket.org": "commits"}.get(host, "-/commit" if "gitlab" in host else "commit")
    url = f"{base}/{folder}/{quote(commit, safe='')}"
    return url if len(url) <= MAX_URL else None


def _page_of(remote: str) -> str | None:
    if not any(sign.isspace() or not sign.isprintable() for sign in remote):
        if found := _SSH.fullmatch(remote):
            return _page("https", found["host"], found["path"])
        try:
            parts = urlsplit(remote)
            if parts.scheme in ("http", "https") and parts.hostname:
                port = f":{parts.port}" if parts.port else ""
                return _page(parts.scheme, f"{parts.hostname}{port}", parts.path)
            if parts.scheme in ("ssh", "git+ssh") and parts.hostname:
                return _page("https", parts.hostname, parts.path)
        except ValueError:
            return None
    return None


def _page(scheme: str, place: str, path: str) -> str | None:
    trimmed = path.strip("/").removesuffix(".git")
    return urlunsplit((scheme, place, f"/{quote(trimmed, safe='/~%')}", "", "")) if trimmed else None


@cache
def template_problem(template: str) -> str | None:
    """Return why a URL template cannot be used; ``None`` if it can."""
    try:
        fields = {name for _, name, _, _ in Formatter().parse(template) if name is not None}
        if unknown := sorted(fields - _FIELDS):
            return f"it has the unknown field {unknown[0]!r}; there are bundle and version"
        parts = urlsplit(template.format(bundle="bundle", version="version"))
        is_address = parts.scheme in ("http", "https") and bool(parts.hostname)
    except (ValueError, LookupError, AttributeError) as error:
        return f"it is not a valid template: {error}"
    if not is_address:
        return "it does not start with http:// or https://"
    if parts.username or parts.password:
        return "it contains credentials, which everybody would see"
    return None


def configured_problem() -> str | None:
    """Return why ``[pinning] commit_url_template`` is ignored; ``None`` if it is used, or empty."""
    return _said_once(conf.commit_url_template())


@cache
def _said_once(template: str) -> str | None:
    problem = template_problem(template) if template else None
    if problem is None:
        return None
    said = (
        f"[pinning] commit_url_template is {template!r} and is ignored, because {problem}. Commits have no links. "
        "Set it to a URL such as https://git.example/{bundle}/commit/{version}."
    )
    log.warning(said)
    return said


def commit_url(bundle_name: str, commit: str, *, at_remote: str | None) -> str | None:
    """
    Return the URL of a commit.

    :param bundle_name: the commit's bundle
    :param commit: full hash of the commit
    :param at_remote: the URL derived from the remote's address, which the configuration overrides
    """
    template = conf.commit_url_template()
    if not template:
        return at_remote
    if configured_problem():
        return None
    return template.format(bundle=quote(bundle_name, safe=""), version=quote(commit, safe=""))
