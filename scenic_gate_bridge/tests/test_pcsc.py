"""PC/SC: the codec, and (`-m pcsc`) a bridge with a real PC/SC daemon in between.

The daemon and its virtual reader are Debian's pcscd and vsmartcard-vpcd, and pyscard is
built from source: `make test PARTS=pcsc` sets that up, `make test` alone does not.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conftest import Start, World, until
from scenic_gate_bridge.discover import Bus, discover
from scenic_gate_bridge.model import Direction
from scenic_gate_bridge.readers.pcsc_codec import GET_UID, uid
from scenic_gate_bridge.simulator.ledger import Ticket
from scenic_gate_bridge.simulator.vpcd_card import VpcdCard

UID = bytes.fromhex("04A1B2C3D4E5F6")
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")


def test_answer_of_a_card() -> None:
    assert GET_UID.hex() == "ffca000000"
    assert uid(UID + b"\x90\x00") == UID
    assert uid(b"\x6a\x81") is None
    assert uid(b"\x63\x00") is None
    assert uid(UID) is None


@given(st.binary(max_size=300))
def test_any_answer_is_a_number_or_none(answer: bytes) -> None:
    number = uid(answer)
    assert number is None or number + b"\x90\x00" == answer


def two_free_ports() -> int:
    """The first of two neighbours: the driver makes two readers."""
    while True:
        with closing(socket.create_server(("", 0))) as probe:
            port: int = probe.getsockname()[1]
            with (
                suppress(OSError, OverflowError),
                closing(socket.create_server(("", port + 1))),
            ):
                return port


class Daemon:
    """pcscd on a socket of its own, with a virtual reader on a port of its own."""

    def __init__(self, directory: Path) -> None:
        self.socket = directory / "pcscd.comm"
        self.port = two_free_ports()
        self._conf = directory / "reader.conf.d"
        self._conf.mkdir()
        (self._conf / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:{self.port:#x}\n'
            f"LIBPATH {DRIVER}\nCHANNELID {self.port:#x}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.socket.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX) as line:
            line.bind(str(self.socket))
            line.listen()
            # as systemd hands over a socket: descriptor 3, and for whom
            program = "LISTEN_PID=$$ LISTEN_FDS=1 exec pcscd --foreground --config $0"
            self._process = subprocess.Popen(
                ["sh", "-c", program, str(self._conf)],
                preexec_fn=lambda: os.dup2(line.fileno(), 3),
                pass_fds=(3,),
                stdout=subprocess.DEVNULL,
            )

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@pytest.fixture
def daemon(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    assert shutil.which("pcscd") and DRIVER.exists(), "make test PARTS=pcsc"
    found = Daemon(tmp_path)
    monkeypatch.setenv("PCSCLITE_CSOCK_NAME", str(found.socket))
    found.start()
    yield found
    found.stop()


async def walk_in(world: World, count: int) -> None:
    assert await world.sim().wait_released(Direction.IN, 10)
    assert world.sim().walk(Direction.IN)
    await until(lambda: len(world.peer.of_type("passed")) == count)


def notes(world: World, kind: str) -> list[str]:
    return [event["note"] for event in world.peer.of_type(kind) if event["note"]]


@pytest.mark.pcsc
async def test_a_card_in_a_virtual_reader(start: Start, daemon: Daemon) -> None:
    def virtual() -> list[Any]:
        return [
            each
            for each in discover().found
            if each.bus is Bus.PCSC and each.name == "Virtual PCD 00 00"
        ]

    await until(virtual)
    world = await start(
        reader='kind = "pcsc"\nreader = "Virtual PCD 00 00"', transport=None
    )
    world.peer.tickets[UID.hex().upper()] = Ticket(entries=2)
    card = VpcdCard(UID, daemon.port)
    await card.place()
    await walk_in(world, 1)
    await asyncio.sleep(1)
    assert world.peer.kinds == ["ic_card"]
    await card.remove()
    await asyncio.sleep(1.5)
    # the daemon goes away and comes back
    daemon.stop()
    await until(lambda: notes(world, "link_down") == ["reader 1"])
    daemon.start()
    await until(lambda: notes(world, "link_up") == ["reader 1"], 40)
    await card.place()
    await walk_in(world, 2)
    await card.remove()
