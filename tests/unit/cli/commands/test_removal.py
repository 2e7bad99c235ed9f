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
"""Before the package is removed every Dag is unpinned, those on hold too, as the documentation says."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import textwrap
from pathlib import Path

from airflow_providers_pinning.vocabulary import ExitCode
from tests.support.sources import dag_file

OPERATIONS = Path(__file__).parents[4] / "docs" / "operations.md"


def documented_command():
    """Return the command that the documentation gives for unpinning all."""
    remove = OPERATIONS.read_text().split("## Remove")[1]
    [command] = [block for block in re.findall(r"```\n(.*?)```", remove, flags=re.S) if "unpin" in block]
    return textwrap.dedent(command)


def hold(lab):
    for number in (1, 2):
        lab.commit(f"sha{number}", orders=dag_file("orders", tasks=f"step_{number}"))
        lab.pin("orders", number)
    lab.roll_back("orders", hold=True, reason="loses orders")


def test_unpinning_a_dag_on_hold_names_the_option_that_does_it(lab, pinning):
    hold(lab)

    refused = pinning("unpin", "orders", "--reason", "remove", "--yes")

    assert refused.code == ExitCode.REFUSED
    assert "--override-reason" in refused.err
    assert pinning("unpin", "orders", "--reason", "remove", "--override-reason", "remove", "--yes").code == 0
    assert not lab.pin_state("orders").pinned


def test_the_documented_command_unpins_all_dags(lab):
    hold(lab)
    lab.commit("sha3", invoices=dag_file("invoices"))
    lab.pin("invoices", 1)
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"

    done = subprocess.run(
        ["bash", "-c", documented_command()],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        timeout=900,
    )

    assert done.returncode == 0, done.stderr
    assert not lab.pin_state("orders").pinned
    assert not lab.pin_state("invoices").pinned
