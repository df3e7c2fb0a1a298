"""What may happen at the gates in a day, so that no list of them is empty."""

import itertools
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import requests

from .gate_park import GatePark
from .odoo_client import OdooClient
from .park import wait_for
from .window import Window

MEMBER = Path(__file__).with_name("member_card.py")
THUMB = "right thumb"


def fill(park: GatePark) -> None:
    """Sell, admit, refuse, raise alarms, count by hand, and use tickets twice."""
    window = Window(park.person("cashier"))
    order = window.sell(("成人票", 8, 120.0), ("龙吟洞门票", 9, 45.0))
    codes = [ticket["pos_qr_token"] for ticket in order["tickets"]]
    adults, caves = codes[:8], codes[8:]
    _walk(park, adults)
    _alarms(park)
    _cave(park, window, order, caves)
    _count(park)
    _schedule(park)
    window.close()


def _walk(park: GatePark, adults: list[str]) -> None:
    present = park.simulator.present
    for lane, code in zip(("L1", "L2", "B1", "L4", "L1", "L2"), adults, strict=False):
        present(lane, code)
    present("L2", adults[0], walk="none")
    present("L3", adults[6], walk="timeout")
    for _person in range(2):
        park.simulator.walk("X1", "out")
    park.simulator.walk("B1", "out")


def _alarms(park: GatePark) -> None:
    """Forced, from the wrong side, and a scanner that went dead for a moment."""
    park.simulator.push("L1", "in")
    park.simulator.push("B1", "in")
    park.simulator.push("L1", "out")
    park.simulator.unplug("L3")
    wait_for(
        lambda: park.bridge.health()["status"] == "ok", "the lanes are linked again"
    )


def _cave(
    park: GatePark, window: Window, order: dict[str, Any], codes: list[str]
) -> None:
    """The cave's device had no line since the morning: it tells what it did."""
    manager = park.person("manager")
    window.refund(order, "龙吟洞门票", 1)
    back = _first_refunded(manager, order, codes)
    cave = CaveDevice(park, manager)
    good = [code for code in codes if code != back]
    for number, code in enumerate(good):
        cave.admitted(code, 5 - number % 5)
    cave.admitted(good[0], 0.5)
    cave.admitted(good[1], 0.4)
    cave.admitted(back, 0.3)
    cave.refused("UNKNOWN", 2)
    cave.refused("USED", 1)


def _first_refunded(
    manager: OdooClient, order: dict[str, Any], codes: list[str]
) -> str:
    names = [ticket["name"] for ticket in order["tickets"]]
    rows = manager.read(
        "scenic.ticket",
        [["name", "in", names], ["state", "=", "refunded"]],
        ["name"],
    )
    by_name = {ticket["name"]: ticket["pos_qr_token"] for ticket in order["tickets"]}
    (code,) = (by_name[row["name"]] for row in rows)
    return code


class CaveDevice:
    """The handheld at the cave, which decides by itself and speaks the gate API."""

    def __init__(self, park: GatePark, manager: OdooClient) -> None:
        self._url = f"{park.server.url}/scenic/gate/v1"
        (device,) = manager.read("scenic.device", [["name", "=", "cave-1"]], ["id"])
        manager.call("scenic.device", "write", [device["id"]], {"decides": "offline"})
        action = manager.call("scenic.device", "action_generate_key", [device["id"]])
        self._headers = {
            "Authorization": f"Bearer {action['context']['scenic_device_key']}",
            "X-Odoo-Database": park.database,
        }
        self._seq = itertools.count(1)

    def admitted(self, code: str, hours_ago: float) -> None:
        """It let somebody in so long ago, who walked through."""
        request = str(uuid.uuid4())
        at = datetime.now(UTC) - timedelta(hours=hours_ago)
        credential = {"kind": "qr", "value": code}
        self._tell(
            self._event("admitted", at, request, mode="offline", credential=credential),
            self._event("passed", at + timedelta(seconds=4), request),
        )

    def refused(self, reason: str, hours_ago: float) -> None:
        """It refused somebody so long ago."""
        at = datetime.now(UTC) - timedelta(hours=hours_ago)
        told = {"code": reason, "credential_kind": "qr", "mode": "offline"}
        self._tell(self._event("refused", at, None, **told))

    def _event(
        self, kind: str, at: datetime, request: str | None, **more: Any
    ) -> dict[str, Any]:
        return {
            "event_id": str(uuid.uuid4()),
            "seq": next(self._seq),
            "lane": "C1",
            "type": kind,
            "direction": "in",
            "count": 1,
            "at": at.isoformat(),
            **({"request_id": request} if request else {}),
            **more,
        }

    def _tell(self, *events: dict[str, Any]) -> None:
        answer = requests.post(
            f"{self._url}/report",
            json={
                "jsonrpc": "2.0",
                "id": 1,
                "method": "call",
                "params": {"events": events},
            },
            headers=self._headers,
            timeout=30,
        )
        answer.raise_for_status()


def _count(park: GatePark) -> None:
    operator = park.person("operator")
    (lane,) = operator.read("scenic.lane", [["code", "=", "M1"]], ["id"])
    for how in ("action_count_five", "action_count_one", "action_count_five"):
        operator.call("scenic.lane", how, [lane["id"]])
    operator.call("scenic.lane", "action_uncount", [lane["id"]])


def _schedule(park: GatePark) -> None:
    """B1 is an exit in the evening, and shut at night."""
    manager = park.person("manager")
    (lane,) = manager.read("scenic.lane", [["code", "=", "B1"]], ["id"])
    weekend = ("saturday", "sunday")
    week = ("monday", "tuesday", "wednesday", "thursday", "friday")
    for not_on, start, stop, mode in (
        (weekend, 16.5, 18.0, "exit"),
        (week, 17.0, 18.5, "exit"),
        ((), 23.0, 6.0, "locked"),
    ):
        manager.call(
            "scenic.lane.schedule",
            "create",
            {
                "lane_id": lane["id"],
                "time_from": start,
                "time_to": stop,
                "mode": mode,
                **dict.fromkeys(not_on, False),
            },
        )
