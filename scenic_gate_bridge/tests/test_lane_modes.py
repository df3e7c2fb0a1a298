"""Modes of a lane from the server, from the schedule on a cut link, and by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conftest import Start, new_peer, running, serving, until, write_config
from scenic_gate_bridge.model import Direction, LaneMode
from scenic_gate_bridge.settings import load


async def test_entry_becomes_an_exit_and_back(start: Start) -> None:
    """E4: by a click at the server; out counts freely, a code is refused."""
    world = await start()
    sim = world.sim()
    world.peer.lanes["L1"]["mode"] = "exit"
    await until(lambda: sim.model.is_free(Direction.OUT))
    assert not sim.model.is_free(Direction.IN)
    assert sim.walk(Direction.OUT)
    await until(lambda: world.peer.of_type("exit"))
    assert await world.visit("CODET1", patience=0.3) == (False, 0)
    assert (await world.wait_log("denied"))["code"] == "WRONG_DIRECTION"
    sim.walk(Direction.IN, force=True)
    await until(lambda: world.peer.of_type("wrong_direction"))
    world.peer.lanes["L1"]["mode"] = "controlled"
    await until(lambda: not sim.model.is_free(Direction.OUT))
    assert await world.visit("CODET2") == (True, 1)
    world.peer.lanes["L1"] |= {"mode": "exit", "by": "schedule"}
    await until(lambda: len(world.peer.of_type("mode")) == 3)
    notes = [event["note"] for event in world.peer.of_type("mode")]
    assert notes == ["exit by server", "controlled by server", "exit by schedule"]


async def test_emergency_of_the_server_opens_both_ways(start: Start) -> None:
    world = await start()
    sim = world.sim()
    world.peer.lanes["L1"]["mode"] = "emergency"
    await until(lambda: all(map(sim.model.is_free, Direction)))
    sim.walk(Direction.IN)
    sim.walk(Direction.OUT)
    await until(lambda: world.peer.of_type("exit"))
    (entry,) = world.peer.of_type("entry")
    assert (entry["count"], entry["note"]) == (1, "emergency")


async def test_schedule_is_carried_out_while_the_link_is_cut(tmp_path: Path) -> None:
    """Also by a bridge that was started again meanwhile; the server hears of it."""
    peer = new_peer("L1:in")
    now = datetime.now(UTC)
    peer.lanes["L1"]["next"] = [
        {"at": (now + timedelta(seconds=60)).isoformat(), "mode": "locked"},
        {"at": "nonsense", "mode": "exit"},
        {"at": (now + timedelta(seconds=1)).isoformat(), "mode": "free"},
    ]
    async with serving(peer) as server:
        config = load(write_config(tmp_path, server, "L1:in", heartbeat=0.2))
        async with running(config) as (bridge, _url):
            await until(lambda: bridge.lanes["L1"].plan)
            assert bridge.lanes["L1"].plan[0].mode is LaneMode.FREE
    async with running(config) as (bridge, _url):
        await until(lambda: bridge.lanes["L1"].machine.mode is LaneMode.FREE)
        assert [planned.mode for planned in bridge.lanes["L1"].plan] == ["locked"]
    async with serving(peer, int(server.rsplit(":", 1)[1])), running(config):
        await until(lambda: peer.of_type("mode"))
    assert peer.of_type("mode")[0]["note"] == "free by schedule"


@pytest.fixture
def manual(tmp_path: Path) -> Any:
    """The settings of a bridge with an exit where somebody stands and counts."""

    def make(server: str) -> Any:
        path = write_config(tmp_path, server, "M1:out")
        text = path.read_text()
        begin, end = text.index('kind = "catrax"'), len(text)
        path.write_text(text[:begin] + 'kind = "manual"\n' + text[end:])
        return load(path)

    return make


async def test_people_counted_by_hand(manual: Any) -> None:
    peer = new_peer("M1:out")
    async with serving(peer) as server, running(manual(server)) as (bridge, url):
        await until(lambda: bridge.lanes["M1"].machine.link)
        async with aiohttp.ClientSession() as session:

            async def count(**body: Any) -> tuple[int, str]:
                async with session.post(f"{url}/lanes/M1/count", json=body) as answer:
                    return answer.status, await answer.text()

            good = {"direction": "out", "count": 5, "operator": "李"}
            assert (await count(**good))[0] == 200
            assert (await count(**good | {"count": 1}))[0] == 200
            status, text = await count(**good | {"count": 0, "operator": ""})
            assert (status, "count, operator" in text) == (400, True)
            assert (await count(**good | {"direction": "in"}))[0] == 409
            await until(lambda: len(peer.of_type("exit")) == 2)
            async with session.get(f"{url}/lanes") as answer:
                (lane,) = (await answer.json())["lanes"]
    assert [event["count"] for event in peer.of_type("exit")] == [5, 1]
    assert {event["note"] for event in peer.of_type("exit")} == {"李"}
    assert (lane["out"], lane["in"], lane["mode"]) == (6, 0, "controlled")


async def test_a_turnstile_is_not_counted_by_hand(start: Start) -> None:
    world = await start("X1:out")
    body = {"direction": "out", "count": 1, "operator": "Li"}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{world.url}/lanes/X1/count", json=body) as answer,
    ):
        assert answer.status == 409
