"""Modbus, infrared and TPW-321ASP drivers on real ptys and TCP connections."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pymodbus.server import ModbusTcpServer
from pymodbus.simulator import DataType, SimData, SimDevice

from conftest import until
from scenic_gate_bridge.drivers import tpw_codec
from scenic_gate_bridge.drivers.base import (
    Accepted,
    Alarm,
    AlarmKind,
    CommandRefused,
    CommandUnanswered,
    Fire,
    LaneDriver,
    LinkDown,
    LinkLost,
    LinkUp,
    Passed,
)
from scenic_gate_bridge.drivers.catrax import CatraxDriver
from scenic_gate_bridge.drivers.infrared import InfraredDriver, TwoBeams, Walk
from scenic_gate_bridge.drivers.modbus import ModbusDriver
from scenic_gate_bridge.drivers.tpw import TpwDriver
from scenic_gate_bridge.model import BOTH, NONE, Direction
from scenic_gate_bridge.settings import (
    CatraxSettings,
    InfraredSettings,
    ModbusSettings,
    TpwSettings,
)
from scenic_gate_bridge.simulator.board_model import BoardModel
from scenic_gate_bridge.simulator.catrax_model import CatraxModel
from scenic_gate_bridge.simulator.pty_port import PtyPort
from scenic_gate_bridge.simulator.tcp_port import TcpPort
from scenic_gate_bridge.simulator.tpw_model import TpwModel

WIRES: dict[str, Any] = {
    "release_in": 0, "release_out": 1, "free_in": 2, "free_out": 3,
    "pass_in": 0, "pass_out": 1, "pinch": 2, "fault": 3, "fire": 7, "inverted": [7],
    "device_timeout": 0.4,
}  # fmt: skip


class Far:
    """A simulated device on a pty or on a TCP port."""

    def __init__(self) -> None:
        self.model: Any = None
        self.heard = b""
        self.said = b""

    def received(self, data: bytes) -> None:
        self.heard += data
        answer = self.model.feed(data)
        self.said += answer
        self.port.send(answer)

    port: PtyPort | TcpPort


@pytest.fixture(params=["serial", "tcp"])
async def line(request: Any, tmp_path: Path) -> AsyncIterator[tuple[Far, Any]]:
    """The far end of a line, and the settings of the near one."""
    far = Far()
    if request.param == "serial":
        pty = PtyPort(tmp_path / "lane", far.received, random.Random(1))
        far.port = pty
        pty.plug()
        yield far, {"kind": "serial", "port": str(pty.link)}
        pty.unplug()
    else:
        tcp = TcpPort(far.received, random.Random(1))
        far.port = tcp
        await tcp.plug()
        yield far, {"kind": "tcp", "host": "127.0.0.1", "port": tcp.port}
        await tcp.unplug()


def board(far: Far, wiring: Any, slower: float = 1.0) -> None:
    """Put a board there; all that it does takes `slower` times as long."""
    framing: Any = "rtu" if isinstance(far.port, PtyPort) else "tcp"
    time = asyncio.get_running_loop().time
    far.model = BoardModel(wiring, lambda: time() / slower, framing)


@asynccontextmanager
async def running(driver: LaneDriver) -> AsyncIterator[list[Any]]:
    events: list[Any] = []
    task = asyncio.create_task(driver.run(events.append))
    try:
        await until(lambda: LinkUp() in events or task.done())
        yield events
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError, LinkLost):
            await task


def modbus(settings: ModbusSettings) -> ModbusDriver:
    return ModbusDriver(settings, "L1", BOTH)


async def test_modbus_pulse_opens_once_and_its_pass_is_seen(
    line: tuple[Far, Any],
) -> None:
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    board(far, settings)
    async with running(modbus(settings)) as events:
        driver = modbus(settings)
        assert driver.caps.free == BOTH
    driver = modbus(settings)
    async with running(driver) as events:
        far.heard = b""
        await driver.allow(Direction.IN)
        assert far.model.releases == 1
        if isinstance(far.port, PtyPort):
            # function 05, coil 0x0200, three tenths of a second
            assert bytes.fromhex("01 05 02 00 00 03") in far.heard
        assert far.model.push(Direction.IN) == b""
        assert far.model.push(Direction.IN) is None
        await until(lambda: Passed(Direction.IN) in events)
        assert events.index(Accepted()) < events.index(Passed(Direction.IN))
        await driver.rest(NONE)
        assert not far.model.released(Direction.IN)


async def test_modbus_rest_that_is_refused_is_made_up_for(
    line: tuple[Far, Any],
) -> None:
    """A board that is busy for a moment is asked again; one that goes on refusing is
    begun anew, and then the lane rests as it was told last."""
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    board(far, settings)
    driver = modbus(settings)
    async with running(driver) as events:
        far.model.refuse = 1
        await driver.rest(BOTH)
        assert far.model.is_free(Direction.IN) and far.model.is_free(Direction.OUT)
        far.model.refuse = 50
        with pytest.raises(LinkLost):
            await driver.rest(NONE)
        await until(lambda: any(isinstance(event, LinkDown) for event in events))
    assert far.model.is_free(Direction.IN)
    far.model.refuse = 0
    async with running(driver):
        assert not far.model.is_free(Direction.IN)
        assert not far.model.is_free(Direction.OUT)


@pytest.mark.parametrize("hold", [False, True])
async def test_modbus_relays_lost_in_a_brown_out_are_turned_on_again(
    line: tuple[Far, Any], hold: bool
) -> None:
    """Too short for the line to notice: an open way must not stay shut."""
    far, transport = line
    wires = WIRES | {"free_in": 0, "hold": True} if hold else WIRES
    settings = ModbusSettings(kind="modbus", transport=transport, **wires)
    board(far, settings)
    driver = modbus(settings)
    async with running(driver) as events:
        await driver.rest(BOTH)
        await asyncio.sleep(1.2)
        assert not [event for event in events if isinstance(event, LinkDown)]
        far.model.power_cycle()
        assert not far.model.is_free(Direction.IN)
        await until(lambda: LinkDown("the board lost its relays") in events)
    async with running(driver):
        assert far.model.is_free(Direction.IN) and far.model.is_free(Direction.OUT)


async def test_modbus_relay_that_nobody_turned_on_is_turned_off(
    line: tuple[Far, Any],
) -> None:
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    board(far, settings)
    driver = modbus(settings)
    async with running(driver) as events:
        await driver.allow(Direction.IN)
        far.model._switch(3, float("inf"))
        assert far.model.is_free(Direction.OUT)
        await until(lambda: LinkDown("the board lost its relays") in events)
    async with running(driver):
        assert not far.model.is_free(Direction.OUT)


async def test_modbus_links_are_cleared_before_use(line: tuple[Far, Any]) -> None:
    """A board as it comes would release by its own inputs."""
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    board(far, settings)
    far.model.pulse_input("pass_in")
    assert far.model._relay_on(0)
    async with running(modbus(settings)):
        before = far.model.releases
        far.model.pulse_input("pass_in")
        assert far.model.releases == before
        assert not far.model._relay_on(0)


async def test_modbus_counts_every_pulse(line: tuple[Far, Any]) -> None:
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    # pulses long enough to be seen by a machine that has much else to do
    board(far, settings, slower=4.0)
    driver = modbus(settings)
    async with running(driver) as events:
        await driver.rest(BOTH)
        for _ in range(6):
            far.model.push(Direction.OUT)
        await until(lambda: events.count(Passed(Direction.OUT)) == 6)
        await asyncio.sleep(1.2)
        assert events.count(Passed(Direction.OUT)) == 6


async def test_modbus_lost_answer_waits_until_the_release_is_over(
    line: tuple[Far, Any],
) -> None:
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    board(far, settings)
    driver = modbus(settings)
    async with running(driver):
        far.model.swallow = 1
        with pytest.raises(CommandUnanswered):
            await driver.allow(Direction.IN)
        assert far.model.released(Direction.IN)
        await driver.rest(NONE)
        assert not far.model.released(Direction.IN)
        assert far.model.releases == 1
        far.model.refuse = 1
        with pytest.raises(CommandRefused):
            await driver.allow(Direction.IN)


async def test_modbus_fire_is_told_and_stops_commands(line: tuple[Far, Any]) -> None:
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    board(far, settings)
    driver = modbus(settings)
    async with running(driver) as events:
        far.model.hold_input("fire", True)
        await until(lambda: Fire(True) in events)
        far.heard = b""
        with pytest.raises(CommandRefused):
            await driver.allow(Direction.IN)
        await driver.rest(BOTH)
        assert far.model.releases == 0
        assert not far.model._relay_on(2)
        far.model.hold_input("fire", False)
        await until(lambda: Fire(False) in events)


async def test_modbus_pinch_is_an_alarm(line: tuple[Far, Any]) -> None:
    far, transport = line
    settings = ModbusSettings(kind="modbus", transport=transport, **WIRES)
    board(far, settings)
    async with running(modbus(settings)) as events:
        far.model.pulse_input("pinch")
        await until(lambda: Alarm(AlarmKind.PINCH) in events)


async def test_infrared_exit_tells_out_from_in(line: tuple[Far, Any]) -> None:
    far, transport = line
    settings = InfraredSettings(
        kind="infrared", transport=transport, beam_a=0, beam_b=1
    )
    board(far, settings)
    async with running(InfraredDriver(settings, "X1")) as events:
        for way in (Direction.OUT, Direction.IN):
            far.model.push(way)
            await until(partial(events.count, Passed(way)))
        assert [event for event in events if isinstance(event, Passed)] == [
            Passed(Direction.OUT),
            Passed(Direction.IN),
        ]


STEPS = st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30)


@given(STEPS)
def test_beams_give_one_answer_a_walk(looks: list[tuple[bool, bool]]) -> None:
    """Whatever is seen in between: one walk from free to free, and the same walk seen
    from the other side is the other way."""
    beams, mirrored = TwoBeams(), TwoBeams()
    other = {Walk.OUT: Walk.IN, Walk.IN: Walk.OUT, Walk.BACK: Walk.BACK, None: None}
    walking = False
    for a, b in [*looks, (False, False)]:
        walk = beams.see(a, b)
        back = mirrored.see(b, a)
        assert (walk is not None) is (walking and not (a or b))
        if (False, True) not in looks and (True, False) not in looks:
            assert walk in (None, Walk.BACK)
        assert walk is None or back in (other[walk], walk)
        walking = a or b


@pytest.mark.parametrize(
    ("looks", "walk"),
    [
        ("10 11 01 00", Walk.OUT),
        ("01 11 10 00", Walk.IN),
        ("10 11 10 00", Walk.BACK),
        ("10 00", Walk.BACK),
        ("10 01 00", Walk.OUT),
        ("10 11 01 11 01 00", Walk.OUT),
    ],
)
def test_beams(looks: str, walk: Walk) -> None:
    beams = TwoBeams()
    seen = [beams.see(look[0] == "1", look[1] == "1") for look in looks.split()]
    assert seen == [None] * (len(seen) - 1) + [walk]


async def test_tpw_opens_for_one_and_counts(line: tuple[Far, Any]) -> None:
    far, transport = line
    settings = TpwSettings(kind="tpw-321asp", transport=transport, address=1)
    far.model = TpwModel(address=1)
    driver = TpwDriver(settings, "L1")
    async with running(driver) as events:
        far.heard = b""
        await driver.allow(Direction.IN)
        # entry free, exit under control; and the gate's yes
        assert bytes.fromhex("01 02 14 02 31 30 04") in far.heard
        assert bytes.fromhex("01 02 44 00 04") in far.said
        far.model.push(Direction.IN)
        await until(lambda: Passed(Direction.IN) in events)
        await until(lambda: not far.model.released(Direction.IN))
        assert events.count(Passed(Direction.IN)) == 1
        far.model.swallow = 1
        await driver.rest(frozenset({Direction.OUT}))
        assert far.model.is_free(Direction.OUT)


async def test_catrax_behind_a_serial_server(line: tuple[Far, Any]) -> None:
    far, transport = line
    far.model = CatraxModel()
    driver = CatraxDriver(CatraxSettings(kind="catrax", transport=transport), "L1")
    async with running(driver) as events:
        await driver.allow(Direction.IN)
        assert far.model.releases == 1
        far.port.send(far.model.push(Direction.IN))
        await until(lambda: Passed(Direction.IN) in events)


@given(
    st.lists(
        st.sampled_from(
            [(tpw_codec.YES, b""), (tpw_codec.NO, b""), (tpw_codec.COUNT_IN, b"000042")]
        ),
        min_size=1,
        max_size=5,
    ),
    st.binary(max_size=12),
    st.integers(0, 60),
    st.sampled_from([None, 0, 1, 2, 0x31, 0x44]),
)
def test_tpw_frames_are_found_in_noise(
    frames: list[tuple[int, bytes]], noise: bytes, cut: int, address: int | None
) -> None:
    data = noise + b"".join(tpw_codec.encode(*frame, address) for frame in frames)
    parser = tpw_codec.FrameParser(tpw_codec.FROM_GATE, address)
    found = parser.feed(data[:cut]) + parser.feed(data[cut:])
    assert found[-len(frames) :] == frames


async def test_driver_understands_the_server_of_pymodbus() -> None:
    """An independent board: inputs and relays by the library's own simulator."""
    device = SimDevice(
        1,
        simdata=(
            [SimData(0, values=[False] * 32, datatype=DataType.BITS)],
            [SimData(0, values=[True] + [False] * 31, datatype=DataType.BITS)],
            [SimData(0x1000, values=[1] * 8, datatype=DataType.REGISTERS)],
            [SimData(0x1000, values=[1] * 8, datatype=DataType.REGISTERS)],
        ),
    )
    server = ModbusTcpServer(device, address=("127.0.0.1", 0))
    await server.serve_forever(background=True)
    listening: Any = server.transport
    port = listening.sockets[0].getsockname()[1]
    try:
        settings = ModbusSettings(
            kind="modbus",
            transport={"kind": "tcp", "host": "127.0.0.1", "port": port},
            free_in=2,
            free_out=3,
            pass_in=0,
            pass_out=1,
            device_timeout=0.1,
        )
        driver = modbus(settings)
        async with running(driver) as events:
            assert LinkUp() in events
            await driver.rest(frozenset({Direction.OUT}))
    finally:
        await server.shutdown()  # type: ignore[no-untyped-call]
