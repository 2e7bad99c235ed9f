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
"""Check that every Python file starts with the licence header; ``--fix`` adds it where it is missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
HEADER = (ROOT / "scripts" / "license_header.txt").read_text()
BLOCK = "/*\n" + "".join(f" *{line[1:]}\n" for line in HEADER.splitlines()) + " */\n\n"
HEADERS = {".py": HEADER, ".js": BLOCK, ".ts": BLOCK, ".tsx": BLOCK}


def main() -> int:
    """Check or add."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *(f"*{suffix}" for suffix in HEADERS)],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    lacking = [
        path
        for path in map(ROOT.joinpath, listed)
        if path.exists() and path.parent.name != "dist" and not path.read_text().startswith(HEADERS[path.suffix])
    ]
    for path in lacking:
        if "--fix" in sys.argv:
            path.write_text(HEADERS[path.suffix] + path.read_text())
        else:
            print(f"{path.relative_to(ROOT)} lacks the licence header. Run: make fix", file=sys.stderr)
    return 1 if lacking and "--fix" not in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
