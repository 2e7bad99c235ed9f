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
"""What all commands share: errors become one line and an exit code."""

from __future__ import annotations

import functools
import os
import sys
from argparse import Namespace
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn, TypeVar

from airflow.utils import cli as cli_utils
from airflow.utils.providers_configuration_loader import providers_configuration_loaded
from airflow.utils.session import create_session
from sqlalchemy.exc import DataError, DBAPIError

from airflow_providers_pinning.cli.causes import CHECK_CONNECTION, cause_of, is_unreachable
from airflow_providers_pinning.cli.wording import say
from airflow_providers_pinning.domain import errors
from airflow_providers_pinning.domain.changes.database_errors import Trouble, trouble_of
from airflow_providers_pinning.vocabulary import ExitCode

Function = TypeVar("Function", bound=Callable[[Namespace], None])


class CommandError(Exception):
    """
    The command failed for a reason other than a refusal by the control plane.

    :param code: exit code
    :param message: what is wrong, and what to do about it
    """

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def note_committed(args: Namespace) -> None:
    """Record that the change was committed, so a broken pipe afterwards does not turn success into a failure."""
    args.committed = True


def note_repair(args: Namespace, revision: int, key: str) -> None:
    """Record that a rollback was committed and that its repair starts, with the key to continue it if interrupted."""
    args.repair_told = f"The rollback was made (revision {revision}), but the repair is not finished."
    args.repair_revision = revision
    args.repair_key = key


def note_repaired(args: Namespace) -> None:
    """Note that the repair of runs is done."""
    args.repair_key = None


def _how_to_go_on(args: Namespace) -> str | None:
    key = getattr(args, "repair_key", None)
    return key and (
        f"Continue with the same command and --idempotency-key {key}; without the key, the command rolls back again."
    )


def shows(function: Function) -> Callable[[Namespace], None]:
    """Make a command from a function that only reads."""
    return _quiet(providers_configuration_loaded(function))


def changes(function: Function) -> Callable[[Namespace], None]:
    """Make a command from a function that changes something, and record each use in Airflow's audit log."""
    return _quiet(cli_utils.action_cli(providers_configuration_loaded(function)))


def _quiet(function: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    """Keep logs off the terminal, even while handling errors, unless --verbose is given."""
    return cli_utils.suppress_logs_and_warning(_with_exit_code(function))


def _with_exit_code(function: Callable[[Namespace], None]) -> Callable[[Namespace], None]:
    @functools.wraps(function)
    def run(args: Namespace) -> None:
        _prepare_streams()
        try:
            function(args)
            sys.stdout.flush()
        except SystemExit:
            # A broken pipe would replace the exit code if this were flushed at exit.
            with suppress(BrokenPipeError):
                sys.stdout.flush()
                raise
            _let_go_of_streams()
            raise
        except Exception as error:
            if getattr(args, "verbose", False) and not isinstance(error, (errors.PinningError, CommandError)):
                if go_on := _how_to_go_on(args):
                    say(f"{args.repair_told} {go_on}")
                raise
            _end(args, error)
        except KeyboardInterrupt:
            go_on = _how_to_go_on(args)
            say(
                f"Interrupted after the rollback (revision {args.repair_revision}). The repair is not finished. {go_on}"
                if go_on
                else "Interrupted."
            )
            raise SystemExit(ExitCode.INTERRUPTED) from None

    return run


def _end(args: Namespace, error: Exception) -> NoReturn:
    """Report the error and exit with its code."""
    if isinstance(error, BrokenPipeError):
        _let_go_of_streams()
        if _how_to_go_on(args):
            raise SystemExit(ExitCode.PROGRESSING)
        raise SystemExit(ExitCode.DONE if getattr(args, "committed", False) else ExitCode.UNEXPECTED)
    code, message = _explain(error)
    say(f"airflow pinning {args.subcommand}: {message}")
    if go_on := _how_to_go_on(args):
        say(f"{args.repair_told} {go_on}")
    elif isinstance(error, errors.DatabaseUnavailableError) and (key := getattr(args, "made_key", None)):
        say(f"The idempotency key of this command is {key}: use --idempotency-key to run it again.")
    raise SystemExit(code)


def _explain(error: Exception) -> tuple[ExitCode, str]:
    if isinstance(error, errors.PinningError):
        return error.refusal.exit_code, f"{error.reason}: {error.message}"
    if isinstance(error, CommandError):
        return error.code, str(error)
    if isinstance(error, DBAPIError):
        cause = cause_of(error)
        if isinstance(error, DataError):
            return ExitCode.USAGE, f"invalid_value: the database cannot store one of the values: {cause}."
        if trouble_of(error) is Trouble.BUSY:
            return ExitCode.UNEXPECTED, f"database_busy: {cause}. No change was made; try again in a moment."
        if is_unreachable(error):
            return ExitCode.UNEXPECTED, f"database: {cause}. {CHECK_CONNECTION}, then try again."
        if _tables_are_outdated():
            return (
                ExitCode.UNEXPECTED,
                f"database: the tables of the pin store are missing or outdated. Run `airflow db migrate`. ({cause})",
            )
        return ExitCode.UNEXPECTED, f"database: {cause}. Run it again with --verbose for details."
    return ExitCode.UNEXPECTED, f"{cause_of(error)}. Run it again with --verbose for details."


def _tables_are_outdated() -> bool:
    # Importing Alembic is slow, so only commands that need it pay for it.
    from airflow_providers_pinning.db_manager import PinningDBManager

    with suppress(Exception), create_session(scoped=False) as session:
        return not PinningDBManager(session).check_migration()
    return False


def _prepare_streams() -> None:
    """
    Make sure that all output can be written.

    Characters outside the terminal's encoding become escape sequences; a closed stream discards everything.
    """
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _let_go_of_streams() -> None:
    """The reader of the output is gone, so buffered output must not be written at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError):
            os.dup2(nowhere, stream.fileno())
