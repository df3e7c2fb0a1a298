"""Who decides, with the whole bridge, simulated lanes and a server that goes away."""

from __future__ import annotations

import asyncio
import json
import re
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from conftest import Start, World, until
from local_world import config, qr, right, stamp, ticket
from scenic_gate_bridge.simulator.ledger import Ticket

NOW = datetime.now(UTC)


def today(number: int, **values: Any) -> dict[str, Any]:
    """A ticket that is valid at the moment of the test."""
    window = {"from": stamp(NOW - timedelta(hours=20))}
    window |= {"to": stamp(NOW + timedelta(hours=4))}
    return ticket(number, rights=[right(number, **window)], **values)


async def text(url: str) -> str:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return await answer.text()


async def fed(world: World, row: dict[str, Any]) -> None:
    """Let the bridge have one more ticket in its copy."""
    told = len(world.peer.feed)
    world.peer.feed.append(row)
    # it asks for more when it has kept this
    await until(lambda: ("sync", told + 1) in world.peer.requests)


async def with_copy(start: Start, decides: str, **settings: Any) -> World:
    """A world whose bridge has a copy of three tickets."""
    mode = settings.pop("mode")
    world = await start("L1:in", mode=mode, **settings)
    world.peer.feed = [today(number) for number in (1, 2, 3)]
    world.peer.settings = config(decides=decides)
    await until(
        lambda: world.peer.heartbeats[-1:] and world.peer.heartbeats[-1]["copy_at"]
    )
    return world


async def test_a_copy_that_always_begins_anew_is_asked_for_with_pauses(
    start: Start,
) -> None:
    world = await with_copy(start, "offline", mode="online")
    page, peer = world.peer.sync, world.peer

    def anew(params: dict[str, Any]) -> dict[str, Any]:
        return page({**params, "cursor": None}) | {"reset": True, "more": True}

    peer.sync = anew  # type: ignore[method-assign]
    async with asyncio.timeout(10):
        while "begins anew again" not in await text(f"{world.url}/health"):
            await asyncio.sleep(0.05)
    asked = len(peer.requests)
    await asyncio.sleep(2.0)
    # two a try, of which there are two at most
    assert len([each for each in peer.requests[asked:] if each[0] == "sync"]) <= 4
    del peer.sync
    world.peer.feed.append(today(4))
    await until(lambda: ("sync", 4) in peer.requests)


async def test_a_bridge_decides_while_the_server_is_silent(start: Start) -> None:
    world = await with_copy(start, "offline", mode="online", timeout=0.3)
    world.peer.faults = [("validate", "lost", 0.0)] * 2
    assert await world.visit(qr(1)) == (True, 1)
    await asyncio.sleep(0.3)  # the reader takes it for a scan of its own
    assert await world.visit(qr(1)) == (False, 0)
    await until(lambda: len(world.peer.of_type("passed")) == 1)
    [admitted] = world.peer.of_type("admitted")
    [passed] = world.peer.of_type("passed")
    assert (admitted["mode"], admitted["right"], admitted["count"]) == ("offline", 1, 1)
    assert passed["request_id"] == admitted["request_id"]
    # what the server may have reserved for the request that it did not answer
    annulled = world.peer.of_type("annulled")[0]
    metrics = await text(f"{world.url}/metrics")
    assert 'scenic_gate_decisions_total{by="offline"} 1.0' in metrics
    assert 'scenic_gate_decisions_total{by="server"} 1.0' in metrics
    assert re.search(r"^scenic_gate_copy_age_seconds \d", metrics, re.M)
    assert "scenic_gate_conflicts 0.0" in metrics
    assert annulled["request_id"] != admitted["request_id"]
    assert annulled["seq"] < admitted["seq"] < passed["seq"]
    assert not world.peer.conflicts


