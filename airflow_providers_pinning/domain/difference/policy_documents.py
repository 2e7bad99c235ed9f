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
"""Compare two policy documents as a unified diff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from airflow_providers_pinning.domain.difference.unified_diff import bounded_diff


def difference_of(present: Mapping[str, Any], wanted: Mapping[str, Any]) -> list[str]:
    """
    Return the lines of the diff; none if the documents are equal.

    If the documents are too different to compare, or the diff is too long, the last line says so.
    """
    diff, remark = bounded_diff(_text(present), _text(wanted), labels=("in force", "file"))
    if diff is None:
        return ["The documents differ, but are too long to compare line by line."]
    return [*diff.splitlines(), *([remark] if remark else [])]


def _text(document: Mapping[str, Any]) -> str:
    return yaml.dump(dict(document), Dumper=_Dumper, sort_keys=True, allow_unicode=True)


_Dumper: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
