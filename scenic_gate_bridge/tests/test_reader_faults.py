"""Every kind of reader at one lane of a bridge that is a real process, while its line
is full of noise, or is pulled in the middle of a frame."""

from __future__ import annotations

import asyncio
import random
import re
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest

from conftest import new_peer, serving, until, write_config
from gate_peer import Peer
from scenic_gate_bridge.model import Direction
from scenic_gate_bridge.readers.ic_codec import TYPE_MIFARE, encode_ascii, encode_binary
from scenic_gate_bridge.simulator.ledger import Ticket
from scenic_gate_bridge.simulator.osdp_model import OsdpModel
from scenic_gate_bridge.simulator.park import Park, SimLane, parse_lanes
from scenic_gate_bridge.simulator.pty_port import PtyPort
from scenic_gate_bridge.simulator.sdt_model import IdCard, SdtModel
from scenic_gate_bridge.simulator.tcp_port import TcpPort

MEGABYTE = 1 << 20
KEY = "00112233445566778899AABBCCDDEEFF"
NUMBERS = {
    "line": "CODET1",
    "ascii": "100086F444",
    "binary": "A1B2C3D4",
    "id_card": "11010519491231002X",
    "osdp": "0455667788AA99",
}


@dataclass
class Device:
    """A reader on its line; `show` presents its credential, `half` begins to and stops
    in the middle of the frame."""

    port: PtyPort | TcpPort
    show: Callable[[], None]
    half: Callable[[], None]

    async def unplug(self) -> None:
        done = self.port.unplug()
        if done is not None:
            await done

    async def plug(self) -> None:
        done = self.port.plug()
        if done is not None:
            await done


