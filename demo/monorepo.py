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
"""The last act: a commit changes five Dags, which are released as one and rolled back as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed

from demo.checks import Checks, short
from demo.database import Run
from demo.deployment import Deployment
from demo.loading import DAG_ID as BUSY_DAG_ID
from demo.rest import RestError
from demo.timeline import Timeline
from demo.waiting import TIMEOUT

CITIES = ("berlin", "lagos", "lima", "osaka", "oslo")
DAG_IDS = tuple(f"shop_{city}" for city in CITIES)
TAG = "shops"
HELPER_FILE = "shop_prices.py"

HELPER = """
    LIST = "{prices}"
"""

DAG = """
    import shop_prices
    from airflow.sdk import dag, task


    @dag(schedule=None, is_paused_upon_creation=False, tags=["shops"])
    def {dag_id}():
        @task
        def sell():
            return shop_prices.LIST

        sell()


    {dag_id}()
"""


def _is_error_of_server(error: BaseException) -> bool:
    return isinstance(error, RestError) and error.status >= 500


# SQLite lets one write at a time, and on a busy machine a request may give up before its turn comes.
@retry(retry=retry_if_exception(_is_error_of_server), stop=stop_after_delay(TIMEOUT), wait=wait_fixed(2), reraise=True)
def _patiently(call: Callable[..., Any], *arguments: Any, **params: Any) -> Any:
    return call(*arguments, **params)


class MonorepoStory:
    """
    Releases a commit that changes a module of five Dags, and takes it back.

    :param airflow: a deployment whose components run
    :param timeline: where the steps are told
    """

    def __init__(self, airflow: Deployment, timeline: Timeline) -> None:
        self.airflow = airflow
        self.timeline = timeline
        self.checks = Checks(airflow, timeline)
        self.tries = 0

    def tell(self) -> None:
        """Run every step."""
        self.adopt()
        self.release()
        self.roll_back()

    def adopt(self) -> None:
        """Pin Dags that were not pinned."""
        with self.timeline.step(f"Deploy five Dags that share a module, and pin all with the tag {TAG!r} at once"):
            # Its runs would take the two cores of a small machine from those of this act.
            _patiently(self.airflow.airflow.patch, f"/dags/{BUSY_DAG_ID}", {"is_paused": True})
            dags = {f"{dag_id}.py": DAG.format(dag_id=dag_id) for dag_id in DAG_IDS}
            self._commit({**dags, **self._prices("spring")}, "Sell at the prices of spring", number=1)
            unpinned = self.airflow.pinning.get("/unpinned", tags=TAG)["dags"]
            self.timeline.check("Dags without a pin", [dag["dag_id"] for dag in unpinned], list(DAG_IDS))
            made = self._release({"latest": True}, "Releases are manual from now on")
            self.timeline.check("Dags that were pinned", made["counts"]["changed"], len(DAG_IDS))

    def release(self) -> None:
        """Pin all Dags to a commit."""
        with self.timeline.step("Release the commit that changes the module: all five Dags, or none"):
            commit = self._commit(self._prices("autumn"), "Sell at the prices of autumn", number=2)
            self.timeline.check("what runs sell at before", self._sold(), {"spring"})
            asked = {"bundle_version": commit}
            plan = self._release(asked, "The season changes", dry_run=True)
            self.timeline.check("Dags that would change", plan["counts"]["changed"], len(DAG_IDS))
            self.made = self._release(asked, "The season changes")
            self.timeline.table(
                ("Dag", "from version", "to version"),
                [
                    (dag["dag_id"], dag["from_version"]["version_number"], dag["to_version"]["version_number"])
                    for dag in self.made["dags"]
                ],
            )
            self.timeline.check("what runs sell at now", self._sold(), {"autumn"})

    def roll_back(self) -> None:
        """Take the release back."""
        with self.timeline.step("Roll the release back: all five Dags as one"):
            path = f"/releases/{self.made['release_id']}/rollback"
            back = self._change(path, {"reason": "It is still spring"})
            self.timeline.check("Dags that were rolled back", back["counts"]["changed"], len(DAG_IDS))
            self.timeline.check("what runs sell at now", self._sold(), {"spring"})
            events = self.airflow.database.value(
                "SELECT count(*) FROM pinning_event WHERE release_id = :r", r=back["release_id"]
            )
            self.timeline.check("changes under the id of the rollback", events, len(DAG_IDS))
            status = self.airflow.pinning.get(f"/releases/{self.made['release_id']}")["status"]
            self.timeline.check("status of the release", status, "rolled_back")

    @staticmethod
    def _prices(prices: str) -> dict[str, str | None]:
        return {HELPER_FILE: HELPER.format(prices=prices)}

    def _commit(self, files: dict[str, str | None], message: str, *, number: int) -> str:
        commit = self.airflow.repository.commit(files, message)
        self.timeline.note(f"git commit {short(commit)}: {message}")

        def registered() -> bool:
            return all(
                any(
                    one.number == number and one.bundle_version == commit for one in self.airflow.database.versions(dag)
                )
                for dag in DAG_IDS
            )

        self.checks.wait(registered, f"version {number} of each Dag is registered at {short(commit)}")
        return commit

    def _release(self, what: dict[str, Any], reason: str, **params: Any) -> Any:
        return self._change("/releases", {**what, "tags": [TAG], "reason": reason}, **params)

    def _change(self, path: str, body: dict[str, Any], **params: Any) -> Any:
        """Make a change once, however often it is sent."""
        key = {"idempotency_key": str(uuid4())}
        return _patiently(self.airflow.pinning.post, path, {**body, **key}, **params)

    def _trigger(self, dag_id: str, run_id: str) -> None:
        try:
            _patiently(
                self.airflow.airflow.post, f"/dags/{dag_id}/dagRuns", {"dag_run_id": run_id, "logical_date": None}
            )
        except RestError as error:
            # It was made although the answer said otherwise.
            if error.status != httpx.codes.CONFLICT:
                raise

    def _sold(self) -> set[str]:
        """Let each Dag run once, and return what the runs sold at."""
        self.tries += 1
        run_ids = {dag_id: f"try_{self.tries}" for dag_id in DAG_IDS}
        for dag_id, run_id in run_ids.items():
            self._trigger(dag_id, run_id)

        def runs() -> list[Run]:
            return [
                run for dag_id in DAG_IDS for run in self.airflow.database.runs(dag_id) if run.run_id == run_ids[dag_id]
            ]

        self.checks.wait(lambda: all(run.is_finished for run in runs()), "a run of each Dag has finished")
        return {
            self.airflow.airflow.get(
                f"/dags/{dag_id}/dagRuns/{quote(run_id)}/taskInstances/sell/xcomEntries/return_value", stringify=False
            )["value"]
            for dag_id, run_id in run_ids.items()
        }
