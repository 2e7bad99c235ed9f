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
"""What live runs look up about runs before them, with and without canary runs among these."""

from __future__ import annotations

from collections.abc import Callable

from benchmarks import templates
from benchmarks.past import COUNTS, DAG, LOOK_UPS, NEWEST
from benchmarks.report import Cost, Ratio, Turns, ratio
from benchmarks.subjects import Stage, Subject
from benchmarks.turns import take_turns
from tests.support.postgres import Server

LIVE_RUNS = int(NEWEST.rpartition("_")[2])
"""A day apart."""
FEW, MANY = 100, 10_000
"""Canary runs: a hundred since each live run, beginning with the newest."""

PAST = "template_past"
"""As live, and one Dag has a past of live runs."""
FEW_CANARIES = "template_past_few"
"""As past, with canary runs since the last live run."""
MANY_CANARIES = "template_past_many"
"""As past, with canary runs since each of the live runs."""
MANY_MANUAL = "template_past_manual"
"""As past, with as many ordinary runs that were triggered by hand."""

TEMPLATES = {
    "stock": PAST,
    "stock_many": MANY_MANUAL,
    "none": PAST,
    "few": FEW_CANARIES,
    "many": MANY_CANARIES,
}
TIMES = 20
"""How often a turn asks."""
BUDGET_WITHOUT, BUDGET_FLAT, BUDGET_OF_COUNTS = 1.5, 1.2, 10.0
"""A look-up takes about a millisecond, of which one more condition is a part, and counts read each run."""
WIDER = {"the average runtime (deadlines)": 2.0, "earlier task instances (ignore_first_depends_on_past)": 2.0}
"""One passes over all canary runs between ten live ones; the other, which is rare, looks from the newest run on."""

_FINISHED = f"""
UPDATE dag_run SET state = 'success', start_date = now(), end_date = now() + interval '1 minute';
UPDATE task_instance SET state = 'success';
UPDATE dag SET max_active_runs = 16, is_paused = (dag_id != '{DAG}'), next_dagrun_create_after = NULL;
"""
# Each row is copied with other values for some of its columns, whatever columns it has.
_RUNS = """
INSERT INTO dag_run
SELECT made.*
FROM (SELECT t FROM dag_run t WHERE dag_id = '{dag}' ORDER BY id LIMIT 1) original(line),
     generate_series({first}, {last}) n,
     LATERAL (SELECT {date} AS day) at,
     LATERAL jsonb_populate_record(original.line, jsonb_build_object(
         'id', nextval(pg_get_serial_sequence('dag_run', 'id')), 'run_id', '{prefix}' || n, 'run_type', '{kind}',
         'logical_date', at.day, 'data_interval_start', at.day, 'data_interval_end', at.day + interval '1 day',
         'run_after', at.day + interval '1 day', 'queued_at', at.day + interval '1 day',
         'start_date', at.day + interval '1 day', 'end_date', at.day + interval '25 hours')) made;
INSERT INTO task_instance
SELECT made.*
FROM (SELECT t FROM task_instance t WHERE dag_id = '{dag}' AND run_id NOT LIKE 'live%' AND run_id NOT LIKE 'canary%'
          AND run_id NOT LIKE 'manual%') original(line),
     generate_series({first}, {last}) n,
     LATERAL jsonb_populate_record(original.line, jsonb_build_object(
         'id', gen_random_uuid(), 'run_id', '{prefix}' || n)) made;
"""
_NEWEST_DAY = f"timestamptz '2030-01-01' + {LIVE_RUNS} * interval '1 day'"
_LIVE_DAY = "timestamptz '2030-01-01' + n * interval '1 day'"
_DAY_BETWEEN = (
    f"{_NEWEST_DAY} - (n / {FEW}) * interval '1 day' - interval '12 hours' + (n % {FEW}) * interval '1 minute'"
)
_ROUTED = """
INSERT INTO pinning_run (dag_id, run_id, dag_version_id, kind, created_at, state)
SELECT dag_id, run_id, created_dag_version_id, 'canary', now(), 'success' FROM dag_run WHERE run_id LIKE 'canary%'
ON CONFLICT DO NOTHING;
"""
_XCOMS = {
    "xcom": """
INSERT INTO xcom (dag_run_id, task_id, map_index, key, dag_id, run_id, value, timestamp)
SELECT r.id, t.task_id, -1, 'return_value', t.dag_id, t.run_id, '"1"', now()
FROM task_instance t JOIN dag_run r USING (dag_id, run_id) WHERE dag_id = '{dag}' ON CONFLICT DO NOTHING;
""",
    "xcom_v2": """
INSERT INTO xcom_v2 (id, task_instance_id, key, value, timestamp)
SELECT gen_random_uuid(), id, 'return_value', '"1"', now() FROM task_instance WHERE dag_id = '{dag}'
ON CONFLICT DO NOTHING;
""",
}