class Site:
    """Peer, lane and readers here; the bridge a process of its own."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.peer: Peer = new_peer("L1:in")
        self.peer.tickets |= {number: Ticket(entries=9) for number in NUMBERS.values()}
        self.park = Park(directory / "run", parse_lanes("L1:in"), seed=1)
        self.log = directory / "bridge.log"
        self.passes = 0
        self.process: asyncio.subprocess.Process

    @property
    def lane(self) -> SimLane:
        return self.park.lanes["L1"]

    async def __aenter__(self) -> Site:
        self._stack = AsyncExitStack()
        await self._stack.enter_async_context(self.park)
        server = await self._stack.enter_async_context(serving(self.peer))
        self.devices = self._devices()
        for device in self.devices.values():
            await device.plug()
            self._stack.push_async_callback(device.unplug)
        self.osdp.start()
        self._stack.callback(self.osdp.stop)
        config = write_config(self.directory, server, "L1:in")
        text, readers = (
            config.read_text().split("[[lanes.readers]]")[0],
            self._readers(),
        )
        config.write_text(text + readers)
        with self.log.open("wb") as log:
            self.process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "scenic_gate_bridge", "run", "-c", str(config)),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self.process.stdout is not None
        assert (await self.process.stdout.readline()).startswith(b"bridge ready")
        await until(lambda: self.osdp.online)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        code = await self.process.wait()
        await self._stack.aclose()
        log = self.log.read_text()
        assert code == 0, log
        assert not any(number in log for number in NUMBERS.values())

    def _devices(self) -> dict[str, Device]:
        rng = random.Random(1)

        def silent(name: str, frame: bytes) -> Device:
            port = PtyPort(self.directory / "run" / name, lambda data: None, rng)
            half = frame[: len(frame) // 2]
            return Device(port, lambda: port.send(frame), lambda: port.send(half))

        scanner = TcpPort(lambda data: None, rng)
        line = NUMBERS["line"].encode() + b"\r"
        model = SdtModel()

        def answer(data: bytes) -> None:
            whole = model.feed(data)
            if len(whole) > 1000 and model.reads == 1 and self.cut_card:
                whole = whole[:700]
            id_card.send(whole)

        def place() -> None:
            model.remove()
            model.place(IdCard(NUMBERS["id_card"]))

        def place_and_cut() -> None:
            self.cut_card, model.reads = True, 0
            place()

        self.cut_card = False
        id_card = PtyPort(self.directory / "run" / "id_card", answer, rng)
        osdp = PtyPort(
            self.directory / "run" / "osdp", lambda data: self.osdp.feed(data), rng
        )
        self.osdp = OsdpModel(osdp.send, 0, bytes.fromhex(KEY))
        card = bytes.fromhex(NUMBERS["osdp"])
        return {
            "line": Device(
                scanner, lambda: scanner.send(line), lambda: scanner.send(line[:4])
            ),
            "ascii": silent("ascii", encode_ascii(bytes.fromhex(NUMBERS["ascii"]))),
            "binary": silent(
                "binary", encode_binary(bytes.fromhex(NUMBERS["binary"]), TYPE_MIFARE)
            ),
            "id_card": Device(id_card, place, place_and_cut),
            "osdp": Device(
                osdp,
                lambda: self.osdp.show(len(card) * 8, card),
                lambda: osdp.send(b"S\x80\x20\x00"),  # the head of an answer
            ),
        }

    def _readers(self) -> str:
        (self.directory / "scbk").write_text(KEY)
        (self.directory / "scbk").chmod(0o600)
        settings = {
            "line": 'kind = "line"',
            "ascii": 'kind = "ic"\nprotocol = "ascii"',
            "binary": 'kind = "ic"\nprotocol = "binary"',
            "id_card": 'kind = "id_card"\npoll = 0.1',
            "osdp": f'kind = "osdp"\nkey_file = "{self.directory / "scbk"}"',
        }
        text = ""
        for name, device in self.devices.items():
            port = device.port
            way = (
                f'kind = "tcp", host = "127.0.0.1", port = {port.port}'
                if isinstance(port, TcpPort)
                else f'kind = "serial", port = "{port.link}"'
            )
            text += f"""[[lanes.readers]]
{settings[name]}
repeat_after = 0.2
transport = {{ {way} }}
"""
        return text

    async def visit(self, name: str) -> None:
        """Show the credential of this reader, and walk in. Who is not let in shows it
        again: what came before on the line may still be in the way."""
        for _ in range(3):
            self.devices[name].show()
            if await self.lane.wait_released(Direction.IN, 8):
                break
        assert self.lane.walk(Direction.IN)
        self.passes += 1
        await until(lambda: len(self.peer.of_type("passed")) == self.passes)
        last = list(self.peer.admissions.values())[-1]
        assert last.code == NUMBERS[name]

    def links(self, name: str, kind: str) -> int:
        reader = f"reader {list(NUMBERS).index(name) + 1}"
        return sum(event["note"] == reader for event in self.peer.of_type(kind))

    def linked(self, name: str) -> bool:
        return self.links(name, "link_up") == self.links(name, "link_down")

    def memory(self) -> int:
        """Resident bytes of the bridge."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        found = re.search(r"VmRSS:\s+(\d+) kB", status)
        assert found is not None
        return int(found[1]) * 1024


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with Site(tmp_path) as found:
        yield found


@pytest.mark.timeout(180)
async def test_a_megabyte_of_noise_on_every_reader(site: Site) -> None:
    for name in NUMBERS:
        await site.visit(name)
    before = site.memory()
    noise = random.Random(2)
    for _ in range(MEGABYTE // 1024):
        for device in site.devices.values():
            device.port.send(noise.randbytes(1024))
        await asyncio.sleep(0.002)
    assert site.memory() - before < 32 << 20
    # what gave up meanwhile has been started again
    for name in ("id_card", "osdp"):
        await until(partial(site.linked, name), 40)
    site.devices["line"].port.send(b"\r")
    await asyncio.sleep(1.0)
    for name in NUMBERS:
        await site.visit(name)


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", NUMBERS)
async def test_unplugged_in_the_middle_of_a_frame(site: Site, name: str) -> None:
    device = site.devices[name]
    await site.visit(name)
    device.half()
    await asyncio.sleep(0.5)
    await device.unplug()
    await until(lambda: site.links(name, "link_down") == 1)
    site.cut_card = False
    await device.plug()
    await until(lambda: site.links(name, "link_up") == 1, 40)
    # the half before does not mix with the whole after
    await site.visit(name)
    assert len(site.peer.kinds) == 2
