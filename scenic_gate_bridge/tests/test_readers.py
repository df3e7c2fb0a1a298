"""A scanner on a real serial line: what becomes a scan and what does not."""

from __future__ import annotations

import asyncio
import random

from conftest import Start, until
from scenic_gate_bridge.model import Code, Direction
from scenic_gate_bridge.readers.line import REMEMBERED, RepeatFilter


def test_repeats_within_the_window_are_one_read() -> None:
    repeats = RepeatFilter(2.0)
    code, other = Code("A"), Code("B")
    assert repeats.fresh(code, 10.0)
    assert not repeats.fresh(code, 11.9)
    # left on the glass: each repetition keeps the window open
    assert not repeats.fresh(code, 13.5)
    assert repeats.fresh(other, 13.5)
    assert not repeats.fresh(code, 15.0)
    assert repeats.fresh(code, 17.1)


def test_repeat_memory_is_bounded() -> None:
    repeats = RepeatFilter(1e9)
    for number in range(1000):
        repeats.fresh(Code(str(number)), 1.0)
    assert len(repeats._seen) == REMEMBERED


async def test_a_code_left_on_the_glass_is_one_scan(start: Start) -> None:
    world = await start(repeat_after=1.0)
    sim = world.sim()
    for _ in range(6):
        sim.show("CODET1")
        await asyncio.sleep(0.05)
    assert await sim.wait_released(Direction.IN, 3)
    assert sim.walk(Direction.IN)
    await until(lambda: world.peer.of_type("passed"))
    assert len(world.peer.admissions) == 1
    assert not await sim.wait_released(Direction.IN, 0.3)


async def test_hostile_input_never_reaches_the_server(start: Start) -> None:
    world = await start()
    sim = world.sim()
    for raw in (
        b"';DROP TABLE x;--\r",
        b"\x1b[2J\x00\x00\r",
        b"A" * 5000 + b"\r",
        "ＦＵＬＬ".encode() + b"\r",
        random.Random(3).randbytes(3000).replace(b"\r", b"\xff") + b"\r",
    ):
        sim.scanner_port.send(raw)
        await asyncio.sleep(0.05)
    assert await world.visit("CODET1") == (True, 1)
    assert [a.code for a in world.peer.admissions.values()] == ["CODET1"]


async def test_a_flood_of_codes_is_cut_off(start: Start) -> None:
    world = await start()
    sim = world.sim()
    for number in range(300):
        sim.show(f"FLOOD{number}")
    sim.show("CODET1")
    await asyncio.sleep(0.5)
    assert world.lane()._scans <= 16
    await until(lambda: world.lane().machine.phase == "idle")
    await asyncio.sleep(0.3)
    assert await world.visit("CODET2") == (True, 1)


async def test_megabyte_of_noise_and_then_a_code(start: Start) -> None:
    world = await start()
    junk = random.Random(5).randbytes(1 << 20)
    for at in range(0, len(junk), 2048):
        world.sim().scanner_port.send(junk[at : at + 2048])
        await asyncio.sleep(0)
    await asyncio.sleep(1.2)
    await until(lambda: world.lane().machine.phase == "idle")
    assert await world.visit("CODET1") == (True, 1)


async def test_scanner_unplugged_in_the_middle_of_a_code(start: Start) -> None:
    world = await start()
    sim = world.sim()
    sim.scanner_port.send(b"COD")
    await asyncio.sleep(0.1)
    await sim.pull("scanner", 0.1)
    down = (await until(lambda: world.peer.of_type("link_down")))[0]
    assert down["note"] == "reader 1"
    await until(
        lambda: [e for e in world.peer.of_type("link_up") if e["note"] == "reader 1"]
    )
    # what was half read before does not mix with the next code
    assert await world.visit("CODET1") == (True, 1)
    assert world.lane().machine.link
