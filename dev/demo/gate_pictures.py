"""The pictures of docs/gates.md, taken from the running demo park."""

from pathlib import Path
from threading import Thread

import requests
from playwright.sync_api import Browser

from .browser import Screens, save
from .gate_day import MEMBER, THUMB, fill
from .gate_park import GatePark
from .park import wait_for

#: What lanes do in the picture of the bridge; the others are controlled.
MODES = {"L2": "exit", "L3": "locked", "L4": "free", "B1": "emergency"}


def take(chrome: Browser, park: GatePark, images: Path) -> None:
    """Let a day happen at the gates and take every picture of docs/gates.md."""
    fill(park)
    _odoo(chrome, park, images)
    card, code = _member(park)
    cashier = Screens(chrome, park, "cashier")
    cashier.open("scenic_ticket_base.scenic_membership_action", card)
    save(cashier.press("指纹"), images / "fingerprint-consent.png")
    _enrol(park, card)
    _bridge(chrome, park, images, code)


def _odoo(chrome: Browser, park: GatePark, images: Path) -> None:
    addon = "scenic_ticket_gate"
    operator = Screens(chrome, park, "operator")
    for action, name in (
        ("scenic_admission_report_action", "admissions"),
        ("scenic_pass_event_action_alarm", "alarms"),
        ("scenic_lane_action_counter", "exit-counter"),
    ):
        save(operator.open(f"{addon}.{action}"), images / f"{name}.png")
    supervisor = Screens(chrome, park, "supervisor")
    page = supervisor.open(f"{addon}.scenic_pass_event_action_conflict")
    save(page, images / "double-use.png")
    (lane,) = park.person("manager").read("scenic.lane", [["code", "=", "B1"]], ["id"])
    manager = Screens(chrome, park, "manager")
    page = manager.open(f"{addon}.scenic_lane_action", lane["id"])
    save(page, images / "lane.png")


def _member(park: GatePark) -> tuple[int, str]:
    """A member with an annual card: the id of the card, and its code."""
    number = park.odoo.shell(park.database, MEMBER).split()[-1]
    (ticket,) = park.person("cashier").read(
        "scenic.ticket", [["name", "=", number]], ["membership_id", "pos_qr_token"]
    )
    return ticket["membership_id"][0], ticket["pos_qr_token"]


def _enrol(park: GatePark, card: int) -> None:
    """The member agrees, and shows a finger at L1 twice."""
    cashier = park.person("cashier")
    cashier.call("scenic.membership", "action_give_fingerprint", [card])
    (ticket,) = cashier.read("scenic.ticket", [["membership_id", "=", card]], ["name"])

    park.sensor.press(THUMB, THUMB)

    def enrol() -> bool:
        return requests.post(
            f"{park.bridge.url}/lanes/L1/fingerprint",
            json={"ticket": ticket["name"]},
            timeout=30,
        ).ok

    wait_for(enrol, "the bridge knows of the consent", 60)


def _bridge(chrome: Browser, park: GatePark, images: Path, member: str) -> None:
    """The lane log: each lane in another mode, one cable cut, a finger wanted."""
    for lane, mode in MODES.items():
        _switch(park, lane, mode)
    cable = Thread(target=park.simulator.unplug, args=("X1", 12))
    cable.start()
    wait_for(
        lambda: park.bridge.events("X1")[0]["phase"] == "link_down", "X1 has no line"
    )
    park.simulator.present("L1", member, wait=False)
    wait_for(
        lambda: park.bridge.events("L1")[0]["phase"] == "finger", "a finger is wanted"
    )
    page = chrome.new_page(viewport={"width": 1680, "height": 900}, locale="zh-CN")
    page.goto(park.bridge.url)
    save(page, images / "bridge.png")
    page.set_viewport_size({"width": 390, "height": 844})
    save(page, images / "bridge-phone.png")
    cable.join()


def _switch(park: GatePark, lane: str, mode: str) -> None:
    """Switch a lane as the gate operator does, with a reason where one is asked for."""
    operator = park.person("operator")
    (found,) = operator.read("scenic.lane", [["code", "=", lane]], ["id"])
    action = operator.call("scenic.lane", f"action_{mode}", [found["id"]])
    if action:
        wizard = operator.call(
            "scenic.lane.switch",
            "create",
            {"reason": "演练"},
            context={"lang": "zh_CN", **action["context"]},
        )
        operator.call("scenic.lane.switch", "action_confirm", [wizard])
    wait_for(lambda: _mode(park, lane) == mode, f"{lane} follows: {mode}")


def _mode(park: GatePark, lane: str) -> str:
    (state,) = (each for each in park.bridge.health()["lanes"] if each["lane"] == lane)
    mode: str = state["mode"]
    return mode
