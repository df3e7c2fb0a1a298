"""The Catrax driver on a real pseudo terminal, against devices that misbehave."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from conftest import Start, until
from scenic_gate_bridge.drivers import catrax_codec as codec
from scenic_gate_bridge.drivers.base import (
    Accepted,
    CommandRefused,
    CommandUnanswered,
    DriverEvent,
    LinkDown,
    LinkLost,
    LinkUp,
    Noise,
    Passed,
)
from scenic_gate_bridge.drivers.catrax import CatraxDriver
from scenic_gate_bridge.model import NONE, Direction
from scenic_gate_bridge.settings import CatraxSettings
from scenic_gate_bridge.simulator.catrax_model import CatraxModel
from scenic_gate_bridge.simulator.faults import Faults
from scenic_gate_bridge.simulator.pty_port import PtyPort

H = codec.encode(b"H")
C = codec.encode(b"C")
ACK = codec.encode(codec.ACK)
NACK = codec.encode(codec.NACK)
RET1 = codec.encode(codec.RETURN_1)


class Device:
    """The far end of the line: `answer` says what each command is answered with."""

    def __init__(self, directory: Path) -> None:
        self.port = PtyPort(directory / "lane", self._received, random.Random(1))
        self.raw = b""
        self.commands: list[bytes] = []
        self.answer: Callable[[bytes], bytes] = lambda command: ACK
        self._parser = codec.FrameParser(codec.FROM_HOST)

    def _received(self, data: bytes) -> None:
        self.raw += data
        for command in self._parser.feed(data):
            self.commands.append(command)
            self.port.send(self.answer(command))


class Link:
    """A driver that runs on the device."""

    def __init__(self, driver: CatraxDriver) -> None:
        self.driver = driver
        self.events: list[DriverEvent] = []
        self.task = asyncio.create_task(driver.run(self.events.append))

    def saw(self, kind: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


@pytest.fixture
async def device(tmp_path: Path) -> AsyncIterator[Device]:
    made = Device(tmp_path)
    made.port.plug()
    yield made
    made.port.unplug()


@asynccontextmanager
async def linked(device: Device, **settings: Any) -> AsyncIterator[Link]:
    settings = {"ack_timeout": 0.3, "poll": 60} | settings
    link = Link(
        CatraxDriver(
            CatraxSettings(kind="catrax", port=str(device.port.link), **settings), "L1"
        )
    )
    try:
        await until(lambda: link.saw(LinkUp) or link.task.done())
        yield link
    finally:
        link.task.cancel()
        with suppress(asyncio.CancelledError, LinkLost):
            await link.task


async def test_start_brings_the_lane_to_rest_byte_by_byte(device: Device) -> None:
    async with linked(device):
        # twice: the first answer might be an old one
        assert device.raw == bytes.fromhex("02 02 00 43 43") * 2


async def test_free_directions_are_set_at_every_start(device: Device) -> None:
    driver = CatraxDriver(
        CatraxSettings(kind="catrax", port=str(device.port.link)), "L1"
    )
    with pytest.raises(LinkLost):
        await driver.rest(frozenset({Direction.IN}))
    task = asyncio.create_task(driver.run(lambda event: None))
    await until(lambda: codec.encode(b"LH") in device.raw)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert device.raw == C + C + bytes.fromhex("02 03 00 4C 48 05")


@pytest.mark.parametrize(
    ("release_in", "pass_in", "letter", "report"),
    [
        ("H", "1A", b"H", b"\x1a"),
        ("A", "1B", b"A", b"\x1b"),
        ("H", "1B", b"H", b"\x1b"),
    ],
)
async def test_direction_map(
    device: Device, release_in: Any, pass_in: Any, letter: bytes, report: bytes
) -> None:
    async with linked(device, release_in=release_in, pass_in=pass_in) as link:
        await link.driver.allow(Direction.IN)
        assert device.commands[-1] == letter
        await link.driver.allow(Direction.OUT)
        assert device.commands[-1] == (b"A" if letter == b"H" else b"H")
        device.port.send(codec.encode(report))
        await until(lambda: link.saw(Passed))
        assert link.saw(Passed) == [Passed(Direction.IN)]


async def test_lost_acknowledgement_never_sends_the_release_again(
    device: Device,
) -> None:
    model = CatraxModel()
    async with linked(device) as link:
        device.answer = lambda command: model.feed(codec.encode(command))
        model.swallow = 1
        with pytest.raises(CommandUnanswered):
            await link.driver.allow(Direction.IN)
        assert model.released(Direction.IN)
        await link.driver.rest(NONE)
        assert not model.released(Direction.IN)
        assert device.commands.count(b"H") == 1
        assert not link.saw(Accepted)


async def test_refused_release_is_not_repeated(device: Device) -> None:
    async with linked(device) as link:
        device.answer = lambda command: NACK if command == b"H" else ACK
        with pytest.raises(CommandRefused):
            await link.driver.allow(Direction.IN)
        await link.driver.rest(NONE)
        assert device.commands.count(b"H") == 1


async def test_late_answer_of_a_release_does_not_pass_for_the_rest(
    device: Device,
) -> None:
    """H is obeyed but answered late; the first C is lost on the line. Only a C that
    was really obeyed may count, else the arm stays released behind an annulment."""
    model = CatraxModel()
    lost: list[bytes] = []

    def answer(command: bytes) -> bytes:
        if command == b"H":
            model.feed(H)
            return b""
        if not lost:
            lost.append(command)
            return ACK  # the late answer to H comes just now
        return model.feed(codec.encode(command))

    async with linked(device) as link:
        device.answer = answer
        with pytest.raises(CommandUnanswered):
            await link.driver.allow(Direction.IN)
        await link.driver.rest(NONE)
        assert not model.released(Direction.IN)


async def test_rest_is_repeated_through_refusals_and_silence(device: Device) -> None:
    answers = [NACK, b"", NACK]
    async with linked(device) as link:
        device.answer = lambda command: answers.pop(0) if answers else ACK
        await link.driver.rest(frozenset({Direction.OUT}))
        assert device.commands[-1] == b"LA"


async def test_device_that_falls_silent_loses_its_link(device: Device) -> None:
    async with linked(device, ack_timeout=0.05) as link:
        device.answer = lambda command: b""
        with pytest.raises(LinkLost) as caught:
            await link.driver.rest(NONE)
        assert caught.value.sent
        with pytest.raises(LinkLost, match="does not answer"):
            await link.task
        assert isinstance(link.events[-1], LinkDown)
        with pytest.raises(LinkLost) as again:
            await link.driver.allow(Direction.IN)
        assert not again.value.sent


async def test_poll_finds_a_silent_device_but_not_during_a_pass(device: Device) -> None:
    async with linked(device, ack_timeout=0.05, poll=0.05) as link:
        await until(lambda: len(device.commands) > 4)
        await link.driver.allow(Direction.IN)
        before = len(device.commands)
        await asyncio.sleep(0.3)
        assert len(device.commands) == before
        device.port.send(RET1)
        await until(lambda: len(device.commands) > before)
        device.answer = lambda command: b""
        await until(lambda: link.task.done())
        assert link.saw(LinkDown)


async def test_unplugged_while_a_release_is_under_way(device: Device) -> None:
    async with linked(device, ack_timeout=30) as link:
        device.answer = lambda command: b""
        release = asyncio.create_task(link.driver.allow(Direction.IN))
        await until(lambda: device.commands[-1] == b"H")
        device.port.unplug()
        with pytest.raises(LinkLost) as caught:
            await release
        assert caught.value.sent
        with pytest.raises(LinkLost):
            await link.task


async def test_noise_is_noticed_and_survived(device: Device) -> None:
    junk = random.Random(7).randbytes(1 << 20)
    async with linked(device) as link:
        sent = 0
        while sent < len(junk):
            device.port.send(junk[sent : sent + 2048])
            sent += 2048
            await asyncio.sleep(0)
        before = len(link.saw(Passed))
        await until(lambda: link.saw(Noise))
        await asyncio.sleep(0.1)
        device.port.send(RET1)
        await until(lambda: len(link.saw(Passed)) > before)
        await link.driver.rest(NONE)
        await link.driver.allow(Direction.IN)


async def test_frames_in_single_bytes(device: Device) -> None:
    device.port.to_host = Faults(split=True)
    device.port.to_device = Faults(split=True)
    async with linked(device) as link:
        await link.driver.allow(Direction.IN)
        device.port.send(RET1)
        await until(lambda: link.saw(Passed))
        assert not link.saw(Noise)


async def test_order_of_acknowledgement_and_report_is_kept(device: Device) -> None:
    """Both in one read: the report must still come after the acceptance."""
    async with linked(device) as link:
        device.answer = lambda command: RET1 + ACK + RET1
        await link.driver.allow(Direction.IN)
        kinds = [type(event) for event in link.events]
        assert kinds == [LinkUp, Passed, Accepted, Passed]


async def test_port_that_is_not_there(tmp_path: Path) -> None:
    driver = CatraxDriver(
        CatraxSettings(kind="catrax", port=str(tmp_path / "none")), "L1"
    )
    events: list[DriverEvent] = []
    with pytest.raises(LinkLost, match="cannot open"):
        await driver.run(events.append)
    assert [type(event) for event in events] == [LinkDown]


async def test_port_in_use_by_another(device: Device) -> None:
    async with linked(device):
        second = CatraxDriver(
            CatraxSettings(kind="catrax", port=str(device.port.link)), "L2"
        )
        with pytest.raises(LinkLost, match="lock"):
            await second.run(lambda event: None)


async def test_unplugged_in_a_pass_and_plugged_again(start: Start) -> None:
    """The person may have walked while nobody saw it: assumed passed, link_down and
    link_up reported, and the lane works again."""
    world = await start()
    sim = world.sim()
    sim.show("CODET1")
    assert await sim.wait_released(Direction.IN, 3)
    # in the middle of a frame
    sim.lane_port.send(RET1[:3])
    await sim.pull("lane", 0.2)
    event = (await until(lambda: world.peer.of_type("passed")))[0]
    assert event["assumed"]
    await until(lambda: world.peer.of_type("link_up"))
    await until(lambda: world.lane().machine.link)
    assert not sim.model.released(Direction.IN)
    assert await world.visit("CODET2") == (True, 1)
    await until(lambda: len(world.peer.of_type("passed")) == 2)
    assert [e["type"] for e in world.peer.events.values()].count("link_down") == 1


async def test_turnstile_away_refuses_without_asking(start: Start) -> None:
    world = await start()
    sim = world.sim()
    sim.lane_port.unplug()
    await until(lambda: world.lane().machine.link is False)
    assert await world.visit("CODET1", patience=0.3) == (False, 0)
    assert (await world.wait_log("denied"))["code"] == "LANE_FAULT"
    assert not world.peer.admissions


@pytest.mark.parametrize("seed", range(2))
async def test_bad_line_loses_no_books(start: Start, seed: int) -> None:
    """Bytes are dropped, spoilt and doubled both ways. Whatever comes of it: nobody
    walks twice on one ticket, and who walked on a release is booked."""
    world = await start(ack_timeout=0.15, pass_timeout=0.5)
    sim = world.sim()
    sim.lane_port._rng.seed(seed)
    bad = Faults(drop=0.02, corrupt=0.04, duplicate=0.03, split=True)
    sim.lane_port.to_host = sim.lane_port.to_device = bad
    walked = 0
    for number in range(1, 6):
        before = sim.model.releases
        _released, count = await world.visit(f"CODET{number}", patience=0.8)
        walked += count
        assert sim.model.releases - before <= 1
        await until(lambda: world.lane().machine.phase == "idle")
        await asyncio.sleep(0.25)
    sim.lane_port.to_host = sim.lane_port.to_device = Faults()
    await until(lambda: sum(t.reserved for t in world.peer.tickets.values()) == 0)
    assert sum(t.used for t in world.peer.tickets.values()) >= walked
    assert max(t.used for t in world.peer.tickets.values()) <= 1
