"""The simulator: a pessimistic turnstile, and the API that demonstrations use."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conftest import until
from scenic_gate_bridge.drivers import catrax_codec as codec
from scenic_gate_bridge.model import Direction, LaneDirection
from scenic_gate_bridge.simulator.catrax_model import CatraxModel
from scenic_gate_bridge.simulator.faults import Faults
from scenic_gate_bridge.simulator.park import (
    LaneSpec,
    ParkError,
    Sight,
    SimLane,
    parse_lanes,
)
from scenic_gate_bridge.simulator.server import serve
from scenic_gate_bridge.simulator.steel import LaneKind

ACK = codec.encode(codec.ACK)


def test_model_speaks_the_manual() -> None:
    model = CatraxModel()
    assert model.feed(bytes.fromhex("02 02 00 48 48")) == bytes.fromhex("0202000606")
    assert model.push(Direction.OUT) is None
    assert model.push(Direction.IN) == bytes.fromhex("02 02 00 1A 1A")
    assert model.push(Direction.IN) is None
    model.feed(bytes.fromhex("02 03 00 4C 41 0C"))
    assert model.push(Direction.OUT) == bytes.fromhex("02 02 00 1B 1B")
    assert model.push(Direction.OUT) is not None
    model.feed(codec.encode(b"C"))
    assert model.push(Direction.OUT) is None
    assert model.push(Direction.OUT, force=True) is not None
    assert model.passed == {Direction.IN: 1, Direction.OUT: 3}


def test_model_adds_releases_up_until_told_to_rest() -> None:
    model = CatraxModel()
    model.feed(codec.encode(b"H") * 2 + codec.encode(b"D"))
    assert [model.push(Direction.IN) is not None for _ in range(4)] == [
        True,
        True,
        True,
        False,
    ]
    assert model.released(Direction.OUT)
    model.power_cycle()
    assert not model.released(Direction.OUT)


def test_model_refuses_and_falls_silent() -> None:
    model = CatraxModel()
    model.refuse, model.swallow = 1, 1
    assert model.feed(codec.encode(b"H")) == codec.encode(codec.NACK)
    assert not model.released(Direction.IN)
    assert model.feed(codec.encode(b"H")) == b""
    assert model.released(Direction.IN)
    assert model.feed(codec.encode(b"C")) == ACK


def test_faults() -> None:
    rng = random.Random(1)
    data = bytes(range(256))
    assert Faults().apply(data, rng) == [data]
    assert Faults().apply(b"", rng) == []
    assert Faults(drop=1).apply(data, rng) == []
    assert Faults(duplicate=1).apply(b"ab", rng) == [b"aabb"]
    assert b"".join(Faults(split=True).apply(data, rng)) == data
    (spoilt,) = Faults(corrupt=1).apply(data, rng)
    assert all((a ^ b).bit_count() == 1 for a, b in zip(data, spoilt, strict=True))


def test_lanes_of_several_makes() -> None:
    lanes = parse_lanes("L1:in,L2:both:modbus, X1:out:infrared")
    assert [spec.kind.value for spec in lanes.values()] == [
        "catrax",
        "modbus",
        "infrared",
    ]
    assert lanes["L2"].direction is LaneDirection.BOTH


BAD_LANES = [
    *("", "L1", "L1:up", "L1:in,L1:in", "L 1:in", ":in"),
    *("L1:in:robot", "L1:in:infrared"),
]


@pytest.mark.parametrize("text", BAD_LANES)
def test_bad_lanes(text: str) -> None:
    with pytest.raises(ParkError, match="--lanes"):
        parse_lanes(text)


@pytest.fixture
async def control(tmp_path: Path) -> AsyncIterator[Any]:
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    lanes = parse_lanes("L1:in,X1:out")
    task = asyncio.create_task(
        serve(tmp_path / "run", lanes, 0, 1, stop, ready.set_result)
    )
    url = await ready

    async with aiohttp.ClientSession() as session:

        async def post(path: str, body: Any = None, status: int = 200) -> Any:
            async with session.post(url + path, json=body) as answer:
                assert answer.status == status, await answer.text()
                if answer.content_type == "application/json":
                    return await answer.json()
                return await answer.text()

        async def lanes_now() -> Any:
            async with session.get(url + "/lanes") as answer:
                return {each["lane"]: each for each in (await answer.json())["lanes"]}

        post.lanes = lanes_now  # type: ignore[attr-defined]
        yield post
        stop.set()
        await task
    assert list((tmp_path / "run").iterdir()) == []


async def test_control_api(control: Any, tmp_path: Path) -> None:
    lane = os.open(tmp_path / "run" / "L1.lane", os.O_RDWR | os.O_NOCTTY)
    scanner = os.open(tmp_path / "run" / "L1.scanner", os.O_RDONLY | os.O_NOCTTY)
    try:
        walk = asyncio.create_task(
            control("/lanes/L1/present", {"code": "ABC", "delay": 0, "people": 2})
        )
        assert await asyncio.to_thread(os.read, scanner, 99) == b"ABC\r"
        os.write(lane, codec.encode(b"H"))
        assert await asyncio.to_thread(os.read, lane, 5) == ACK
        assert await asyncio.to_thread(os.read, lane, 5) == codec.encode(b"\x1a")
        os.write(lane, codec.encode(b"H"))
        assert await walk == {"lane": "L1", "released": True, "passed": 2}
        os.write(lane, codec.encode(b"H"))
        stand = asyncio.create_task(
            control("/lanes/L1/present", {"code": "ABC", "walk": "timeout"})
        )
        await asyncio.sleep(0.1)
        assert not stand.done()
        os.write(lane, codec.encode(b"C"))
        assert await stand == {"lane": "L1", "released": True, "passed": 0}
        await control("/lanes/L1/raw", {"hex": "4142", "device": "scanner"})
    finally:
        os.close(lane)
        os.close(scanner)
    answer = await control("/lanes/X1/walk", {"direction": "out"})
    assert answer == {"lane": "X1", "passed": 0}
    answer = await control("/lanes/X1/walk", {"direction": "out", "force": True})
    assert answer == {"lane": "X1", "passed": 1}
    answer = await control("/lanes/L1/present", {"code": "A", "patience": 0.1})
    assert answer == {"lane": "L1", "released": False, "passed": 0}
    await control("/lanes/L1/present", {"code": "A", "wait": False}, status=202)
    state = (await control.lanes())["X1"]
    assert state["passed"] == {"in": 0, "out": 1}
    assert state["ports"]["lane"].endswith("run/X1.lane")


async def test_control_api_refuses_nonsense(control: Any) -> None:
    for path, body, status in (
        ("/lanes/L9/walk", {"direction": "in"}, 404),
        ("/lanes/L1/walk", {"direction": "up"}, 400),
        ("/lanes/L1/walk", {"direction": "in", "speed": 1}, 400),
        ("/lanes/L1/present", {"walk": "pass"}, 400),
        ("/lanes/L1/raw", {"hex": "xyz"}, 400),
        ("/lanes/L1/fault", {"drop": 2}, 400),
        ("/lanes/L1/unplug", [], 400),
    ):
        await control(path, body, status=status)


async def test_unplug_makes_a_new_port_under_the_old_name(
    control: Any, tmp_path: Path
) -> None:
    link = tmp_path / "run" / "L1.lane"
    handle = os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    pull = asyncio.create_task(control("/lanes/L1/unplug", {"seconds": 0.2}))
    await until(lambda: not link.exists())
    with pytest.raises(OSError):
        os.write(handle, b"x")
    os.close(handle)
    await pull
    os.close(os.open(link, os.O_RDWR | os.O_NOCTTY))


@pytest.mark.parametrize("kind", list(LaneKind))
async def test_what_nobody_could_see_is_not_called_sure(
    tmp_path: Path, kind: LaneKind
) -> None:
    """Of each make: a pass with a dead bridge, or a blind sensor, is lost, one on a
    line that is harmed is unsure, any other is sure."""
    way = LaneDirection.OUT if kind is LaneKind.INFRARED else LaneDirection.BOTH
    lane = SimLane("L1", LaneSpec(way, kind), tmp_path, random.Random(1))
    lane.plug()
    try:
        assert lane.walk(Direction.OUT, force=True)
        lane.deaf = True
        assert lane.walk(Direction.OUT, force=True)
        lane.deaf, lane.model.blind = False, True
        assert lane.walk(Direction.OUT, force=True)
        lane.model.blind = False
        lane.lane_port.to_host = Faults(drop=1)
        lane.lane_port.send(b"harmed")
        assert lane.walk(Direction.OUT, force=True)
    finally:
        lane.unplug()
    sights = [passage.sight for passage in lane.passages]
    # where the bridge has to look, the first may have been missed as well
    first = Sight.UNSURE if kind.polled else Sight.SURE
    assert sights == [first, Sight.LOST, Sight.LOST, Sight.UNSURE]
    assert lane.model.passed[Direction.OUT] == 4


async def test_faults_by_script(control: Any, tmp_path: Path) -> None:
    lane = os.open(tmp_path / "run" / "L1.lane", os.O_RDWR | os.O_NOCTTY)
    try:
        await control("/lanes/L1/fault", {"refuse": 1, "to": "host"})
        os.write(lane, codec.encode(b"C"))
        answer = await asyncio.to_thread(os.read, lane, 5)
        assert answer == codec.encode(codec.NACK)
        await control("/lanes/L1/fault", {"drop": 1, "to": "device"})
        os.write(lane, codec.encode(b"H"))
        await asyncio.sleep(0.1)
        assert not (await control.lanes())["L1"]["released"]["in"]
        await control("/lanes/L1/fault", {})
        os.write(lane, codec.encode(b"H"))
        await asyncio.to_thread(os.read, lane, 5)
        assert (await control.lanes())["L1"]["released"]["in"]
    finally:
        os.close(lane)
