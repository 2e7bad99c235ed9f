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
"""The commands that write pins as a document, and make them what a document says."""

from __future__ import annotations

import sys
from argparse import Namespace

import yaml
from airflow.utils.session import create_session

from airflow_providers_pinning.cli.command import CommandError, changes, shows
from airflow_providers_pinning.cli.commands.releases import EVERYTHING, make_planned, selection
from airflow_providers_pinning.cli.files import read_file
from airflow_providers_pinning.domain.releases import apply
from airflow_providers_pinning.domain.releases.document import PinsDocument
from airflow_providers_pinning.domain.releases.export import export_pins
from airflow_providers_pinning.schemas import pins_document
from airflow_providers_pinning.vocabulary import MAX_PINS_BYTES, ExitCode


@shows
def pinning_export(args: Namespace) -> None:
    """Write the pins as a file that apply takes."""
    with create_session(scoped=False) as session:
        document = export_pins(selection(args), EVERYTHING, owns=args.owns, session=session)
    yaml.safe_dump(document, sys.stdout, sort_keys=False, allow_unicode=True)


@changes
def pinning_apply(args: Namespace) -> None:
    """Make the pins what a file says."""
    if args.exit_code and not args.dry_run:
        raise CommandError(ExitCode.USAGE, "usage: --exit-code needs --dry-run.")
    document = PinsDocument.from_dict(read_file(args.file, pins_document.read, most=MAX_PINS_BYTES))
    make_planned(
        args,
        lambda change, session: apply.plan_apply(document, change, EVERYTHING, session=session),
        lambda change, progress, session: apply.apply(document, change, EVERYTHING, progress=progress, session=session),
    )
