"""The rehearsal's own server: who may come in again, and what it tells in its feed."""

from __future__ import annotations

import itertools
import random
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from scenic_gate_bridge.model import LaneDirection
from scenic_gate_bridge.simulator.authority import Authority
from scenic_gate_bridge.simulator.codes import Mint
from scenic_gate_bridge.simulator.ledger import Device, Ticket

LANES = {"L1": LaneDirection.IN, "X1": LaneDirection.OUT}
MINT = Mint(random.Random(1))
LATE = MINT.qr(3, 1)


class Gate:
    """A device of the server, without a bridge."""

    def __init__(self, authority: Authority, device: Device) -> None:
        self.authority, self.device = authority, device
        self._seq = itertools.count(1)

    def shows(self, code: str, request_id: str | None = None) -> dict[str, Any]:
        scan = {
            "request_id": request_id or str(uuid.uuid4()),
            "seq": next(self._seq),
            "lane": "L1",
            "direction": "in",
            "credential": {"kind": "auto", "value": code},
        }
        answer: dict[str, Any] = self.authority.validate(self.device, {"scans": [scan]})
        [result] = answer["results"]
        return dict(result)

    def tells(self, kind: str, lane: str = "L1", **values: Any) -> str:
        event = {"event_id": str(uuid.uuid4()), "seq": next(self._seq), "lane": lane}
        event |= {"type": kind, "count": 1, "assumed": False} | values
        answer = self.authority.report(self.device, {"events": [event]})
        return str(answer["results"][0]["code"])

    def enters(self, code: str) -> dict[str, Any]:
        found = self.shows(code)
        assert found["decision"] == "admit", found["code"]
        assert self.tells("passed", request_id=found["request_id"]) == "OK"
        return found

    def leaves(self, code: str) -> None:
        shown = {"kind": "auto", "value": code}
        assert self.tells("exit", "X1", credential=shown) == "OK"

    def feed(self) -> dict[int, Any]:
        """By the number of the ticket."""
        born = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
        asked = {"cursor": None, "limit": 100, "born": born}
        page = self.authority.sync(self.device, asked)
        return {row["id"]: row["rights"][0] for row in page["tickets"]}


@pytest.fixture
def authority() -> Authority:
    tickets = {"ONCE": Ticket(), "BACK": Ticket(returns=True), LATE: Ticket()}
    devices = {name: Device(name, LANES, "offline") for name in ("here", "there")}
    return Authority(devices, tickets, MINT, {LATE})


@pytest.fixture
def here(authority: Authority) -> Gate:
    return Gate(authority, authority.devices["here"])


@pytest.fixture
def there(authority: Authority) -> Gate:
    return Gate(authority, authority.devices["there"])


def test_who_was_counted_out_comes_in_again_without_an_entry(
    authority: Authority, here: Gate
) -> None:
    assert not here.enters("BACK")["again"]
    assert here.shows("BACK")["code"] == "INSIDE"
    here.leaves("BACK")
    found = here.shows("BACK")
    assert (found["decision"], found["again"], found["passes"]) == ("admit", True, 1)
    assert here.shows("BACK")["code"] == "IN_USE"
    here.tells("annulled", request_id=found["request_id"])
    assert here.enters("BACK")["again"]
    assert here.shows("BACK")["code"] == "INSIDE"
    ticket = authority.tickets["BACK"]
    assert (ticket.used, ticket.reserved, ticket.again_held) == (1, 0, 0)
    assert authority.troubles == []


def test_others_do_not(here: Gate) -> None:
    here.enters("ONCE")
    here.leaves("ONCE")
    assert here.shows("ONCE")["code"] == "USED"
    assert here.shows(Mint(random.Random(2)).qr(9, 1))["code"] == "FORGED"
    here.leaves("NOBODY")


def test_a_copy_hears_what_others_did(here: Gate, there: Gate) -> None:
    here.enters("BACK")
    here.leaves("BACK")
    here.shows("BACK")
    told = there.feed()[2]
    assert (told["used"], told["held"], told["again_held"]) == (1, 0, 1)
    today = told["today"]
    assert (today["used"], today["entered"], today["gone"]) == (1, 1, 1)
    own = here.feed()[2]
    assert (own["used"], own["again_held"], own["today"]) == (0, 0, None)


def test_a_code_outside_the_copy_is_told_after_its_first_use(
    authority: Authority, here: Gate
) -> None:
    assert here.feed().keys() == {1, 2}
    admitted: dict[str, Any] = {
        "request_id": str(uuid.uuid4()),
        "mode": "offline",
        "again": False,
        "credential": {"kind": "qr", "value": LATE},
    }
    assert here.tells("admitted", **admitted) == "OK"
    assert here.feed().keys() == {1, 2, 3}
    assert authority.tickets[LATE].reserved == 1
    again = admitted | {"request_id": str(uuid.uuid4())}
    assert here.tells("admitted", **again) == "CONFLICT"
    assert authority.troubles == []
