"""A gate operator clicks in Odoo, and a turnstile works otherwise."""

import time
from datetime import UTC, datetime, timedelta

import pytest
import requests
from demo.odoo_client import OdooRefused
from demo.park import wait_for

LANE = "L2"


class Control:
    """What an operator and the lane's own page tell of one lane."""

    def __init__(self, park):
        self.park = park
        self.operator = park.person("operator")
        [lane] = self.operator.read("scenic.lane", [["code", "=", LANE]], ["id"])
        self.id = lane["id"]
        self.seen = self.events([])[0]["id"]

    def click(self, method):
        return self.operator.call("scenic.lane", method, [self.id])

    def switch(self, method, reason):
        """Fill in the window that a button opens, and confirm it."""
        action = self.click(method)
        context = action["context"]
        wizard = self.operator.call(
            "scenic.lane.switch",
            "create",
            {
                "lane_ids": context["default_lane_ids"],
                "mode": context["default_mode"],
                "ends_emergency": context.get("default_ends_emergency", False),
                "reason": reason,
            },
        )
        self.operator.call("scenic.lane.switch", "action_confirm", [wizard])

    def events(self, phases, **named):
        domain = [["lane_id", "=", self.id]] if hasattr(self, "seen") else []
        domain += [["id", ">", self.seen]] if domain else []
        domain += [["phase", "in", phases]] if phases else []
        return self.operator.read(
            "scenic.pass.event",
            domain,
            ["phase", "note", "passes", "direction"],
            order="id desc",
            **({} if phases else {"limit": 1}),
        )

    def mode(self):
        lanes = requests.get(f"{self.park.bridge.url}/lanes", timeout=10).json()
        [lane] = [each for each in lanes["lanes"] if each["lane"] == LANE]
        return lane["mode"], lane["free"], [n["mode"] for n in lane["next"]]

    def until(self, mode, free):
        """Wait for the lane itself; print how long it took."""
        began = time.monotonic()
        wait_for(lambda: self.mode()[:2] == (mode, free), f"{LANE} is {mode}")
        print(f"{LANE} {mode} after {time.monotonic() - began:.2f} s")


@pytest.fixture
def control(park):
    control = Control(park)
    yield control
    if control.mode()[0] == "emergency":
        control.switch("action_end_emergency", "end of the test")
    control.click("action_controlled")
    control.until("controlled", [])


def test_entry_serves_as_exit_and_again_as_entry(park, control):
    control.click("action_exit")
    control.until("exit", ["out"])
    park.simulator.walk(LANE, "out")
    [left] = wait_for(lambda: control.events(["exit"]), "the exit is counted")
    assert (left["passes"], left["direction"]) == (1, "out")
    control.click("action_controlled")
    control.until("controlled", [])
    notes = wait_for(
        lambda: len(found := control.events(["mode"])) > 1 and found, "both are logged"
    )
    assert [n["note"] for n in notes] == ["controlled by server", "exit by server"]


def test_emergency_opens_both_ways_until_it_is_ended(park, control):
    control.switch("action_emergency", "smoke in the cave")
    control.until("emergency", ["in", "out"])
    park.simulator.walk(LANE, "in")
    wait_for(lambda: control.events(["entry"]), "who came in is counted")
    for method in ("action_controlled", "action_exit"):
        with pytest.raises(OdooRefused):
            control.click(method)
    assert control.mode()[0] == "emergency"
    control.switch("action_end_emergency", "it was a kettle")
    control.until("controlled", [])


def test_schedule_reaches_the_lane(park, control):
    """What the schedule will bring is there before the line is cut."""
    manager = park.person("manager")
    now = datetime.now(UTC) + timedelta(hours=8)  # the clock of the park
    hour = (now.hour + 2) % 24
    hours = manager.call(
        "scenic.lane.schedule",
        "create",
        {"lane_id": control.id, "time_from": hour, "time_to": hour + 1, "mode": "exit"},
    )
    try:
        wait_for(
            lambda: control.mode()[2] == ["exit", "controlled"], "the plan is known"
        )
    finally:
        manager.call("scenic.lane.schedule", "unlink", [hours])
    wait_for(lambda: control.mode()[2] == [], "the plan is forgotten")
