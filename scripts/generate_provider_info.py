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
Write ``get_provider_info.py`` from ``provider.yaml``.

Only the keys that Airflow reads at run time are taken. ``--check`` writes nothing and fails if the file
is not what it would be.
"""

from __future__ import annotations

import argparse
import json
import pprint
import sys
from importlib.resources import files
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "airflow_providers_pinning" / "get_provider_info.py"

TEMPLATE = '''{license}
"""Provider metadata, generated from provider.yaml by scripts/generate_provider_info.py."""

from __future__ import annotations

from typing import Any


# fmt: off
def get_provider_info() -> dict[str, Any]:
    """Return what Airflow needs to know of this provider."""
    return {body}
'''


def provider_info() -> dict:
    """Return the part of ``provider.yaml`` that Airflow reads at run time."""
    schema = json.loads(files("airflow").joinpath("provider_info.schema.json").read_text())
    described = yaml.safe_load((ROOT / "provider.yaml").read_text())
    return {key: value for key, value in described.items() if key in schema["properties"]}


def render() -> str:
    """Return the source of the generated module."""
    body = pprint.pformat(provider_info(), indent=1, width=100, sort_dicts=False)
    body = body.replace("\n", "\n    ")
    license_header = (ROOT / "scripts" / "license_header.txt").read_text().rstrip()
    return TEMPLATE.format(license=license_header, body=body)


def main() -> int:
    """Write or check the module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    rendered = render()
    if parser.parse_args().check:
        if TARGET.read_text() != rendered:
            print(f"{TARGET.name} is not what provider.yaml says. Run: make provider-info", file=sys.stderr)
            return 1
        return 0
    TARGET.write_text(rendered)
    return 0


if __name__ == "__main__":
    sys.exit(main())
