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
"""How a process of tests is ended, and how it tells where it hangs."""

from __future__ import annotations

import faulthandler
import os
import signal

_STDERR: list[int] = []


def pytest_configure(config) -> None:
    """
    Let SIGTERM end the tests as Ctrl-C does, so that whatever they started is ended, and SIGUSR1 show every stack.

    The stacks show also where a call into C waits, during which Python handles no signal.
    """
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    # What pytest captures of stderr later is lost with a process that is killed.
    _STDERR.append(os.dup(2))
    faulthandler.register(signal.SIGUSR1, file=_STDERR[-1], all_threads=True)
