"""A scanner on a real serial line: what becomes a scan and what does not."""

from __future__ import annotations

import asyncio
import random
from functools import partial

import pytest

from conftest import Start, until
from scenic_gate_bridge.model import Code, Direction
from scenic_gate_bridge.readers.base import (
    GUESSES,
    GUESSES_WITHIN,
    MUTED_FOR,
    REMEMBERED,
    Guard,
    RepeatFilter,
)
from scenic_gate_bridge.readers.ic_codec import TYPE_MIFARE, encode_ascii, encode_binary
from scenic_gate_bridge.simulator.ledger import Ticket


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


def test_guesses_mute_a_reader_for_a_while() -> None:
    guard = Guard()
    codes = [Code(str(number)) for number in range(GUESSES + 1)]
    # one wrong code shown for long is no guessing
    assert not any(guard.unknown(codes[0], 1.0) for _ in range(50))
    # nor are as many codes, if they take longer
    for number, code in enumerate(codes):
        assert not guard.unknown(code, 100 + number * GUESSES_WITHIN / (GUESSES - 1))
    guard = Guard()
    muting = [guard.unknown(code, 5.0) for code in codes[:GUESSES]]
    assert muting == [False] * (GUESSES - 1) + [True]
    assert not guard.unknown(codes[-1], 6.0)
    assert guard.muted(4.9 + MUTED_FOR)
    assert not guard.muted(5.0 + MUTED_FOR)


async def test_a_reader_on_which_codes_are_guessed_is_muted(start: Start) -> None:
    world = await start("L1:in,L2:in")
    peer = world.peer
    for number in range(GUESSES):
        world.sim().show(f"GUESS{number}")
        await until(partial(lambda count: len(peer.kinds) == count, number + 1))
    muted = (await until(lambda: world.peer.of_type("muted")))[0]
    assert (muted["lane"], muted["note"]) == ("L1", "reader 1")
    assert await world.visit("CODET1", patience=0.5) == (False, 0)
    assert len(world.peer.kinds) == GUESSES
    # the lane beside it is not the guesser
    assert await world.visit("CODET1", "L2") == (True, 1)


async def test_a_scanner_by_tcp_that_goes_and_comes(start: Start) -> None:
    links: list[asyncio.StreamWriter] = []

    async def serve(
        _reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        links.append(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with server:
        world = await start(
            transport=f'kind = "tcp", host = "127.0.0.1", port = {port}'
        )
        await until(lambda: links)
        links[0].write(b"CODE")
        await asyncio.sleep(0.05)
        links[0].write(b"T1\r")
        assert await world.sim().wait_released(Direction.IN, 3)
        assert world.sim().walk(Direction.IN)
        await until(lambda: world.peer.of_type("passed"))
        links[0].write(b"CODE")
        links[0].close()
        await until(lambda: len(links) == 2)
        links[1].write(b"CODET2\r")
        assert await world.sim().wait_released(Direction.IN, 3)
        assert [a.code for a in world.peer.admissions.values()] == ["CODET1", "CODET2"]
        (down,) = world.peer.of_type("link_down")
        assert down["note"] == "reader 1"
        links[1].close()


@pytest.mark.parametrize("protocol", ["ascii", "binary"])
async def test_an_ic_card_that_lies_on_the_reader(start: Start, protocol: str) -> None:
    reader = f'kind = "ic"\nprotocol = "{protocol}"'
    number = bytes.fromhex("100086F444")
    if protocol == "ascii":
        frame = encode_ascii(number)
    else:
        number = bytes.fromhex("A1B2C3D4")
        frame = encode_binary(number, TYPE_MIFARE)
    world = await start(reader=reader, repeat_after=1.0)
    world.peer.tickets[number.hex().upper()] = Ticket()
    # noise, half a frame, and then the card, again and again
    world.sim().scanner_port.send(random.Random(7).randbytes(4000) + frame[:7])
    for _ in range(6):
        world.sim().scanner_port.send(frame)
        await asyncio.sleep(0.05)
    assert await world.sim().wait_released(Direction.IN, 3)
    assert world.sim().walk(Direction.IN)
    await until(lambda: world.peer.of_type("passed"))
    (admission,) = world.peer.admissions.values()
    assert admission.code == number.hex().upper()
    assert world.peer.kinds == ["ic_card"]
