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
"""Check the installation and suggest fixes."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator

from airflow_providers_pinning.cli import clock_checks, deployment_checks, pin_checks, process_checks, worker_checks
from airflow_providers_pinning.cli.command import shows
from airflow_providers_pinning.cli.findings import Finding, Status, examine, warning
from airflow_providers_pinning.cli.json_form import plain
from airflow_providers_pinning.cli.output import show
from airflow_providers_pinning.cli.wording import say
from airflow_providers_pinning.vocabulary import ExitCode

OF_THIS_PROCESS = (
    ("package", process_checks.check_package),
    ("enforcement", process_checks.check_enforcement),
    ("contract", process_checks.check_contract),
    ("plugin", process_checks.check_plugin),
)
OF_AIRFLOW = (("bundle", deployment_checks.check_bundles),)
OF_THE_PIN_STORE = (
    ("component", deployment_checks.check_components),
    ("clocks", clock_checks.check_clocks),
    ("workers", worker_checks.check_workers),
    ("pins", pin_checks.check_pins),
    ("gates", pin_checks.check_gates),
    ("failing", pin_checks.check_failing),
    ("pending", pin_checks.check_pending),
    ("head", pin_checks.check_head),
    ("readable", pin_checks.check_readable),
    ("runs", pin_checks.check_runs),
    ("code", pin_checks.check_code),
)

SIGNS = {Status.OK: "✓", Status.WARNING: "!", Status.FAILURE: "✗"}


@shows
def pinning_doctor(args: Namespace) -> None:
    """Run all checks, and exit with an error code if one fails."""
    findings = [*examine(OF_THIS_PROCESS), *_of_deployment()]
    show(
        args.output,
        plain(findings),
        [{"": SIGNS[f.status], "check": f.check, "found": f.found, "remedy": f.remedy} for f in findings],
    )
    failures = sum(finding.status == Status.FAILURE for finding in findings)
    warnings = sum(finding.status == Status.WARNING for finding in findings)
    say(f"{len(findings)} checks: {failures} failed, {warnings} {'warning' if warnings == 1 else 'warnings'}.")
    if failures:
        raise SystemExit(ExitCode.UNHEALTHY)


def _of_deployment() -> Iterator[Finding]:
    """Run the checks that the database allows. If it does not, one finding says so for all of them."""
    reached = list(examine([("database", deployment_checks.check_database)]))
    yield from reached
    if _has_failed(reached):
        return
    tables = list(examine([("tables", deployment_checks.check_tables)]))
    yield from tables
    yield from examine(OF_AIRFLOW)
    if _has_failed(tables):
        names = ", ".join(name for name, _ in OF_THE_PIN_STORE)
        yield warning("tables", f"{names}: not checked until the tables are there", "Run the doctor again afterwards.")
    else:
        yield from examine(OF_THE_PIN_STORE)


def _has_failed(findings: list[Finding]) -> bool:
    return any(finding.status == Status.FAILURE for finding in findings)
