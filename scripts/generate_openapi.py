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
"""Write ``docs/openapi.json`` from the API; ``--check`` fails if the file is not what it would be."""

from __future__ import annotations

import json
import sys
from pathlib import Path

TARGET = Path(__file__).parents[1] / "docs" / "openapi.json"


def main() -> int:
    """Write or check the description."""
    from airflow_providers_pinning.api.app import create_app

    rendered = json.dumps(create_app().openapi(), indent=2, sort_keys=True) + "\n"
    if "--check" not in sys.argv:
        TARGET.write_text(rendered)
        return 0
    if TARGET.exists() and TARGET.read_text() == rendered:
        return 0
    print(f"{TARGET.name} is not what the API describes. Run: make openapi", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