async def test_a_scan_that_the_server_had_no_time_for_is_decided_here(
    start: Start,
) -> None:
    """It did nothing for it, so there is nothing to annul, and facts wait as told."""
    world = await with_copy(start, "offline", mode="online")
    world.peer.faults = [("validate", "429", 1.0), ("report", "429", 1.0)]
    assert await world.visit(qr(1)) == (True, 1)
    await until(lambda: world.peer.of_type("passed"))
    [admitted] = world.peer.of_type("admitted")
    assert (admitted["mode"], admitted["right"]) == ("offline", 1)
    assert not world.peer.of_type("annulled")
    assert not world.peer.faults


async def test_who_is_too_busy_may_have_reserved_all_the_same(start: Start) -> None:
    """A proxy that asks to wait may have handed the scan on: it is annulled."""
    world = await with_copy(start, "offline", mode="online")
    world.peer.faults = [("validate", "503", 1.0), ("report", "503", 1.0)]
    assert await world.visit(qr(1)) == (True, 1)
    await until(lambda: world.peer.of_type("passed"))
    [annulled] = world.peer.of_type("annulled")
    [admitted] = world.peer.of_type("admitted")
    assert annulled["request_id"] != admitted["request_id"]
    assert not world.peer.faults


async def test_a_rate_limit_of_a_bridge_that_may_not_decide_annuls_nothing(
    start: Start,
) -> None:
    world = await start("L1:in")
    world.peer.faults = [("validate", "429", 1.0)]
    assert await world.visit("CODET1", walk="none") == (False, 0)
    await world.wait_log("denied", code="SERVER_ERROR")
    await asyncio.sleep(0.3)  # the reader takes it for a scan of its own
    assert await world.visit("CODET1") == (True, 1)
    await until(lambda: world.peer.of_type("passed"))
    assert not world.peer.of_type("annulled")


async def test_a_site_server_does_not_ask(start: Start) -> None:
    world = await with_copy(start, "site", mode="site")
    assert await world.visit(qr(2)) == (True, 1)
    await until(lambda: world.peer.of_type("passed"))
    assert world.peer.of_type("admitted")[0]["mode"] == "site"
    assert not [path for path, _n in world.peer.requests if path == "validate"]
    assert not [path for path, _n in world.peer.of_type("annulled")]
    await asyncio.sleep(0.3)  # the reader takes it for a scan of its own
    assert await world.visit(qr(2)) == (False, 0)
    row = await world.wait_log("denied", code="USED")
    assert row["text_zh"].startswith("已于")


@pytest.mark.parametrize("known", [True, False])
async def test_the_right_that_the_server_took_is_used_here_too(
    start: Start, known: bool
) -> None:
    """Of two rights at one place; the copy has the ticket before it is shown, or gets
    it afterwards."""
    world = await with_copy(start, "offline", mode="online", timeout=0.3)
    window = {"from": stamp(NOW - timedelta(hours=20))}
    until_evening, until_tomorrow = (
        window | {"to": stamp(NOW + timedelta(hours=hours))} for hours in (4, 28)
    )
    both = [right(41, **until_tomorrow), right(42, **until_evening)]
    code = qr(4, first=NOW.date() - timedelta(days=1), span=3)
    row = ticket(4, code, rights=both)
    if known:
        await fed(world, row)
    peer = world.peer
    peer.tickets[code] = Ticket(entries=2)
    peer.names[code], peer.rights[code] = "0000000004", 42
    assert await world.visit(code) == (True, 1)
    await until(lambda: peer.of_type("passed"))
    # else the reader takes what comes next for the same scan
    await asyncio.sleep(0.3)
    if not known:
        peer.faults = [("validate", "cut", 0.0)] * 2
        assert await world.visit(code, walk="none") == (False, 0)
        await world.wait_log("denied", code="USED")
        await fed(world, row)
        await asyncio.sleep(0.3)
    peer.faults = [("validate", "cut", 0.0)] * 4
    assert await world.visit(code) == (True, 1)
    await until(lambda: peer.of_type("admitted"))
    assert [event["right"] for event in peer.of_type("admitted")] == [41]
    await until(lambda: len(peer.of_type("passed")) == 2)
    await asyncio.sleep(0.3)
    assert await world.visit(code) == (False, 0)
    await world.wait_log("denied", code="USED")


