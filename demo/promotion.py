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
"""The second act: three candidates go through the promotion Dag, and one of them stays."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable

from demo.act import Act
from demo.checks import short
from demo.database import Run
from demo.promotion_run import FAST, PROMOTION_BUNDLE, PROMOTION_DAG_ID, PromotionRun, commit_promotion_dag
from demo.shipments import BROKEN, BROKEN_LIVE, DAG_ID, GOOD, STABLE, TASK_ID, Shipping, said
from demo.sources import DAG_ID as FIRST_ACT_DAG_ID

APPROVER = "release_lead"
"""The person who approves, who is not the user that the tasks log in as."""


class PromotionStory(Act):
    """Commits candidates, starts their promotions, and looks up what became of them."""

    def steps(self) -> Iterable[Callable[[], None]]:
        """Return the steps in their order."""
        return (
            self.set_the_stage,
            self.try_the_good_one,
            self.approve_the_good_one,
            self.bake_the_good_one,
            self.try_the_broken_one,
            self.promote_the_one_that_fails_live,
            self.roll_back_the_one_that_fails_live,
            self.look_back,
        )

    def set_the_stage(self) -> None:
        """Register the Dag that is promoted, and the Dag that promotes it."""
        with self.timeline.step(f"Deploy {PROMOTION_DAG_ID} from a bundle of its own, and pin Dag {DAG_ID}"):
            # Its runs would take the two cores of a small machine from those of this act.
            self.airflow.airflow.patch(f"/dags/{FIRST_ACT_DAG_ID}", {"is_paused": True})
            commit_promotion_dag(self.airflow)
            self._commit(STABLE, "Ship by road")
            self._wait_for_version(1)
            self.checks.wait(lambda: self.airflow.database.dag(PROMOTION_DAG_ID), "the promotion Dag is registered")
            self.timeline.check(
                "import errors of its bundle", self.airflow.database.import_errors(PROMOTION_BUNDLE), {}
            )
            self.airflow.pinning.put(f"/dags/{DAG_ID}/pin", {"version_number": 1, "reason": "Tested by hand"})
            for _ in range(FAST["canary_runs"]):
                self._next_live_run(1, STABLE)

    def try_the_good_one(self) -> None:
        """Run a version beside the one that is pinned."""
        with self.timeline.step("Commit version 2: the promotion replays live runs with it while version 1 stays live"):
            self.good = self._promotion("promote_version_2")
            self._commit(GOOD, "Ship by rail")
            self._canaries(self.good, 2, GOOD, "success")
            self._wait(self.good, "soak", "success")
            self._pairs(2, STABLE, GOOD)
            self.timeline.check("verdict of the soak, its XCom", self.good.result("soak")["verdict"], "successful")
            self._live_versions_since_the_pin(1)

    def approve_the_good_one(self) -> None:
        """Answer the question that the promotion asks."""
        with self.timeline.step(f"The promotion asks, and {APPROVER} approves through Airflow's API"):
            self._wait(self.good, "approval", "awaiting_input")
            question = self.good.question()
            self.timeline.check("subject", question["subject"], f"Release version 2 of Dag {DAG_ID}?")
            self.timeline.check(
                "hash of version 2 in the question",
                "named" if self._version(2)["dag_hash"] in question["body"] else question["body"],
                "named",
            )
            told = [line for line in question["body"].splitlines() if line.startswith("- **Dag file**")]
            self.timeline.check("difference in the question", told, ["- **Dag file**: lines added: 3, removed: 3"])
            self.timeline.check("active version while nobody has answered", self._active(), 1)
            answer = self.good.answer("Approve", username=APPROVER)
            self.timeline.check(
                "answer", f"{answer['responded_by']['name']}: {answer['chosen_options']}", f"{APPROVER}: ['Approve']"
            )

    def bake_the_good_one(self) -> None:
        """Pin it, and judge it by its live runs."""
        with self.timeline.step("The window is open: version 2 is pinned, and bakes on live runs"):
            self._wait(self.good, "pin", "success")
            self.timeline.check("window, its XCom", self.good.result("window")["reason"][:4], "open")
            self.timeline.check("active version", self._active(), 2)
            self.checks.wait(self.good.finished, "the promotion is finished")
            self._outcome(self.good, "success", bake="success", roll_back="skipped", reject="skipped")
            evidence = self.good.result("bake")["evidence"]
            self.timeline.check(
                "live runs that the bake judged",
                evidence["runs"],
                f"at least {FAST['bake_runs']}",
                passed=evidence["runs"] >= FAST["bake_runs"],
            )
            self._next_live_run(2, GOOD)

    def try_the_broken_one(self) -> None:
        """Reject what fails its canary runs."""
        with self.timeline.step("Commit version 3, whose task fails: its canary fails, and it never gets a live run"):
            promotion = self._promotion("promote_version_3")
            self._commit(BROKEN, "Ship by balloon")
            self._canaries(promotion, 3, BROKEN, "failed")
            self.checks.wait(promotion.finished, "the promotion is finished")
            self._outcome(
                promotion, "failed", soak="failed", pin="upstream_failed", reject="success", roll_back="skipped"
            )
            self.timeline.check("state of version 3", self._version(3)["state"], "rejected")
            self.timeline.check("active version", self._active(), 2)
            self._live_versions_since_the_pin(2)

    def promote_the_one_that_fails_live(self) -> None:
        """Let through what no canary can show."""
        with self.timeline.step("Commit version 4, which fails in live runs only: canary and soak let it through"):
            self.live = self._promotion("promote_version_4")
            self._commit(BROKEN_LIVE, "Ship by drone")
            self._canaries(self.live, 4, BROKEN_LIVE, "success")
            self._wait(self.live, "approval", "awaiting_input")
            self.live.answer("Approve", username=APPROVER)
            self._wait(self.live, "pin", "success")

    def roll_back_the_one_that_fails_live(self) -> None:
        """See the bake take back what live runs show."""
        with self.timeline.step("Live runs of version 4 fail: the bake rolls back to version 2"):
            self.checks.wait(self.live.finished, "the promotion is finished")
            self._outcome(self.live, "failed", pin="success", bake="failed", roll_back="success", reject="skipped")
            failed = self.checks.wait(
                lambda: [run for run in self._live_runs() if run.version_number == 4 and run.is_finished],
                "a live run of version 4 is finished",
            )
            self.timeline.check("live runs of version 4", {run.state for run in failed}, {"failed"})
            self.timeline.check("log of the first", self._said(failed[0]), BROKEN_LIVE.failure)
            state = self.airflow.pinning.get(f"/dags/{DAG_ID}")
            self.timeline.check("active version", state["active"]["version_number"], 2)
            self.timeline.check("on hold, until a person lifts it", state["hold"] is not None, True)
            self.timeline.check("state of version 4", self._version(4)["state"], "rejected")
            self._next_live_run(2, GOOD)

    def look_back(self) -> None:
        """Read the history and the health of the deployment."""
        with self.timeline.step("Look back on the promotions"):
            events = self.airflow.pinning.get(f"/dags/{DAG_ID}/events")["events"]
            self.timeline.check(
                "table pinning_event, through the API",
                # That runs of version 4 fail is told as well, some time after they do.
                [_described(event) for event in reversed(events) if event["kind"] != "failing"],
                ["pinned 1 by admin"]
                + [f"{kind} 2 by task {task}" for kind, task in PROMOTED]
                + ["candidate 3 by task new_version", "canary 3 by task canary", "rejected 3 by task reject"]
                + [f"{kind} 4 by task {task}" for kind, task in PROMOTED]
                + ["rolled_back 2 by task roll_back", "held 2 by task roll_back"],
            )
            runs = [run for run in self._live_runs() if run.version_number == 3]
            self.timeline.check("live runs of version 3", len(runs), 0)
            health = self.airflow.pinning.get("/health")
            self.timeline.check("every live component enforces pins", health["enforced"], True)
            self.timeline.check("runs that escaped their pin", health["escaped_runs"], [])

    def _promotion(self, run_id: str) -> PromotionRun:
        self._last_run_before = max((run.id for run in self.airflow.database.runs(DAG_ID)), default=0)
        promotion = PromotionRun(self.airflow, run_id, report=self.timeline.note)
        promotion.start(DAG_ID)
        return promotion

    def _commit(self, shipping: Shipping, message: str) -> None:
        commit = self.airflow.repository.commit(shipping.files, message)
        self.timeline.note(f"git commit {short(commit)}: {message}")

    def _wait_for_version(self, number: int) -> None:
        def registered() -> bool:
            return any(version.number == number for version in self.airflow.database.versions(DAG_ID))

        self.checks.wait(registered, f"version {number} of Dag {DAG_ID} is registered")

    def _wait(self, promotion: PromotionRun, task_id: str, state: str) -> None:
        self.checks.wait(promotion.reached(task_id, state), f"task {task_id} of the promotion is {state}")

    def _canaries(self, promotion: PromotionRun, number: int, shipping: Shipping, state: str) -> None:
        """Check that the canary runs are of the candidate, and ended as they should."""
        self._wait(promotion, "canary", "success")
        runs = [run for run in self.airflow.database.runs(DAG_ID) if run.run_id.startswith(f"canary__v{number}__")]
        self.timeline.check("canary runs", len(runs), FAST["canary_runs"])
        for run in runs:
            self.timeline.check(
                f"canary run {run.run_id.rpartition('__')[2]}",
                f"{run.state}, version {run.version_number} at {short(run.bundle_version)}, {self._said(run)!r}",
                f"{state}, version {number} at {short(self.airflow.repository.head)}, "
                f"{(shipping.printed if state == 'success' else shipping.failure)!r}",
            )

    def _pairs(self, number: int, before: Shipping, after: Shipping) -> None:
        """Show the replays of a version beside their originals, and check that only what the task returns differs."""
        pairs = self.airflow.pinning.get(f"/dags/{DAG_ID}/versions/{number}/replays")["replays"]
        self.timeline.table(
            ("original run", "replay", "in", "original has", "replay has"),
            [
                (
                    pair["original_run_id"],
                    pair["run_id"],
                    f"{found['what']} {found['task_id']}.{found['key']}",
                    found["original"],
                    found["replay"],
                )
                for pair in pairs
                for found in pair["shown"]
            ],
        )
        self.timeline.check(
            "outputs that differ from the original, by replay",
            [[(found["original"], found["replay"]) for found in pair["shown"]] for pair in pairs],
            [[(json.dumps(before.carrier), json.dumps(after.carrier))]] * FAST["canary_runs"],
        )

    def _outcome(self, promotion: PromotionRun, state: str, **tasks: str) -> None:
        states = promotion.states()
        self.timeline.check("state of the promotion run", promotion.run.state, state)
        self.timeline.check("its tasks", {task_id: states.get(task_id) for task_id in tasks}, tasks)

    def _live_runs(self, *, after: int = 0) -> list[Run]:
        return self.airflow.database.runs(DAG_ID, run_type="scheduled", after=after)

    def _live_versions_since_the_pin(self, number: int) -> None:
        """Check that what is scheduled while a candidate is tried is of the pinned version."""
        runs = self._live_runs(after=self._last_run_before)
        self.timeline.check(
            f"versions of the {len(runs)} live runs meanwhile", {run.version_number for run in runs}, {number}
        )

    def _next_live_run(self, number: int, shipping: Shipping) -> None:
        newest = max((run.id for run in self.airflow.database.runs(DAG_ID)), default=0)
        run = self.checks.wait(
            lambda: next((run for run in self._live_runs(after=newest) if run.is_finished), None),
            f"the next live run of Dag {DAG_ID} is finished",
        )
        self.timeline.check(
            "next live run",
            f"{run.state}, version {run.version_number}, {self._said(run)!r}",
            f"success, version {number}, {shipping.printed!r}",
        )

    def _said(self, run: Run) -> str | None:
        return said(self.airflow.task_log(DAG_ID, run.run_id, TASK_ID))

    def _active(self) -> int:
        return self.airflow.pinning.get(f"/dags/{DAG_ID}")["active"]["version_number"]

    def _version(self, number: int) -> dict[str, str]:
        versions = self.airflow.pinning.get(f"/dags/{DAG_ID}/versions")["versions"]
        return next(version for version in versions if version["version_number"] == number)


PROMOTED = (("candidate", "new_version"), ("canary", "canary"), ("pinned", "pin"))
"""What the tasks of a promotion leave in the history up to the pin."""


def _described(event: dict) -> str:
    task = (event["source"] or {}).get("task_id")
    version = event["to_version"] or event["from_version"]
    return f"{event['kind']} {version['version_number']} by {f'task {task}' if task else event['actor']}"
