"""Exits that read codes, with the whole bridge and simulated lanes."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from typing import Any

import pytest

from conftest import Start, World, until
from local_world import component, config, qr
from scenic_gate_bridge import bridge
from test_local_modes import today


async def leave(world: World, code: str) -> tuple[bool, int]:
    await asyncio.sleep(0.3)  # a reader takes a code for a new one after 0.2 s
    return await world.visit(code, "X1")


def shown(world: World) -> list[Any]:
    return [event["credential"]["value"] for event in world.peer.of_type("exit")]


async def test_who_left_by_an_exit_of_the_bridge_comes_in_again(start: Start) -> None:
    """The bridge decides by itself; the exit counts in its own copy at once."""
    world = await start("L1:in,X1:out", mode="site", free_exit=False)
    world.peer.feed = [today(1)]
    rules = component(reentry="after_exit", has_rules=True)
    world.peer.settings = config(components=[rules])
    await until(
        lambda: world.peer.heartbeats[-1:] and world.peer.heartbeats[-1]["copy_at"]
    )
    assert await world.visit(qr(1)) == (True, 1)
    await asyncio.sleep(0.3)
    assert await world.visit(qr(1), patience=0.5) == (False, 0)
    await world.wait_log("denied", code="INSIDE")
    # even while nothing reaches the server
    world.peer.faults = [("report", "cut", 0.0)] * 1000
    assert await leave(world, qr(1)) == (True, 1)
    assert await world.visit(qr(1)) == (True, 1)
    world.peer.faults = []
    await until(lambda: len(world.peer.of_type("passed")) == 2)
    assert shown(world) == [qr(1)]
    assert [event["again"] for event in world.peer.of_type("admitted")] == [False, True]
    assert not world.peer.of_type("annulled")

    def kept() -> str:
        path = world.directory / "state" / "journal.sqlite"
        with closing(sqlite3.connect(path, timeout=10)) as con:
            rows = con.execute(
                "SELECT body FROM outbox UNION ALL"
                " SELECT credential FROM journal WHERE credential IS NOT NULL"
            )
            return "\n".join(row[0] for row in rows)

    await until(lambda: qr(1) not in kept())
    assert '"exit"' in kept()


async def test_what_was_deleted_leaves_the_disk_by_and_by(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also the write-ahead log, which has codes that the journal has no more."""
    monkeypatch.setattr(bridge, "PRUNE_EVERY", 0.2)
    world = await start("X1:out", free_exit=False)
    assert await leave(world, "NOBODY") == (True, 1)
    await until(lambda: world.peer.of_type("exit"))
    path = world.directory / "state" / "journal.sqlite"
    files = [path, path.with_name(path.name + "-wal")]
    await until(lambda: not any(b"NOBODY" in file.read_bytes() for file in files))


async def test_everybody_may_leave_and_nobody_is_asked(start: Start) -> None:
    """Codes that nobody knows, with a server that is silent."""
    world = await start("X1:out", free_exit=False, timeout=0.3)
    world.peer.faults = [("report", "cut", 0.0)] * 1000
    forged = qr(1)[:-4] + "AAAA"
    for code in ("NOBODY", forged, "CODET1"):
        assert await leave(world, code) == (True, 1)
    assert (await world.wait_log("admitted", "X1"))["code"] == "EXIT"
    # one of them does not go
    await asyncio.sleep(0.3)
    released = await world.visit("CODET2", "X1", walk="timeout")
    assert released == (True, 0)
    await world.wait_log("annulled", "X1")
    world.peer.faults = []
    await until(lambda: len(shown(world)) == 3)
    assert shown(world) == ["NOBODY", forged, "CODET1"]
    assert not [path for path, _n in world.peer.requests if path == "validate"]
    assert not world.peer.of_type("passed", "annulled", "forced")
    state = world.lane("X1").counters()
    assert (state["granted"], state["completed"], state["timed_out"]) == (4, 3, 1)
