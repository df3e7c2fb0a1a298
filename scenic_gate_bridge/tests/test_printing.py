"""Tickets on paper: from the server's answer to what comes out of a printer."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
import sys
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import aiohttp
import pytest
import segno
import zxingcpp
from hypothesis import given
from hypothesis import strategies as st

from conftest import running, serving, until
from gate_peer import KEY, Peer, PrintQueue
from scenic_gate_bridge.bridge import Bridge
from scenic_gate_bridge.commands import status
from scenic_gate_bridge.printing import escpos
from scenic_gate_bridge.settings import ConfigError, load
from ticket_printer import ROW, WIDTH, ReceiptPrinter

MODULE = 8
LONG = 700  # rows of a ticket


def ticket(number: int, text: str) -> dict[str, Any]:
    """A job as the server gives it: a QR code in the middle of the paper."""
    rows = []
    matrix = list(segno.make_qr(text, error="m").matrix)
    left = (WIDTH - len(matrix) * MODULE) // 2
    for line in matrix:
        bits = "0" * left
        bits += "".join("01"[black] * MODULE for black in line)
        bits = bits.ljust(WIDTH, "0")
        rows += [int(bits, 2).to_bytes(ROW, "big")] * MODULE
    empty = bytes(ROW) * ((LONG - len(rows)) // 2)
    dots = (empty + b"".join(rows) + empty).ljust(LONG * ROW, b"\0")
    packed = base64.b64encode(zlib.compress(dots)).decode()
    return {"job": number, "width": WIDTH, "height": LONG, "dots": packed}


def texts(printer: ReceiptPrinter) -> list[str]:
    """What can be read from each piece of paper."""
    return [
        code.text for paper in printer.papers for code in zxingcpp.read_barcodes(paper)
    ]


def write_settings(directory: Path, server: str, port: int, more: str = "") -> Path:
    key = directory / "device.key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    path = directory / "bridge.toml"
    path.write_text(
        f"""
