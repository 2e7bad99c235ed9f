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
"""
What pinning costs, as ratios against stock Airflow in the same run.

``make bench`` (``python -m benchmarks``; ``--quick`` for a first impression) starts a PostgreSQL server of
its own and measures eight things, with 1,000 Dags of three tasks unless said otherwise:

- creating their runs, through the scheduler's own ``_create_dagruns_for_dags`` and its locks;
- the same where 1,000 policies are in force and other Dags have ramps and scheduled changes, and where the Dags
  themselves are rolled back if they fail, or have a ramp each;
- the scheduler's turn over ten running runs of 100 tasks each that are all ready, mapped ones too, and handing 1,000
  tasks over to the executor, which takes them and does nothing;
- what a live run looks up about the runs before it, where none of these is a canary run, and among up to 10,000;
- writing their parsed Dags, through the dag processor's own ``update_dag_parsing_results_in_db``, with fifty
  Dags a file and with one;
- a release of all of them as one, and of ten times as many, against the time that it may take;
- pinning through REST, against Airflow's ``PATCH /dags/{dag_id}`` on the same API server;
- the pages that people look at in an incident, in a deployment with 100,000 Dags, 10,000 pins, 100,000 changes, and
  10,000 runs and 500 canary runs of one Dag, against the time that they may take.

Seconds depend on the machine, so only ratios are judged. Every subject is a process with a database of
its own, copied from one template. The subjects take turns every few Dags, in an order that changes, so
that whatever else the machine does weighs on all of them alike; and each round has new processes, because
a process is a few per cent faster or slower than another by chance. The stock subject is the same
environment with this package's entry points hidden, and both kinds of subject check that they are what
they are meant to be (:mod:`benchmarks.stock`).

The table shows the median of all turns, with the lowest and the highest of the rounds' medians, and beside the
time the ratio of what the process and its PostgreSQL backends computed, which other load changes less. JSON with
every turn is written as well. On a machine that is otherwise idle the whole takes some twelve minutes.
"""

from __future__ import annotations
