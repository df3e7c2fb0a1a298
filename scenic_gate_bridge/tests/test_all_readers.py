"""One set of rules for every reader that has a line of its own.

Real readers under virtual time, on lines that cut, spoil and lose. Whatever happens: on
a good line each showing is one scan of the right code, and after a bad one the next
card is read.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from scenic_gate_bridge.model import CredentialKind, Direction, Scan
from scenic_gate_bridge.readers import sdt_codec
from scenic_gate_bridge.readers.base import Desk
from scenic_gate_bridge.readers.ic_codec import TYPE_MIFARE, encode_ascii, encode_binary
from scenic_gate_bridge.readers.watch import build
from scenic_gate_bridge.settings import ReaderSettings
from scenic_gate_bridge.simulator.sdt_model import IdCard, SdtModel
from scenic_gate_bridge.supervisor import supervise
from scenic_gate_bridge.watchdog import DEVICE_TURN, Pulses
from virtual import VirtualLoop, Wire

PORT = 5000
LINE = {"kind": "tcp", "host": "127.0.0.1", "port": PORT}
READERS: dict[str, dict[str, Any]] = {
    "cr": {"kind": "line", "framing": "cr"},
    "stx-etx": {"kind": "line", "framing": "stx-etx"},
    "idle": {"kind": "line", "framing": "idle:50ms"},
    "fixed": {"kind": "line", "framing": "fixed:10"},
    "ascii": {"kind": "ic", "protocol": "ascii"},
    "binary": {"kind": "ic", "protocol": "binary"},
    "id_card": {"kind": "id_card"},
}
FRAMES: dict[str, Callable[[bytes], bytes]] = {
    "cr": lambda number: number.hex().upper().encode() + b"\r",
    "stx-etx": lambda number: b"\x02" + number.hex().upper().encode() + b"\x03",
    "idle": lambda number: number.hex().upper().encode(),
    "fixed": lambda number: number.hex().upper().encode(),
    "ascii": encode_ascii,
    "binary": lambda number: encode_binary(number, TYPE_MIFARE),
}
KINDS = {"ic": CredentialKind.IC_CARD, "id_card": CredentialKind.ID_DOCUMENT}
LONGEST_PAUSE = 36  # seconds until a link that was lost often is tried again


class Silent:
    """A reader that only speaks."""

    def feed(self, data: bytes) -> bytes:
        return b""


class World:
    """One reader in front of a desk, and the cards shown to it."""

    def __init__(self, name: str, seed: int) -> None:
        self.name = name
        self.loop = VirtualLoop()
        self.model = SdtModel() if name == "id_card" else Silent()
        self.wire = Wire(self.loop, self.model, random.Random(seed))
        self.loop.wires[PORT] = self.wire
        self.scans: list[Scan] = []
        self.shown = 0
        adapter: TypeAdapter[Any] = TypeAdapter(ReaderSettings)
        self.settings = adapter.validate_python(READERS[name] | {"transport": LINE})
        desk = Desk(
            "L1", name, Direction.IN, 0.2, self.scans.append, lambda reason: None
        )
        reader = build(self.settings, desk)
        self.pulses = Pulses(self.loop.time)
        reader.turns = self.pulses.of(name)
        self.task = self.loop.create_task(
            supervise(name, lambda: reader.run(lambda linked: None), reader.turns)
        )
        self.wait(1)

    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        assert not self.pulses.late()
        if self.task.done():
            self.task.result()

    def show(self) -> str:
        """A new card, and away again; its number."""
        self.shown += 1
        number = bytes([0xA0, 0, 0, 0, self.shown])
        if isinstance(self.model, SdtModel):
            code = f"11010519491231{self.shown:03d}X"
            self.model.place(IdCard(code))
            self.wait(2)
            self.model.remove()
        else:
            code = number.hex().upper()
            self.wire.send(self.frame(number))
        self.wait(1.5)
        return code

    def frame(self, number: bytes) -> bytes:
        """What the reader says when it has read something."""
        if self.name == "id_card":
            return sdt_codec.encode(bytes([0, 0, sdt_codec.FOUND]) + bytes(4))
        return FRAMES[self.name](number)

    def close(self) -> None:
        self.task.cancel()
        self.loop.run_until_complete(asyncio.gather(self.task, return_exceptions=True))
        self.loop.close()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", READERS)
@settings(max_examples=20)
@given(seed=st.integers(0, 2**32 - 1), count=st.integers(1, 4))
def test_each_showing_is_one_scan(name: str, seed: int, count: int) -> None:
    world = World(name, seed)
    try:
        shown = [world.show() for _ in range(count)]
        assert [scan.code.value for scan in world.scans] == shown
        kind = KINDS.get(world.settings.kind, CredentialKind.AUTO)
        assert {scan.kind for scan in world.scans} == {kind}
    finally:
        world.close()


@pytest.mark.parametrize("name", READERS)
def test_a_reader_that_nobody_uses_still_turns(name: str) -> None:
    """Else the watchdog would end the bridge in a quiet hour."""
    world = World(name, 1)
    try:
        world.wait(2 * DEVICE_TURN)
        world.wire.unplug()
        world.wait(2 * DEVICE_TURN)
    finally:
        world.close()


harm = st.one_of(
    st.tuples(st.just("noise"), st.binary(min_size=1, max_size=60)),
    # what promises more than will come
    st.tuples(
        st.just("noise"), st.sampled_from([b"\x02\x0f", sdt_codec.PREAMBLE + b"\x05\0"])
    ),
    st.tuples(st.just("half"), st.floats(0.05, 0.95)),
    st.tuples(st.just("lose"), st.integers(0, 3)),
    st.tuples(st.just("pull"), st.sampled_from([0.1, 2.0])),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.05, 0.4, 3.0])),
    st.tuples(st.just("show"), st.none()),
)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", READERS)
@settings(max_examples=40)
@example(seed=1, harms=[("noise", b"\x02\x0f")])
@given(seed=st.integers(0, 2**32 - 1), harms=st.lists(harm, max_size=12))
def test_after_any_harm_the_next_card_is_read(
    name: str, seed: int, harms: list[tuple[str, Any]]
) -> None:
    world = World(name, seed)
    try:
        for what, how in harms:
            match what:
                case "noise":
                    world.wire.send(how)
                case "half":
                    frame = world.frame(bytes(range(5)))
                    world.wire.send(frame[: round(len(frame) * how)])
                case "lose":
                    world.wire.deaf = world.wire.mute = how
                case "pull":
                    world.wire.unplug()
                    world.wait(how)
                    world.wire.plugged = True
                case "wait":
                    world.wait(how)
                case _:
                    world.show()
        world.wire.deaf = world.wire.mute = 0
        world.wait(LONGEST_PAUSE + 5)
        before = len(world.scans)
        code = world.show()
        assert [scan.code.value for scan in world.scans[before:]] == [code]
    finally:
        world.close()