@pytest.mark.parametrize(("mode", "decides"), [("site", "offline"), ("offline", "no")])
async def test_only_as_far_as_odoo_permits(
    start: Start, mode: str, decides: str
) -> None:
    world = await start("L1:in", mode=mode)
    world.peer.feed = [today(1)]
    world.peer.settings = config(decides=decides)
    assert await world.visit(qr(1), walk="none") == (False, 0)
    await world.wait_log("denied", code="DECIDES_NOT")


async def test_a_bridge_whose_key_another_one_has_does_not_decide(start: Start) -> None:
    """What the other one did is left out of the copy as if it were its own."""
    world = await with_copy(start, "site", mode="site")
    world.peer.heartbeats.append({"seq": 1_000_000, "copy_at": None})
    beats = len(world.peer.heartbeats)
    await until(lambda: len(world.peer.heartbeats) > beats + 1)
    assert await world.visit(qr(1)) == (False, 0)
    await world.wait_log("denied", code="KEY_SHARED")
    # a new key begins a new count
    world.peer.heartbeats.clear()
    await until(lambda: len(world.peer.heartbeats) > 1)
    assert await world.visit(qr(1)) == (True, 1)


async def test_a_bridge_that_gets_no_copy_for_another_one_does_not_decide(
    start: Start,
) -> None:
    """Another journal is the device's own; its numbers may be lower than these."""
    world = await with_copy(start, "site", mode="site")
    world.peer.faults = [("sync", "shared", 0.0)] * 100
    await until(lambda: len(world.peer.faults) < 100)
    assert await world.visit(qr(1)) == (False, 0)
    await world.wait_log("denied", code="KEY_SHARED")
    health = json.loads(await text(f"{world.url}/health"))
    assert any("KEY_SHARED" in problem for problem in health["problems"])
    world.peer.faults.clear()
    synced = world.peer.requests.count(("sync", 3))
    await until(lambda: world.peer.requests.count(("sync", 3)) > synced + 1)
    assert await world.visit(qr(1)) == (True, 1)


async def test_conflicts_are_listed_with_their_value(start: Start) -> None:
    world = await with_copy(start, "site", mode="site")
    world.peer.answer_conflict = {
        "why": "DOUBLE_USE",
        "ticket": "0000000003",
        "persons": 1,
        "value": "80.00",
        "currency": "CNY",
    }
    assert await world.visit(qr(3)) == (True, 1)
    async with aiohttp.ClientSession() as session:
        for _ in range(300):
            async with session.get(f"{world.url}/conflicts") as answer:
                found = (await answer.json())["conflicts"]
            if found:
                break
    assert (found[0]["why"], found[0]["value"]) == ("DOUBLE_USE", "80.00")
    await until(lambda: world.peer.heartbeats[-1]["conflicts"] == 1)
    page = await text(f"{world.url}/")
    assert "冲突 · conflicts 1" in page
    assert "票务副本 · copy" in page
    assert "本地检票" in page


async def test_a_code_is_kept_no_longer_than_the_server_needs_it(start: Start) -> None:
    """A genuine QR that the copy does not have goes up as it is: the server must verify
    it, and has perhaps never seen its ticket."""
    world = await with_copy(start, "site", mode="site")
    path = world.directory / "state" / "journal.sqlite"
    newer = qr(77, first=NOW.date() - timedelta(days=1), span=3)
    assert await world.visit(newer) == (True, 1)
    await until(lambda: world.peer.of_type("passed"))
    (admitted,) = world.peer.of_type("admitted")
    assert admitted["credential"] == {"kind": "qr", "value": newer}

    def kept() -> list[str]:
        with closing(sqlite3.connect(path, timeout=10)) as con:
            return [row[0] for row in con.execute("SELECT body FROM outbox")]

    await until(lambda: not any("credential" in body for body in kept()))
    assert any('"admitted"' in body for body in kept())