def build(subject: Subject, server: Server, step: Callable[[str], object]) -> None:
    """
    Build the templates.

    :param subject: one with the package, whose database is used up
    :param server: where the databases are
    :param step: told what comes next
    """
    step(f"{LIVE_RUNS} live runs and {MANY:,} canary runs of a Dag")
    subject.reset(templates.LIVE)
    server.execute(_FINISHED, database=subject.name)
    _add(subject, server, "live_", 1, LIVE_RUNS, _LIVE_DAY, "scheduled")
    subject.save(PAST)
    _add(subject, server, "canary__v1__", 0, FEW - 1, _DAY_BETWEEN)
    subject.save(FEW_CANARIES)
    _add(subject, server, "canary__v1__", FEW, MANY - 1, _DAY_BETWEEN)
    subject.save(MANY_CANARIES)
    subject.reset(PAST)
    _add(subject, server, "manual__", 0, MANY - 1, _DAY_BETWEEN)
    subject.save(MANY_MANUAL)


def _add(subject: Subject, server: Server, prefix: str, first: int, last: int, date: str, kind: str = "manual") -> None:
    tables = server.execute("SELECT tablename FROM pg_tables", database=subject.name)
    xcoms = _XCOMS["xcom_v2" if "xcom_v2" in str(tables) else "xcom"]
    statement = _RUNS + _ROUTED + xcoms
    values = {"dag": DAG, "prefix": prefix, "first": first, "last": last, "date": date, "kind": kind}
    server.execute(statement.format(**values), database=subject.name)


def measure(stage: Stage, *, turns: int, rounds: int, advance: Callable[[], None]) -> list[Ratio]:
    """
    Let each subject look up what a live run asks about the runs before it.

    :param stage: where the subjects are
    :param turns: how many turns of each look-up there are in a round
    :param rounds: how many rounds to make
    :param advance: called after each turn
    """
    measured: list[dict[str, dict[str, list[Cost]]]] = []
    for _ in range(rounds):
        with stage.subjects(TEMPLATES) as subjects:
            for subject in subjects:
                subject.reset(TEMPLATES[subject.name])
            measured.append({what: _ask(what, subjects, turns, advance) for what in LOOK_UPS | COUNTS})

    def against(what: str, name: str, base: str) -> list[Turns]:
        return [(costs[what][name], costs[what][base]) for costs in measured]

    flat = [
        row
        for what in LOOK_UPS
        for row in (
            ratio(
                f"Looking up {what}, no canary run",
                "stock",
                WIDER.get(what, BUDGET_WITHOUT),
                against(what, "none", "stock"),
                "look-up",
                TIMES,
            ),
            ratio(
                f"The same, {MANY:,} canary runs",
                f"{FEW}",
                WIDER.get(what, BUDGET_FLAT),
                against(what, "many", "few"),
                "look-up",
                TIMES,
            ),
        )
    ]
    counts = [
        row
        for what in COUNTS
        for row in (
            ratio(
                f"Looking up {what}, no canary run",
                "stock",
                BUDGET_WITHOUT,
                against(what, "none", "stock"),
                "look-up",
                TIMES,
            ),
            ratio(
                f"The same, {MANY:,} canary runs",
                f"{MANY:,} manual runs in stock",
                BUDGET_OF_COUNTS,
                against(what, "many", "stock_many"),
                "look-up",
                TIMES,
            ),
        )
    ]
    return flat + counts


def _ask(what: str, subjects: list[Subject], turns: int, advance: Callable[[], None]) -> dict[str, list[Cost]]:
    found: dict[str, object] = {}

    def ask(subject: Subject) -> dict[str, float]:
        answer = subject.do("look_up", what=what, times=TIMES)
        found[subject.name] = answer.pop("found")
        return answer

    take_turns(subjects, 1, ask, lambda: None)
    costs = take_turns(subjects, turns, ask, advance)
    answers = {name: answer for name, answer in found.items() if name != "stock_many"}
    if len(set(map(str, answers.values()))) > 1:
        raise RuntimeError(f"Looking up {what} finds other things: {answers}")
    return costs
