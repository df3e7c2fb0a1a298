"""A bridge and libosdp's own peripheral device, on a real pty."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import osdp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Start, World, until
from scenic_gate_bridge.model import Direction
from scenic_gate_bridge.readers import osdp_link
from scenic_gate_bridge.readers.card_number import without_parity
from scenic_gate_bridge.simulator.ledger import Ticket
from scenic_gate_bridge.simulator.osdp_model import OsdpModel
from scenic_gate_bridge.simulator.pty_port import PtyPort

KEY = bytes.fromhex("303132333435363738393A3B3C3D3E3F")
CARD = bytes.fromhex("A1B2C3D4")
GREEN, RED = osdp.CommandLEDColor.Green, osdp.CommandLEDColor.Red


class SimReader:
    """The device on a pty; switched on when the loop runs."""

    def __init__(self, directory: Path) -> None:
        self.link = directory / "run" / "osdp"
        self.link.parent.mkdir(exist_ok=True)
        self.key_file = directory / "scbk"
        self.model: OsdpModel | None = None
        self.port: PtyPort

    def switch_on(self, key: bytes | None = KEY) -> OsdpModel:
        self.port = PtyPort(self.link, self._heard, random.Random(1))
        self.port.plug()
        self.model = OsdpModel(self.port.send, 101, key)
        self.model.start()
        return self.model

    def _heard(self, data: bytes) -> None:
        if self.model is not None:
            self.model.feed(data)

    def settings(self, key: bytes | None = KEY) -> dict[str, Any]:
        reader = 'kind = "osdp"\naddress = 101\n'
        if key is not None:
            self.key_file.write_text(key.hex())
            self.key_file.chmod(0o600)
            reader += f'key_file = "{self.key_file}"'
        return {
            "reader": reader,
            "transport": f'kind = "serial", port = "{self.link}"',
        }

    def lights(self) -> list[int]:
        assert self.model is not None
        return [
            command["on_color"]
            for command in self.model.commands
            if command["command"] == osdp.Command.LED
        ]

    def beeps(self) -> list[int]:
        assert self.model is not None
        return [
            command["rep_count"]
            for command in self.model.commands
            if command["command"] == osdp.Command.Buzzer
        ]


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[SimReader]:
    reader = SimReader(tmp_path)
    yield reader
    if reader.model is not None:
        reader.model.stop()
    reader.port.unplug()


async def walk_in(world: World, count: int) -> None:
    assert await world.sim().wait_released(Direction.IN, 10)
    assert world.sim().walk(Direction.IN)
    await until(lambda: len(world.peer.of_type("passed")) == count)


def notes(world: World, kind: str) -> list[str]:
    return [event["note"] for event in world.peer.of_type(kind) if event["note"]]


@pytest.mark.parametrize("key", [KEY, None])
async def test_cards_are_read_and_answered_by_light_and_sound(
    start: Start, sim: SimReader, key: bytes | None
) -> None:
    model = sim.switch_on(key)
    world = await start(**sim.settings(key))
    world.peer.tickets[CARD.hex().upper()] = Ticket()
    await until(lambda: model.online)
    model.show(32, CARD)
    await walk_in(world, 1)
    assert world.peer.kinds == ["ic_card"]
    await until(lambda: (sim.lights(), sim.beeps()) == ([GREEN], [1]))
    await asyncio.sleep(0.3)
    model.show(56, CARD + bytes(3))  # nobody knows this one
    await until(lambda: len(world.peer.kinds) == 2)
    await until(lambda: (sim.lights(), sim.beeps()) == ([GREEN, RED], [1, 3]))
    world.peer.tickets["86F444"] = Ticket()
    model.show(*wiegand(bytes.fromhex("86F444")))
    await walk_in(world, 2)


async def test_unplugged_and_plugged_in_again(start: Start, sim: SimReader) -> None:
    model = sim.switch_on()
    world = await start(**sim.settings())
    world.peer.tickets[CARD.hex().upper()] = Ticket(entries=2)
    await until(lambda: model.online)
    model.show(32, CARD)
    await walk_in(world, 1)
    sim.port.unplug()
    await until(lambda: notes(world, "link_down") == ["reader 1"])
    sim.port.plug()
    await until(lambda: notes(world, "link_up") == ["reader 1"])
    model.show(32, CARD)
    await walk_in(world, 2)


async def test_a_device_that_lost_its_power_is_down(
    start: Start, sim: SimReader
) -> None:
    model = sim.switch_on()
    world = await start(**sim.settings())
    await until(lambda: model.online)
    model.stop()
    sim.model = None
    await until(lambda: notes(world, "link_down") == ["reader 1"], 30)


async def test_another_key_opens_no_channel(
    start: Start, sim: SimReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(osdp_link, "COME_UP", 2.0)
    model = sim.switch_on(bytes(range(16)))
    world = await start(**sim.settings())
    world.peer.tickets[CARD.hex().upper()] = Ticket()
    await until(lambda: notes(world, "link_down") == ["reader 1"])
    model.show(32, CARD)
    await asyncio.sleep(1)
    assert world.peer.kinds == []


@given(bits=st.integers(0, 300), data=st.binary(max_size=40))
def test_any_bits_are_a_number_or_none(bits: int, data: bytes) -> None:
    number = without_parity(bits, data)
    assert number is None or 3 <= len(number) <= 10


def wiegand(number: bytes) -> tuple[int, bytes]:
    """The bits that a reader on such a line sends, filled up to whole bytes."""
    half, bits = len(number) * 4, len(number) * 8 + 2
    value = int.from_bytes(number, "big")
    front = (value >> half).bit_count() % 2
    back = 1 - (value & (1 << half) - 1).bit_count() % 2
    sent = front << bits - 1 | value << 1 | back
    return bits, (sent << -bits % 8).to_bytes(len(number) + 1, "big")


@given(st.binary(min_size=3, max_size=4), st.data())
def test_parity_of_wiegand_lines(number: bytes, data: st.DataObject) -> None:
    bits, raw = wiegand(number)
    assert without_parity(bits, raw) == number
    flipped = data.draw(st.integers(0, bits - 1))
    wrong = int.from_bytes(raw, "big") ^ 1 << flipped + -bits % 8
    assert without_parity(bits, wrong.to_bytes(len(raw), "big")) is None


def test_numbers_of_whole_bytes_have_no_parity() -> None:
    assert without_parity(32, CARD) == CARD
    assert without_parity(56, CARD + bytes(3)) == CARD + bytes(3)
    assert without_parity(35, CARD + bytes(3)) is None
    assert without_parity(8, b"\x01") is None
