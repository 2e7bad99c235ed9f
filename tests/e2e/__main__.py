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
"""Serve the seeded Airflow until Ctrl-C: ``python -m tests.e2e [--fab] [--crowd] [--path /team/airflow]``."""

from __future__ import annotations

import argparse
import signal
import tempfile
from pathlib import Path

from tests.e2e.airflow import PASSWORD, SeededAirflow, write_seed
from tests.e2e.seed import USERS


def main() -> None:
    """Seed, serve and wait."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--fab", action="store_true", help="use FAB's auth manager")
    parser.add_argument("--crowd", action="store_true", help="with 10,000 pins")
    parser.add_argument("--path", default="", help="path of [api] base_url")
    options = parser.parse_args()
    for signum in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signum, signal.default_int_handler)
    with tempfile.TemporaryDirectory() as folder:
        print("Seeding ...", flush=True)
        write_seed(Path(folder))
        seed = Path(folder) / ("crowd.db" if options.crowd else "story.db")
        with SeededAirflow(seed, path=options.path, fab=options.fab) as airflow:
            airflow.serve()
            print(
                f"{airflow.url} as one of {', '.join(USERS)}, whose password is {PASSWORD!r}. Ctrl-C ends it.",
                flush=True,
            )
            try:
                signal.pause()
            except KeyboardInterrupt:
                print("Ending.")


if __name__ == "__main__":
    main()
