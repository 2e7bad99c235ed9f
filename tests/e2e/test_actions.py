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
"""What can be done on the Pinning tab, and what the server then says."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.window import REASON, REFUSED


@pytest.fixture
def tab(airflow, window):
    """Return a function that opens the tab of a Dag that is there to be changed."""

    def open_tab(name: str):
        opened = window(airflow)
        opened.open_tab(f"practice_{name}")
        return opened

    return open_tab


def test_version_is_pinned_with_a_reason_after_a_look_at_what_changes(tab):
    shown = tab("pins")
    shown.button("Promote version 3").click()
    shown.confirm("Pin version 3")
    expect(shown.dialog.get_by_role("alert")).to_have_text("Enter a reason.")
    shown.confirm("Pin version 3", reason="Looks good")
    expect(shown.page.get_by_role("status").filter(has_text="Version 3 is pinned")).to_be_visible()
    expect(shown.dialog).to_have_count(0)
    expect(shown.fact("Active version")).to_contain_text("Version 3pinned")
    expect(shown.fact("Reason")).to_contain_text("Looks goodop, just now")
    expect(shown.history.first).to_contain_text("pinned")
    expect(shown.history.first).to_contain_text("2 → 3")
    expect(shown.history.first).to_contain_text("opLooks good")
    event = shown.newest_event("practice_pins")
    assert (event["kind"], event["actor"], event["reason"]) == ("pinned", "op", "Looks good")
    assert shown.state("practice_pins")["active"]["version_number"] == 3


def test_preview_tells_what_the_next_run_would_be(tab):
    shown = tab("previews")
    shown.button("Pin version 3").click()
    preview = shown.dialog.locator("section")
    for text in ("load", "30 5 * * *", "@hourly", "Next scheduled run:"):
        expect(preview).to_contain_text(text)
    preview.get_by_text(re.compile(r"^Dag file \(")).click()
    expect(preview.get_by_role("region", name="Dag file diff")).to_contain_text("+    schedule='@hourly',")
    shown.dialog.get_by_role("button", name="Cancel").click()
    expect(shown.dialog).to_have_count(0)
    assert shown.state("practice_previews")["revision"] == 2


def test_rollback_takes_two_clicks(tab):
    shown = tab("rolls_back")
    shown.button("Roll back to version 1").click()
    shown.confirm("Roll back to version 1")
    expect(shown.page.get_by_text("Rolled back. New runs use version 1.")).to_be_visible()
    expect(shown.fact("Active version")).to_contain_text("Version 1pinned")
    expect(shown.section("Versions").get_by_role("row").filter(has_text="Version 2")).to_contain_text("rejected")
    event = shown.newest_event("practice_rolls_back", but="held")
    assert (event["kind"], event["reason"]) == ("rolled_back", "Roll back from version 2")
    assert shown.state("practice_rolls_back")["active"]["version_number"] == 1
    expect(shown.page.get_by_role("button", name=re.compile("^Roll back to"))).to_have_count(0)


def test_rollback_dialog_stops_and_reruns_runs_of_the_bad_version(tab):
    asked = []

    def left(route):
        if route.request.method == "POST":
            asked.append(route.request.post_data_json)
            route.continue_()
        else:
            answer = route.fetch()
            route.fulfill(response=answer, json={**answer.json(), "runs": {"failed": 5, "running": 1}})

    shown = tab("repairs_runs")
    shown.page.route("**/dags/practice_repairs_runs/rollback", left)
    shown.page.reload()
    shown.button("Roll back to version 1").click()
    expect(shown.dialog).to_contain_text("Runs of version 2 since it became active: 5 failed, 1 running.")
    expect(shown.dialog).to_contain_text("To rerun runs later, clear them in Airflow, on the latest version")
    shown.dialog.get_by_label("Unfinished runs").select_option("Stop them: they end as failed, and are not rerun")
    shown.dialog.get_by_label("Finished runs", exact=True).select_option("Rerun the 5 failed on version 1")
    expect(shown.dialog).to_contain_text("The tasks of reruns have real side effects again.")
    shown.confirm("Roll back to version 1")
    expect(shown.page.get_by_text("Rolled back. New runs use version 1.")).to_be_visible()
    assert [one["repair"] for one in asked] == [
        {"unfinished": "cancel", "finished": "rerun", "only_failed": True, "skip_blocked": False}
    ]


def test_a_pinned_version_that_was_rewritten_is_repaired(tab):
    shown = tab("repairs")
    expect(shown.button("Repair version 2")).to_have_count(0)
    shown.airflow.execute(
        "UPDATE dag_version SET bundle_version = 'rewritten' WHERE dag_id = 'practice_repairs' AND version_number = 2"
    )
    shown.look_again()
    expect(shown.page.get_by_text("airflow pinning repair practice_repairs -V 2 -r")).to_be_visible()
    shown.button("Repair version 2").click()
    expect(shown.dialog).to_contain_text("Restores version 2 to what it was when it was pinned")
    shown.confirm("Repair version 2", reason="A host without the package rewrote it")
    expect(shown.page.get_by_text("Version 2 is repaired.")).to_be_visible()
    expect(shown.fact("Pin enforcement")).to_have_text("OK")
    expect(shown.button("Repair version 2")).to_have_count(0)
    assert shown.newest_event("practice_repairs")["kind"] == "repaired"
    assert shown.state("practice_repairs")["active"]["bundle_version"] != "rewritten"


def test_runs_that_escaped_their_pin_are_acknowledged(tab):
    shown = tab("escapes")
    expect(shown.button("Acknowledge runs")).to_have_count(0)
    shown.airflow.execute(
        "UPDATE dag_run SET created_dag_version_id ="
        " (SELECT id FROM dag_version WHERE dag_id = 'practice_escapes' AND version_number = 3)"
        " WHERE id = (SELECT max(id) FROM dag_run WHERE dag_id = 'practice_escapes')"
    )
    shown.look_again()
    expect(shown.page.get_by_text("1 run that was created since the pin does not use version 2")).to_be_visible()
    shown.button("Acknowledge runs").click()
    shown.confirm("Acknowledge runs", reason="It did no harm")
    expect(shown.page.get_by_text("They are no longer reported")).to_be_visible()
    expect(shown.fact("Pin enforcement")).to_have_text("OK")
    assert shown.newest_event("practice_escapes")["kind"] == "acknowledged"


def test_unpinning_makes_the_latest_version_active(tab):
    shown = tab("unpins")
    shown.button("Unpin").click()
    expect(shown.dialog).to_contain_text("New runs will use the latest version (now 3) instead of version 2.")
    shown.confirm("Unpin", reason="Follow the repository again")
    expect(shown.fact("Active version")).to_contain_text("Version 3not pinned")
    assert shown.newest_event("practice_unpins")["reason"] == "Follow the repository again"
    assert shown.state("practice_unpins")["pinned"] is False


def test_unpinning_does_not_let_a_version_go_live_that_was_not_shown(tab):
    shown = tab("moves_on")
    shown.button("Unpin").click()
    expect(shown.dialog).to_contain_text("Changes: version 2 to version 3")
    shown.airflow.execute(
        "UPDATE dag_version SET version_number = 4 WHERE dag_id = 'practice_moves_on' AND version_number = 3"
    )
    shown.complaints.expect(REFUSED)
    shown.confirm("Unpin", reason="Follow the repository again")
    expect(shown.dialog.get_by_role("alert")).to_contain_text("is version 4 ")
    expect(shown.dialog).to_contain_text("Changes: version 2 to version 4")
    assert shown.state("practice_moves_on")["pinned"]
    shown.airflow.execute(
        "UPDATE dag_version SET bundle_version = 'rewritten' WHERE dag_id = 'practice_moves_on' AND version_number = 4"
    )
    shown.confirm("Unpin")
    expect(shown.dialog.get_by_role("alert")).to_contain_text("has code rewritten")
    assert shown.state("practice_moves_on")["pinned"]
    shown.dialog.get_by_role("button", name="Cancel").click()
    shown.button("Unpin").click()
    shown.confirm("Unpin", reason="Follow the repository again")
    expect(shown.fact("Active version")).to_contain_text("Version 4not pinned")


def test_canary_runs_are_started_while_the_pin_stays(tab):
    shown = tab("canaries")
    shown.airflow.execute(
        "UPDATE dag_run SET state = 'queued'"
        " WHERE id = (SELECT max(id) FROM dag_run WHERE dag_id = 'practice_canaries')"
    )
    shown.airflow.airflow.post("/variables", {"key": "bucket_canary", "value": "trial"})
    shown.button("Start canary runs").click()
    shown.dialog.get_by_label("Inputs").select_option("New runs")
    shown.dialog.get_by_label("Number of runs").fill("2")
    shown.dialog.get_by_role("textbox", name="size").fill("big")
    assert shown.serious_faults(shown.dialog) == []
    shown.complaints.expect("Failed to load resource: .* status of 4")
    shown.confirm("Start canary runs", reason="Try it")
    expect(shown.dialog.get_by_role("alert")).to_contain_text("conf does not match the params")
    as_json = shown.dialog.get_by_role("checkbox", name="Configuration as JSON")
    as_json.press("Space")
    configuration = shown.dialog.get_by_role("textbox", name="Configuration")
    expect(configuration).to_have_value('{"size":"big"}')
    configuration.fill('{"size": 4}')
    as_json.press("Space")
    expect(shown.dialog.get_by_role("textbox", name="size")).to_have_value("4")
    shown.dialog.get_by_role("textbox", name="size").fill("3")
    shown.dialog.get_by_text("Isolation from live runs").click()
    shown.dialog.get_by_label("Asset events").select_option("publish")
    shown.dialog.get_by_label("Pool").fill("default_pool")
    shown.dialog.get_by_label("Substitutes for Variables").fill("bucket=bucket_canary")
    shown.confirm("Start canary runs")
    expect(shown.page.get_by_text("Started 2 canary runs of version 3.")).to_be_visible()
    expect(shown.page.get_by_role("link", name="View runs")).to_have_attribute("href", re.compile("canary__v3__"))
    part = shown.section("Candidate")
    expect(part).to_contain_text("2 canary runs queued.")
    expect(part).to_contain_text("1 live run of Dag 'practice_canaries' waits to start")
    runs = shown.airflow.pinning.get("/dags/practice_canaries/runs")["runs"]
    assert [(run["kind"], run["version_number"]) for run in runs[:2]] == [("canary", 3)] * 2
    [started] = shown.airflow.pinning.get("/dags/practice_canaries/events")["events"][:1]
    assert started["evidence"]["isolation"] == {
        "alerts": "withhold",
        "assets": "publish",
        "pool": "default_pool",
        "slots": "behind",
        "state": "withhold",
        "triggers": "refuse",
        "variables": {"bucket": "bucket_canary"},
    }
    assert shown.state("practice_canaries")["active"]["version_number"] == 2


def test_rejected_version_is_not_offered_until_it_is_restored(tab):
    shown = tab("rejects")
    shown.button("Reject version 3").click()
    shown.confirm("Reject version 3", reason="Loses orders")
    expect(shown.section("Candidate")).to_contain_text("No candidate. The latest version (3) is rejected.")
    expect(shown.button("Pin version 3")).to_have_count(0)
    shown.button("Restore version 3").click()
    shown.confirm("Restore version 3", reason="Was a false alarm")
    expect(shown.button("Pin version 3")).to_be_visible()


def test_held_dag_is_changed_only_with_a_reason_for_that(tab):
    shown = tab("holds")
    shown.button("Roll back to version 1").click()
    shown.dialog.get_by_text("Hold this version").click()
    shown.confirm("Roll back to version 1", reason="Down")
    expect(shown.fact("On hold")).to_contain_text("Down")
    shown.button("Pin version 3").click()
    expect(shown.dialog).to_contain_text("Down")
    shown.dialog.get_by_role("textbox", name=REASON).fill("Repaired")
    shown.confirm("Pin version 3")
    expect(shown.dialog.get_by_role("alert")).to_have_text("Enter an override reason.")
    shown.dialog.get_by_role("textbox", name="Override reason").fill("The repair is tested")
    shown.confirm("Pin version 3")
    expect(shown.fact("Active version")).to_contain_text("Version 3pinned")
    expect(shown.history.first).to_contain_text("Override reason: The repair is tested")
    assert shown.state("practice_holds")["hold"] is None


def test_hold_is_lifted_while_the_version_stays(tab):
    shown = tab("lifts")
    expect(shown.button("Lift hold")).to_have_count(0)
    shown.button("Roll back to version 1").click()
    shown.dialog.get_by_text("Hold this version").click()
    shown.confirm("Roll back to version 1", reason="Down")
    shown.button("Lift hold").click()
    expect(shown.dialog).to_contain_text('Held by op: "Down"')
    shown.confirm("Lift hold", reason="Repaired")
    expect(shown.page.get_by_text("Hold lifted. Promotions can change the version again.")).to_be_visible()
    expect(shown.fact("On hold")).to_have_count(0)
    expect(shown.button("Lift hold")).to_have_count(0)
    expect(shown.history.first).to_contain_text("hold lifted")
    expect(shown.history.first).to_contain_text("opRepaired")
    state = shown.state("practice_lifts")
    assert (state["hold"], state["active"]["version_number"]) == (None, 1)


def test_version_is_pinned_from_a_time_on_and_the_change_is_canceled(tab):
    shown = tab("changes_later")
    shown.button("Promote version 3").click()
    expect(shown.dialog).to_contain_text("In time zone UTC.")
    shown.dialog.get_by_label("Effective from").fill("2001-01-31T13:01:00")
    shown.confirm("Pin version 3", reason="The tariffs of next year")
    expect(shown.dialog.get_by_role("alert")).to_have_text("Enter a time in the future.")
    shown.dialog.get_by_label("Effective from").fill("2131-01-31T13:01:07")
    shown.confirm("Pin version 3")
    expect(shown.page.get_by_text("Runs due at 2131-01-31 13:01:07 UTC or later use version 3.")).to_be_visible()
    expect(shown.fact("Active version")).to_contain_text("Version 2")
    banner = shown.page.get_by_text("Pending: pin of version 3")
    expect(banner).to_be_visible()
    assert shown.state("practice_changes_later")["pending"]["effective_from"].startswith("2131-01-31T13:01:07")

    shown.button("Cancel the change").click()
    expect(shown.dialog).to_contain_text("Cancels the pin of version 3.")
    shown.confirm("Cancel the change", reason="Not needed")

    expect(shown.page.get_by_text("Pending change canceled.")).to_be_visible()
    expect(banner).to_have_count(0)
    assert shown.state("practice_changes_later")["pending"] is None


def test_ramp_is_shown_with_its_next_run_paused_resumed_and_aborted(tab, airflow):
    steps = [{"share": 0.25, "runs": 3}, {"share": 0.5, "duration": "1d"}]
    airflow.pinning.post("/dags/practice_ramps/ramp", {"version_number": 3, "steps": steps, "reason": "See it live"})
    shown = tab("ramps")
    banner = shown.page.locator(".chakra-alert__root").filter(has_text="25 % of new runs")
    expect(banner).to_contain_text("Ramp: version 3 gets 25 % of new runs")
    expect(banner).to_contain_text("The next 3 runs will not get version 3; the one after that will.")
    expect(banner).to_contain_text("Then: 50 % for 1 day, the version is pinned.")
    expect(shown.fact("Active version")).to_contain_text("Version 2")
    assert shown.serious_faults(banner) == []

    shown.button("Pause").click()
    shown.confirm("Pause the ramp", reason="Look closer")
    expect(shown.page.get_by_text("Ramp to version 3 is paused")).to_be_visible()
    shown.button("Resume").click()
    shown.confirm("Resume the ramp", reason="All fine")
    expect(banner).to_be_visible()

    shown.open_overview("?dag_id_pattern=practice_ramps")
    expect(shown.pins.get_by_text("ramp 25 %", exact=True)).to_be_visible()

    shown.open_tab("practice_ramps")
    shown.button("Abort").click()
    expect(shown.dialog).to_contain_text("No new run will use version 3; all use version 2.")
    shown.confirm("Abort the ramp", reason="Totals are wrong")
    expect(shown.page.get_by_text("Ramp aborted. No new run uses version 3.")).to_be_visible()
    expect(banner).to_have_count(0)
    expect(shown.history.first).to_contain_text("ramp aborted")
    assert shown.state("practice_ramps")["ramp"] is None


def test_what_was_done_is_told_until_it_is_dismissed_or_changed(tab):
    shown = tab("tells")
    told = shown.page.get_by_role("status").filter(has_text="New runs use it")
    shown.button("Pin version 3").click()
    shown.confirm("Pin version 3", reason="Looks good")
    expect(told).to_contain_text("Reload to update the Dag header.")
    told.get_by_role("button", name="Dismiss").click()
    expect(told).to_have_count(0)
    shown.button("Pin version 2").click()
    shown.confirm("Pin version 2", reason="Looks bad")
    expect(told).to_contain_text("Version 2 is pinned")
    shown.airflow.pinning.put("/dags/practice_tells/pin", {"version_number": 1, "reason": "Made elsewhere"})
    shown.look_again()
    expect(shown.fact("Reason")).to_contain_text("Made elsewhere")
    expect(told).to_have_count(0)


def test_dialog_waits_for_the_answer_and_the_page_shows_it_at_once(tab):
    shown = tab("hangs")
    held = []
    shown.page.route("**/dags/practice_hangs/pin", lambda route: held.append(route))
    shown.button("Pin version 3").click()
    reason = shown.dialog.get_by_role("textbox", name=REASON)
    reason.fill("Looks good")
    shown.page.mouse.click(5, 450)
    expect(reason).to_have_value("Looks good")
    shown.confirm("Pin version 3")
    expect(shown.dialog.get_by_role("button", name="Cancel")).to_be_disabled()
    shown.page.keyboard.press("Escape")
    expect(reason).to_be_visible()
    reads = "**/dags/practice_hangs/versions?*"
    shown.page.route(reads, lambda route: None)
    held[0].continue_()
    expect(shown.dialog).to_have_count(0)
    expect(shown.fact("Active version")).to_contain_text("Version 3pinned")
    busy = shown.page.locator("[aria-busy=true]", has=shown.section("Version status"))
    expect(busy).to_be_visible()
    shown.page.unroute(reads)
    shown.look_again()


def test_somebody_who_was_faster_is_shown_and_nothing_is_changed(tab):
    shown = tab("conflicts")
    shown.button("Pin version 3").click()
    shown.airflow.pinning.put("/dags/practice_conflicts/pin", {"version_number": 1, "reason": "Outage"})
    shown.complaints.expect(REFUSED)
    shown.confirm("Pin version 3", reason="Looks good")
    alert = shown.dialog.get_by_role("alert")
    expect(alert).to_contain_text("Someone else changed this Dag. Your change was not made.")
    expect(alert).to_contain_text("admin pinned version 1")
    expect(alert).to_contain_text("Outage")
    expect(shown.dialog).to_contain_text("Changes: version 1 to version 3")
    assert shown.state("practice_conflicts")["active"]["version_number"] == 1
    assert shown.newest_event("practice_conflicts")["reason"] == "Outage"
    shown.dialog.get_by_role("button", name="Cancel").click()
    expect(shown.fact("Active version")).to_contain_text("Version 1pinned")


def test_click_repeated_after_a_lost_answer_does_not_claim_what_is_no_longer_so(tab):
    shown = tab("loses_answers")
    path = "**/dags/practice_loses_answers/pin"

    def lose_answer(route):
        route.fetch()
        route.abort()

    shown.page.route(path, lose_answer)
    shown.button("Pin version 3").click()
    shown.complaints.expect("Failed to load resource: net::ERR_FAILED")
    shown.confirm("Pin version 3", reason="Looks good")
    expect(shown.dialog.get_by_role("alert")).to_contain_text("We don't know if this change was made")
    assert shown.state("practice_loses_answers")["active"]["version_number"] == 3
    shown.airflow.pinning.put("/dags/practice_loses_answers/pin", {"version_number": 1, "reason": "Outage"})
    shown.page.unroute(path)
    shown.confirm("Pin version 3")
    expect(shown.page.get_by_text("Done, but someone has changed it since.")).to_be_visible()
    expect(shown.page.get_by_text("is active, pinned by admin: Outage")).to_be_visible()
    expect(shown.fact("Active version")).to_contain_text("Version 1pinned")
    assert shown.newest_event("practice_loses_answers")["reason"] == "Outage"


def test_change_made_elsewhere_shows_up_by_itself(tab):
    shown = tab("conflicts")
    changed = {"version_number": 2, "reason": "Made elsewhere"}
    shown.airflow.pinning.put("/dags/practice_conflicts/pin", changed)
    shown.look_again()
    expect(shown.fact("Reason")).to_contain_text("Made elsewhere")


def test_component_without_the_enforcement_is_named_and_no_pin_is_made(tab, airflow):
    with airflow.unenforced_scheduler():
        shown = tab("refused")
        banner = shown.page.get_by_text("scheduler on old-host: runs without the enforcement.")
        expect(banner).to_contain_text("Install airflow-providers-pinning there and restart it.")
        shown.complaints.expect(REFUSED)
        shown.button("Pin version 3").click()
        shown.confirm("Pin version 3", reason="Looks good")
        expect(shown.dialog.get_by_role("alert")).to_contain_text("scheduler on old-host")
        assert shown.state("practice_refused")["active"]["version_number"] == 2
    shown.confirm("Pin version 3")
    expect(shown.dialog).to_have_count(0)
    shown.look_again()
    expect(banner).to_have_count(0)
    expect(shown.fact("Active version")).to_contain_text("Version 3pinned")
