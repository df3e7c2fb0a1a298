"""The watchdog is fed while every part turns, and only then."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from importlib import resources
from pathlib import Path

import pytest

from conftest import new_peer, running, serving, write_config
from scenic_gate_bridge.drivers.base import Emit, LinkUp
from scenic_gate_bridge.drivers.manual import ManualDriver
from scenic_gate_bridge.settings import load
from scenic_gate_bridge.simulator.park import Park, SimLane, parse_lanes
from scenic_gate_bridge.watchdog import Pulses
from test_kill import STALL


def test_a_part_that_does_not_turn_in_time_is_late() -> None:
    now = 0.0
    pulses = Pulses(lambda: now)
    assert pulses.late() == []
    lane, outbox = pulses.of("lane L1"), pulses.of("outbox")
    lane(10.0)
    outbox(60.0)
    now = 9.0
    assert pulses.late() == []
    now = 11.0
    assert pulses.late() == ["lane L1"]
    lane(10.0)
    assert pulses.late() == []
    now = 100.0
    assert pulses.late() == ["lane L1", "outbox"]


class Manager:
    """A service manager: a socket that hears what the program says."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(path))
        self._socket.setblocking(False)

    def environment(self) -> dict[str, str]:
        return os.environ | {
            "NOTIFY_SOCKET": str(self.path),
            "WATCHDOG_USEC": "600000",
        }

    async def hears(self, wanted: str, seconds: float = 50.0) -> list[str]:
        """Everything until the wanted word, which is the last."""
        loop = asyncio.get_running_loop()
        heard: list[str] = []
        async with asyncio.timeout(seconds):
            while not heard or wanted not in heard[-1]:
                heard.append((await loop.sock_recv(self._socket, 4096)).decode())
        return heard

    def close(self) -> None:
        self._socket.close()


async def show(lane: SimLane) -> None:
    """Hold a code under the scanner, as often as it takes until it is read."""
    while True:
        lane.show("CODET1")
        await asyncio.sleep(0.5)


@pytest.mark.timeout(150)
async def test_a_bridge_whose_journal_hangs_is_not_kept_alive(tmp_path: Path) -> None:
    """The real process, with a write that takes for ever: its loop still runs, its
    pages still answer, and yet nobody gets in. Only systemd can help."""
    manager = Manager(tmp_path / "notify")
    park = Park(tmp_path / "run", parse_lanes("L1:in"), 1)
    async with park, serving(new_peer("L1:in")) as server:
        config = write_config(tmp_path, server, "L1:in")
        process = subprocess.Popen(
            [sys.executable, "-m", "scenic_gate_bridge", "run", "-c", str(config)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=manager.environment(),
        )
        try:
            await manager.hears("READY=1")
            assert await manager.hears("WATCHDOG=1")
            journal = tmp_path / "state" / "journal.sqlite"
            with closing(sqlite3.connect(journal, timeout=10)) as con, con:
                con.execute(STALL.format(event="INSERT ON journal"))
            showing = asyncio.create_task(show(park.lanes["L1"]))
            heard = await manager.hears("STATUS=stuck")
            showing.cancel()
            assert "WATCHDOG=1" in heard
            assert "heartbeat" in heard[-1] or "lane L1" in heard[-1]
            with pytest.raises(TimeoutError):
                await manager.hears("WATCHDOG=1", 2.0)
        finally:
            process.kill()
            await asyncio.to_thread(process.communicate)
            manager.close()


class Hanging(ManualDriver):
    """A driver that turns, and then does not."""

    async def run(self, emit: Emit) -> None:
        """See `LaneDriver.run`."""
        emit(LinkUp())
        self.turns(0.5)
        await asyncio.Event().wait()


async def test_a_bridge_whose_driver_hangs_is_not_kept_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All else works: only the lane's own supervisor waits."""
    manager = Manager(tmp_path / "notify")
    for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC"):
        monkeypatch.setenv(name, manager.environment()[name])
    driver = Hanging()
    monkeypatch.setattr("scenic_gate_bridge.bridge.make_driver", lambda lane: driver)
    try:
        async with serving(new_peer("L1:in")) as server:
            settings = load(write_config(tmp_path, server, "L1:in"))
            async with running(settings):
                heard = await manager.hears("STATUS=stuck")
                assert heard[-1] == "STATUS=stuck: L1 turnstile"
                driver.turns(60.0)
                await manager.hears("WATCHDOG=1")
    finally:
        manager.close()


async def test_a_bridge_says_that_it_stops(tmp_path: Path) -> None:
    manager = Manager(tmp_path / "notify")
    config = write_config(tmp_path, "http://127.0.0.1:1", "L1:in")
    process = subprocess.Popen(
        [sys.executable, "-m", "scenic_gate_bridge", "run", "-c", str(config)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=manager.environment(),
    )
    try:
        heard = await manager.hears("READY=1")
        assert "STATUS=serves http://127.0.0.1:" in heard[-1]
        process.send_signal(signal.SIGTERM)
        await manager.hears("STOPPING=1")
        assert await asyncio.to_thread(process.wait, 20) == 0
    finally:
        process.kill()
        manager.close()


def test_the_unit_is_shipped_and_asks_for_what_the_program_does() -> None:
    unit = resources.files("scenic_gate_bridge") / "systemd/scenic-gate-bridge.service"
    text = unit.read_text("utf-8")
    for line in (
        "Type=notify",
        "WatchdogSec=30",
        "DynamicUser=yes",
        "StateDirectory=scenic-gate-bridge",
        "ProtectSystem=strict",
    ):
        assert f"\n{line}\n" in text
