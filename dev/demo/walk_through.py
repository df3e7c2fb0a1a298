"""One thin line through every part, step by step, each with what must come of it."""

from __future__ import annotations

import shutil
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from bootstrap.console import say

from .agency_portal import AgencyPortal
from .odoo_client import OdooClient, OdooRefused
from .printed import PrintedTicket, read_ticket_pdf, save_pages
from .window import Window

if TYPE_CHECKING:
    from .park import Park

REPORT = "scenic_ticket_base.report_scenic_ticket"
GROUP_SIZE = 3


class Steps:
    """Prints each step as it happens and counts what did not hold."""

    def __init__(self) -> None:
        self.failures = 0
        self.started = time.monotonic()

    def expect(self, holds: bool, step: str, what: str) -> None:
        mark = "✓" if holds else "✗"
        self.failures += not holds
        say(f"  {mark} {time.monotonic() - self.started:5.1f} s  {step:<11}{what}")


def walk_through(park: Park, printed: Path) -> int:
    """Sell, print, admit, refuse, count, refund and post; returns what went wrong."""
    steps = Steps()
    shutil.rmtree(printed, ignore_errors=True)
    printed.mkdir(parents=True)
    operator = park.person("operator")
    window = Window(park.person("cashier"))
    before = _last_event(operator)

    order = window.sell(
        ("成人票", 4, 120.0), ("团队票", GROUP_SIZE, 95.0), ("龙吟洞门票", 1, 45.0)
    )
    ids = [ticket["id"] for ticket in order["tickets"]]
    names = [ticket["name"] for ticket in order["tickets"]]
    steps.expect(
        len(ids) == 6 and order["state"] == "paid",
        "sold",
        f"order {order['pos_reference']}: 4 adults, a group of {GROUP_SIZE}, "
        f"a cave visit → tickets {names[0]} to {names[-1]}",
    )

    codes = _print(steps, window.client, ids, printed)
    adult, turned_back, refunded, _unused, group, cave = codes

    _pass(steps, park, operator, "L1", adult.qr, ids[0], "signed QR")
    _refused(steps, park, "L2", adult.qr, "USED", "second use")
    _refused(steps, park, "L2", _forge(adult.qr), "FORGED", "forged code")
    _refused(steps, park, "L2", "7" * 22, "UNKNOWN", "guessed bar code")
    _refused(steps, park, "L2", cave.qr, "WRONG_SITE", "another spot's ticket")
    _turn_back(steps, park, operator, turned_back.barcode, ids[1])
    _pass(steps, park, operator, "L2", turned_back.barcode, ids[1], "bar code")
    _pass(
        steps, park, operator, "L3", group.qr, ids[4], "group code", people=GROUP_SIZE
    )

    _exit(steps, park, operator)
    _agency(steps, park, operator, printed)
    _refund(steps, window, order)
    _refused(steps, park, "L1", refunded.qr, "REFUNDED", "refunded ticket")
    _books(steps, park, window)
    steps.expect(
        _counted(operator, before) == (1 + 1 + GROUP_SIZE + 1, 1),
        "reconciled",
        "Odoo's pass events: people in and out as walked",
    )
    return steps.failures


def _print(
    steps: Steps, client: OdooClient, ids: list[int], folder: Path
) -> list[PrintedTicket]:
    listed = ",".join(map(str, ids))
    pdf = client.get(f"/report/pdf/{REPORT}/{listed}").content
    (folder / "window.pdf").write_bytes(pdf)
    save_pages(pdf, folder / "window")
    codes = read_ticket_pdf(pdf)
    steps.expect(
        len(codes) == len(ids),
        "printed",
        f"{len(codes)} pages, QR and bar code read back from each "
        f"({folder / 'window.pdf'})",
    )
    return codes


def _pass(
    steps: Steps,
    park: Park,
    operator: OdooClient,
    lane: str,
    code: str,
    ticket: int,
    medium: str,
    people: int = 1,
) -> None:
    from .park import wait_for

    seen = _newest(park, lane)
    visit = park.simulator.present(lane, code, people=people)
    log = _since(park, lane, seen)
    steps.expect(bool(log), "read", f"{lane}: {medium} {code[:6]}…")
    steps.expect(visit["released"], "admitted", f"{lane}: arm released")
    steps.expect(
        visit["passed"] == people, "passed", f"{lane}: {people} through the arm"
    )
    state = wait_for(
        lambda: _state(operator, ticket) == "used", "the ticket is used", 15
    )
    steps.expect(state, "consumed", f"ticket {ticket} is used in Odoo")


def _refused(
    steps: Steps, park: Park, lane: str, code: str, reason: str, what: str
) -> None:
    from .park import wait_for

    seen = _newest(park, lane)
    park.simulator.present(lane, code, walk="none")
    denied = wait_for(
        lambda: [e for e in _since(park, lane, seen) if e["phase"] == "denied"],
        f"{lane} refuses",
        10,
    )[0]
    steps.expect(
        denied["code"] == reason,
        "refused",
        f"{lane}: {what} → {denied['code']} {denied['text_zh']} {denied['text_en']}",
    )


