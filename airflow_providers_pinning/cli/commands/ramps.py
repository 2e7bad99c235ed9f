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
"""Ramps."""

from __future__ import annotations

from argparse import Namespace

from airflow_providers_pinning.cli.change import Effect, make_change
from airflow_providers_pinning.cli.command import CommandError, changes
from airflow_providers_pinning.domain.changes import ramp
from airflow_providers_pinning.domain.changes.pins import Target
from airflow_providers_pinning.domain.ramp_steps import Plan
from airflow_providers_pinning.vocabulary import MAX_RAMP_STEPS, ExitCode, RampAction, RampPromotion


@changes
def pinning_ramp(args: Namespace) -> None:
    """Start a ramp."""
    shares = [step.share for step in args.step]
    if shares != sorted(shares) or len(shares) > MAX_RAMP_STEPS:
        raise CommandError(ExitCode.USAGE, f"usage: use at most {MAX_RAMP_STEPS} steps with increasing shares.")
    target = Target.of(args)
    plan = Plan(args.step, args.max_failures or 0, RampPromotion(args.promotion))
    make_change(
        args,
        lambda change, session: ramp.start(args.dag_id, target, plan, change, session=session),
        also=ramp_words,
    )


@changes
def pinning_pause_ramp(args: Namespace) -> None:
    """Pause a ramp."""
    _act(args, RampAction.PAUSE)


@changes
def pinning_resume_ramp(args: Namespace) -> None:
    """Resume a ramp."""
    _act(args, RampAction.RESUME)


@changes
def pinning_abort_ramp(args: Namespace) -> None:
    """Abort a ramp."""
    _act(args, RampAction.ABORT)


@changes
def pinning_promote_ramp(args: Namespace) -> None:
    """Pin the version of a ramp now."""
    _act(args, RampAction.PROMOTE)


def ramp_words(effect: Effect) -> str:
    """Describe the ramp after a change, or say that it has ended."""
    found = effect.after.ramp
    return f"Ramp: {found}." if found else "No ramp is in progress."


def _act(args: Namespace, action: RampAction) -> None:
    make_change(
        args,
        lambda change, session: ramp.act(
            args.dag_id, action, change, expected_version=args.expected_version, session=session
        ),
        also=ramp_words,
    )
