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
"""Arguments of ramps."""

from __future__ import annotations

from airflow.cli.cli_config import Arg

from airflow_providers_pinning.cli import values
from airflow_providers_pinning.cli.arguments import forms
from airflow_providers_pinning.cli.arguments.common import override_reason
from airflow_providers_pinning.vocabulary import RampPromotion

RAMP = (
    Arg(
        ("--step",),
        help="Share of new runs, and what completes the step: finished runs of the version, a duration, or both, "
        "as in 10%%:6, 50%%:1d or 50%%:6:12h; can be repeated",
        type=values.step,
        action="append",
        required=True,
        metavar="SHARE:RUNS:TIME",
    ),
    forms.whole_number(
        "--max-failures", help="Failed runs of the version to tolerate, over all steps (default: 0)", least=0
    ),
    forms.one_of(
        "--promotion",
        help="After the last step: automatic pins the version, manual waits for promote-ramp (default: automatic)",
        words=values.words(RampPromotion),
        default=RampPromotion.AUTOMATIC.value,
    ),
    forms.switch("--supersede", help="Cancel a pending change and abort another ramp instead of refusing this one"),
)
"""Steps of a ramp."""

EXPECTED_RAMP = forms.whole_number("--expected-version", help="Refuse if the ramp is for another version number")

OVERRIDE_OF_RAMP = override_reason(
    "Reason for starting although the version was rejected, failed its verdict, or the Dag is on hold"
)
OVERRIDE_OF_RAMP_ACTION = override_reason("Reason for continuing although the Dag is on hold")