def _turn_back(
    steps: Steps, park: Park, operator: OdooClient, code: str, ticket: int
) -> None:
    from .park import wait_for

    seen = _newest(park, "L3")
    visit = park.simulator.present("L3", code, walk="timeout")
    wait_for(
        lambda: [e for e in _since(park, "L3", seen) if e["phase"] == "annulled"],
        "the entry is given back",
        15,
    )
    steps.expect(
        visit["released"] and _state(operator, ticket) == "valid",
        "annulled",
        "L3: admitted, turned back, the entry is given back",
    )


def _exit(steps: Steps, park: Park, operator: OdooClient) -> None:
    from .park import wait_for

    before = _exits(operator)
    park.simulator.walk("X1", "out")
    counted = wait_for(lambda: _exits(operator) - before, "the exit is counted", 15)
    steps.expect(counted == 1, "left", "X1: one person out, counted in Odoo")


def _agency(steps: Steps, park: Park, operator: OdooClient, folder: Path) -> None:
    portal = AgencyPortal(park.person("yuanshan"))
    order = portal.order(_today(), {"成人票": 2})
    pdf = portal.tickets_pdf(order)
    (folder / "agency.pdf").write_bytes(pdf)
    codes = read_ticket_pdf(pdf)
    steps.expect(len(codes) == 2, "sold", f"agency portal: order {order}, 2 tickets")
    number = codes[0].qr
    visit = park.simulator.present("L3", number)
    steps.expect(visit["passed"] == 1, "passed", "L3: agency ticket")
    other = park.person("qinghe").get(f"/my/tickets/orders/{order}")
    steps.expect(
        other.status_code == 404, "kept apart", "another agency gets no such page"
    )


def _refund(steps: Steps, window: Window, order: dict[str, Any]) -> None:
    back = window.refund(order, "成人票", 2)
    steps.expect(
        back["state"] == "paid" and back["amount_total"] == -240.0,
        "refunded",
        "2 unused adult tickets at the window, for cash",
    )
    try:
        window.refund(order, "成人票", 1)
        steps.expect(False, "refused", "refund of a used ticket went through")
    except OdooRefused as refused:
        steps.expect(True, "refused", f"refund of a used ticket: {refused}")


def _books(steps: Steps, park: Park, window: Window) -> None:
    window.close()
    manager = park.person("manager")
    manager.call("scenic.pass.event", "action_recognise_revenue")
    accounts = park.person("finance")
    open_value = sum(
        row["amount_open"]
        for row in accounts.read("scenic.ticket", [], ["amount_open"])
    )
    (company,) = accounts.read("res.company", [], ["scenic_liability_account_id"])
    balance = -sum(
        row["balance"]
        for row in accounts.read(
            "account.move.line",
            [
                ["account_id", "=", company["scenic_liability_account_id"][0]],
                ["parent_state", "=", "posted"],
            ],
            ["balance"],
        )
    )
    steps.expect(
        abs(balance - open_value) < 0.005,
        "in balance",
        f"contract liability ¥{balance:.2f} = open tickets ¥{open_value:.2f}",
    )
    revenue = sum(
        row["amount"]
        for row in accounts.read(
            "scenic.revenue.entry", [["state", "=", "posted"]], ["amount"]
        )
    )
    steps.expect(revenue > 0, "earned", f"revenue posted by day: ¥{revenue:.2f}")


def _forge(token: str) -> str:
    """Change one character of the signature."""
    place = 100
    other = "A" if token[place] != "A" else "B"
    return token[:place] + other + token[place + 1 :]


def _today() -> date:
    return datetime.now(ZoneInfo("Asia/Shanghai")).date()


def _state(client: OdooClient, ticket: int) -> str:
    (row,) = client.read("scenic.ticket", [["id", "=", ticket]], ["state"])
    state: str = row["state"]
    return state


def _newest(park: Park, lane: str) -> int:
    events = park.bridge.events(lane)
    return events[0]["id"] if events else 0


def _since(park: Park, lane: str, event_id: int) -> list[dict[str, Any]]:
    return [e for e in park.bridge.events(lane) if e["id"] > event_id]


def _last_event(client: OdooClient) -> int:
    rows = client.read("scenic.pass.event", [], ["id"], order="id desc", limit=1)
    return rows[0]["id"] if rows else 0


def _exits(client: OdooClient) -> int:
    return sum(
        row["passes"]
        for row in client.read(
            "scenic.pass.event", [["phase", "=", "exit"]], ["passes"]
        )
    )


def _counted(client: OdooClient, after: int) -> tuple[int, int]:
    rows = client.read(
        "scenic.pass.event",
        [["id", ">", after], ["phase", "in", ["passed", "exit"]]],
        ["phase", "passes"],
    )
    return (
        sum(row["passes"] for row in rows if row["phase"] == "passed"),
        sum(row["passes"] for row in rows if row["phase"] == "exit"),
    )
