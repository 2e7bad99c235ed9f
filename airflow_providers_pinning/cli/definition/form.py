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
"""The form of a command."""

from __future__ import annotations

from airflow.cli.cli_config import ActionCommand, Arg, lazy_load_command

COMMANDS = "airflow_providers_pinning.cli.commands"

EXIT_CODES = """\
Exit codes: 0 done, 1 unexpected failure, 2 wrong usage, 3 refused, 4 not found,
5 not confirmed, 6 unhealthy, 7 different (compare --exit-code),
8 broken (wait), 10 progressing, 11 failed (soak, canary --wait, status),
12 inconclusive (soak), 130 interrupted.
Data goes to stdout, messages go to stderr.\
"""


def command(name: str, function: str, help: str, *arguments: Arg, description: str | None = None) -> ActionCommand:
    """
    Return a command.

    :param name: what users type after ``airflow pinning``
    :param function: its module in ``cli/commands``, and its function
    :param help: what it does, without a period
    :param arguments: what it takes
    :param description: further details
    """
    return ActionCommand(
        name=name,
        help=help,
        description=f"{help}. {description}" if description else f"{help}.",
        func=lazy_load_command(f"{COMMANDS}.{function}"),
        args=arguments,
        epilog=EXIT_CODES,
    )