state_dir = "{directory / "state"}"
[server]
url = "{server}"
key_file = "{key}"
heartbeat = 0.5
[api]
port = 0
[[printers]]
code = "W1"
host = "127.0.0.1"
port = {port}
timeout = 3.0
{more}
"""
    )
    return path


@dataclass
class Window:
    """A bridge that works one printer and no lane."""

    queue: PrintQueue
    peer: Peer
    printer: ReceiptPrinter
    bridge: Bridge
    url: str

    async def outcomes(self, *expected: str) -> None:
        await until(lambda: list(self.queue.outcomes.values()) == list(expected))

    async def health(self) -> dict[str, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/health") as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found


@asynccontextmanager
async def window(
    directory: Path, *jobs: dict[str, Any], printer: ReceiptPrinter | None = None
) -> AsyncIterator[Window]:
    peer = Peer({})
    peer.prints = PrintQueue("W1", list(jobs))
    async with (
        printer or ReceiptPrinter() as paper,
        serving(peer) as server,
        running(load(write_settings(directory, server, paper.port))) as (bridge, url),
    ):
        yield Window(peer.prints, peer, paper, bridge, url)


async def test_tickets_come_out_in_order(tmp_path: Path) -> None:
    jobs = [ticket(number, f"TICKET {number}") for number in (1, 2, 3)]
    async with window(tmp_path, *jobs) as here:
        await here.outcomes("printed", "printed", "printed")
        assert texts(here.printer) == ["TICKET 1", "TICKET 2", "TICKET 3"]
        assert {paper.size for paper in here.printer.papers} == {(WIDTH, LONG)}
        assert here.printer.stray == b""
        found = await here.health()
        assert found["printers"] == [{"printer": "W1", "state": "ready"}]
        assert found["problems"] == []


async def test_without_paper_nothing_is_begun(tmp_path: Path) -> None:
    """It says so, and prints when there is a roll."""
    printer = ReceiptPrinter(rows=0)
    async with window(tmp_path, ticket(1, "A"), printer=printer) as here:
        await until(lambda: "waiting" in here.queue.told)
        found = await here.health()
        assert "printer W1: no paper" in found["problems"]
        assert "打印机 W1：缺纸" in status.show(found, zh=True)
        assert printer.paper_on_the_way == 0
        printer.rows = None
        await here.outcomes("printed")
        assert texts(printer) == ["A"]


async def test_open_cover(tmp_path: Path) -> None:
    printer = ReceiptPrinter(cover_open=True)
    async with window(tmp_path, ticket(1, "A"), printer=printer) as here:
        await until(lambda: here.queue.states[-1:] == ["cover_open"])
        printer.cover_open = False
        await here.outcomes("printed")
        assert texts(printer) == ["A"]


async def test_paper_ends_within_a_ticket(tmp_path: Path) -> None:
    """Whether it came out a person sees; the others wait for the roll."""
    printer = ReceiptPrinter(rows=LONG + 100)
    jobs = ticket(1, "A"), ticket(2, "B"), ticket(3, "C")
    async with window(tmp_path, *jobs, printer=printer) as here:
        await until(lambda: here.queue.outcomes.get(2) == "unsure")
        assert here.queue.states[-1] == "no_paper"
        assert texts(printer) == ["A"]
        printer.rows = None
        await here.outcomes("printed", "unsure", "printed")
        assert texts(printer)[-1] == "C"


async def test_printer_is_off(tmp_path: Path) -> None:
    printer = ReceiptPrinter()
    await printer.start()
    port = printer.port
    await printer.stop()
    peer = Peer({})
    peer.prints = PrintQueue("W1", [ticket(1, "A")])
    async with (
        serving(peer) as server,
        running(load(write_settings(tmp_path, server, port))) as (_bridge, url),
    ):
        await until(lambda: peer.prints.states[-1:] == ["offline"])
        await printer.start(port)
        try:
            await until(lambda: peer.prints.outcomes == {1: "printed"})
            assert texts(printer) == ["A"]
        finally:
            await printer.stop()
    assert url


async def test_printer_says_nothing(tmp_path: Path) -> None:
    printer = ReceiptPrinter(mute=True)
    async with window(tmp_path, ticket(1, "A"), printer=printer) as here:
        await until(lambda: "waiting" in here.queue.told)
        assert here.queue.states[-1] == "offline"
        assert printer.papers == []


@pytest.mark.parametrize("what", ["lost", "cut", "500", "garbage"])
async def test_line_to_the_server_breaks(tmp_path: Path, what: str) -> None:
    """Whatever gets lost: each ticket once."""
    jobs = [ticket(number, f"T{number}") for number in range(1, 5)]
    async with window(tmp_path, *jobs) as here:
        here.peer.faults = [("print", what, 0.0)] * 3
        await here.outcomes(*["printed"] * 4)
        assert texts(here.printer) == ["T1", "T2", "T3", "T4"]
        assert here.peer.faults == []


async def test_bridge_is_stopped_within_a_ticket(tmp_path: Path) -> None:
    """It finishes the ticket in hand, tells so, and takes no other."""
    printer = ReceiptPrinter(rows=100)
    jobs = ticket(1, "A"), ticket(2, "B")
    async with window(tmp_path, *jobs, printer=printer) as here:
        await until(lambda: printer.rows == 0)
        queue = here.queue
        asyncio.get_running_loop().call_later(0.3, setattr, printer, "rows", None)
    assert queue.outcomes == {1: "printed"}
    assert queue.handed == 1
    assert texts(printer) == ["A"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"width": 512},
        {"height": 0},
        {"height": 10**9},
        {"height": LONG - 1},
        {"height": LONG + 1},
        {"dots": "?"},
        {"dots": base64.b64encode(b"no zlib").decode()},
        {"dots": None},
    ],
)
async def test_no_ticket(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """What is no ticket of this paper is not printed, and holds up nothing."""
    async with window(tmp_path, ticket(1, "A") | wrong, ticket(2, "B")) as here:
        await here.outcomes("unsure", "printed")
        assert texts(here.printer) == ["B"]


async def test_server_does_not_know_the_printer(tmp_path: Path) -> None:
    async with window(tmp_path) as here:
        here.queue.code = "OTHER"
        await until(lambda: not here.bridge.clerks[0].known)
        found = await here.health()
        assert "printer W1: the server does not know it" in found["problems"]
        assert "打印机 W1：服务器未登记" in status.show(found, zh=True)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ("width = 500", "printers[0].width"),
        ("width = 384", "printers[0].width"),
        ('[[printers]]\ncode = "W1"\nhost = "192.0.2.9"', "W1 is that of printers[0]"),
        ('[[printers]]\ncode = "W2"\nhost = "127.0.0.1"\nport = 9100', "is that of"),
    ],
)
def test_settings(tmp_path: Path, more: str, said: str) -> None:
    with pytest.raises(ConfigError) as raised:
        load(write_settings(tmp_path, "http://127.0.0.1:1", 9100, more))
    assert said in str(raised.value)


def test_neither_lanes_nor_printers(tmp_path: Path) -> None:
    path = write_settings(tmp_path, "http://127.0.0.1:1", 9100)
    path.write_text(path.read_text().split("[[printers]]", maxsplit=1)[0])
    with pytest.raises(ConfigError) as raised:
        load(path)
    assert "at least one of lanes and printers" in str(raised.value)


@given(st.integers(0, 255))
def test_a_byte_answers_one_question(byte: int) -> None:
    assert not (escpos.is_status(byte) and escpos.is_done(byte))


@given(st.integers(1, 3000), st.sampled_from([512, 576, 1000]))
def test_no_dot_is_lost(height: int, width: int) -> None:
    """Rows of dots as they are, in pieces that a printer takes; then the cut."""
    row = width // 8
    dots = Random(height).randbytes(height * row)
    commands = escpos.ticket(width, height, dots)
    assert commands[:2] == b"\x1b@"
    at, printed = 2, b""
    while len(printed) < len(dots):
        assert commands[at : at + 4] == b"\x1dv0\x00"
        assert int.from_bytes(commands[at + 4 : at + 6], "little") == row
        count = int.from_bytes(commands[at + 6 : at + 8], "little")
        assert 0 < count <= escpos.STRIP
        at += 8
        printed += commands[at : at + count * row]
        at += count * row
    assert printed == dots
    assert commands[at:] == b"\x1dV\x42\x00\x1dr\x01"


@pytest.mark.parametrize(
    ("offline", "paper", "state"),
    [
        (0x12, 0x12, "ready"),
        (0x12, 0x1E, "ready"),  # the roll is near its end
        (0x12, 0x72, "no_paper"),
        (0x32, 0x12, "no_paper"),
        (0x16, 0x72, "cover_open"),
        (0x52, 0x12, "error"),
    ],
)
def test_what_a_printer_answers(offline: int, paper: int, state: str) -> None:
    assert escpos.state(offline, paper) == state


def test_nothing_is_left_behind(tmp_path: Path) -> None:
    """A directory for each start would fill the disk in the end."""
    # the library does that while it is imported: a process of its own
    subprocess.run(
        [sys.executable, "-c", "import scenic_gate_bridge.printing"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        check=True,
    )
    assert list(tmp_path.iterdir()) == []


def test_library_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "escpos", None)
    with pytest.raises(ConfigError) as raised:
        load(write_settings(tmp_path, "http://127.0.0.1:1", 9100))
    assert "pip install 'scenic-gate-bridge[printer]'" in str(raised.value)
