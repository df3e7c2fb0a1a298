"""An identity card reader on a real pty, in front of a real bridge."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from conftest import Start, World, until
from scenic_gate_bridge.model import Direction
from scenic_gate_bridge.readers import id_card
from scenic_gate_bridge.simulator.ledger import Ticket
from scenic_gate_bridge.simulator.pty_port import PtyPort
from scenic_gate_bridge.simulator.sdt_model import IdCard, SdtModel

CARD = IdCard("11010519491231002X", name="游客王某某", address="云溪市湖滨路一百号")


class SimReader:
    """The model on a pty."""

    def __init__(self, link: Path) -> None:
        self.model = SdtModel()
        self.port = PtyPort(link, self._received, random.Random(1))

    def _received(self, data: bytes) -> None:
        self.port.send(self.model.feed(data))


@pytest.fixture
async def sim(tmp_path: Path) -> AsyncIterator[SimReader]:
    (tmp_path / "run").mkdir(exist_ok=True)
    reader = SimReader(tmp_path / "run" / "id_card")
    reader.port.plug()
    yield reader
    reader.port.unplug()


async def begin(start: Start, sim: SimReader, **lane: float) -> World:
    world = await start(
        reader='kind = "id_card"\npoll = 0.05',
        transport=f'kind = "serial", port = "{sim.port.link}", baud = 115200',
        **lane,
    )
    world.peer.tickets[CARD.number] = Ticket(entries=9)
    return world


async def walk_in(world: World, count: int) -> None:
    assert await world.sim().wait_released(Direction.IN, 5)
    assert world.sim().walk(Direction.IN)
    await until(lambda: len(world.peer.of_type("passed")) == count)


def logged(world: World) -> list[str]:
    events = world.peer.of_type("link_down", "link_up")
    return [event["note"] for event in events if event["note"]]


async def test_a_card_that_stays_is_one_scan(
    start: Start, sim: SimReader, capfd: pytest.CaptureFixture[str]
) -> None:
    world = await begin(start, sim)
    sim.model.place(CARD)
    await walk_in(world, 1)
    await asyncio.sleep(0.5)
    assert world.peer.kinds == ["id_document"]
    (admission,) = world.peer.admissions.values()
    assert admission.code == CARD.number
    sim.model.remove()
    await asyncio.sleep(0.3)
    sim.model.place(CARD)
    await walk_in(world, 2)
    # nothing of the card is kept but a digest of its number
    kept = "".join(capfd.readouterr()).encode()
    kept += b"".join(
        path.read_bytes()
        for path in (world.directory / "state").rglob("*")
        if path.is_file()
    )
    kept += str(await world.log()).encode()
    for secret in (CARD.name, CARD.address, CARD.number):
        for encoding in ("utf-8", "utf-16-le"):
            assert secret.encode(encoding) not in kept


async def test_a_card_that_is_held_badly_is_tried_again(
    start: Start, sim: SimReader
) -> None:
    world = await begin(start, sim)
    sim.model.hold_badly = 3
    sim.model.place(CARD)
    await walk_in(world, 1)
    assert world.peer.kinds == ["id_document"]


async def test_three_damaged_frames_reset_the_reader(
    start: Start, sim: SimReader
) -> None:
    world = await begin(start, sim)
    sim.port.to_host.corrupt = 1.0
    await until(lambda: sim.model.resets)
    sim.port.to_host.corrupt = 0.0
    sim.model.place(CARD)
    await walk_in(world, 1)


async def test_noise_between_the_frames(start: Start, sim: SimReader) -> None:
    world = await begin(start, sim)
    rng = random.Random(3)
    for _ in range(40):
        sim.port.send(rng.randbytes(rng.randrange(200)))
        await asyncio.sleep(0.01)
    sim.model.place(CARD)
    await walk_in(world, 1)


async def test_a_reader_that_says_nothing_is_down(
    start: Start, sim: SimReader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(id_card, "ANSWER", 0.1)
    world = await begin(start, sim)
    sim.model.place(CARD)
    await walk_in(world, 1)
    sim.model.dumb = True
    await until(lambda: logged(world) == ["reader 1"])
    sim.model.dumb = False
    await until(lambda: logged(world) == ["reader 1"] * 2)
    sim.model.remove()
    await asyncio.sleep(0.5)
    sim.model.place(CARD)
    await walk_in(world, 2)


async def test_unplugged_in_the_middle_of_a_card(start: Start, sim: SimReader) -> None:
    world = await begin(start, sim)
    cut = sim.model.feed

    def half(data: bytes) -> bytes:
        answer = cut(data)
        if len(answer) < 1295:
            return answer
        asyncio.get_running_loop().call_later(0.05, sim.port.unplug)
        return answer[:700]

    sim.model.feed = half  # type: ignore[method-assign]
    sim.model.place(CARD)
    await until(lambda: logged(world) == ["reader 1"])
    sim.model.feed = cut  # type: ignore[method-assign]
    sim.model.place(CARD)
    sim.port.plug()
    await walk_in(world, 1)
    assert len(world.peer.kinds) == 1
