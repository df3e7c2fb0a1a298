"""The clock of a bridge that decides by itself is set wrong, with real processes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import aiohttp

from conftest import write_config
from local_world import qr
from test_kill import Process, Site
from test_site_of_bridges import deciding_peer


class Clock(Site):
    """A site server with one lane whose wall clock can be stepped."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.peer = deciding_peer("L1")
        program = ["-m", "scenic_gate_bridge"]
        self.simulator = Process(
            [*program, "simulate", f"--dir={directory / 'run'}", "--lanes=L1:in"]
        )
        self.offset = directory / "clock"
        self.bridge = Process(
            [
                "-m",
                "scenic_gate_bridge.simulator.clock",
                str(self.offset),
                "run",
                "-c",
                str(directory / "bridge.toml"),
            ]
        )

    async def __aenter__(self) -> Clock:
        self.session = await aiohttp.ClientSession().__aenter__()
        await asyncio.gather(self.peer.start(), self.simulator.start())
        write_config(self.directory, self.peer.url, "L1:in", mode="site")
        await self.start_bridge()
        await self.until_health(lambda health: health["copy_at"])
        return self

    async def refusals(self) -> list[str]:
        """The codes of the refusals, newest first."""
        async with self.session.get(f"{self.bridge.url}/lanes") as answer:
            (lane,) = (await answer.json())["lanes"]
        return [row["code"] for row in lane["events"] if row["phase"] == "denied"]


async def test_a_clock_set_back_decides_nothing_until_it_is_right(
    tmp_path: Path,
) -> None:
    clock = Clock(tmp_path)
    async with clock:
        assert (await clock.present(qr(1), walk="pass"))["passed"] == 1
        clock.offset.write_text("-600")
        refused = await clock.present(qr(2), walk="pass", patience=1.0)
        assert not refused["released"]
        async with asyncio.timeout(20):
            while await clock.refusals() != ["CLOCK"]:
                await asyncio.sleep(0.05)
        clock.offset.unlink()
        async with asyncio.timeout(20):
            while not (await clock.present(qr(2), walk="pass", patience=1.0))["passed"]:
                pass


async def test_a_clock_that_ran_ahead_is_trusted_again_when_the_server_agrees(
    tmp_path: Path,
) -> None:
    clock = Clock(tmp_path)
    async with clock:
        clock.offset.write_text("600")
        assert (await clock.present(qr(1), walk="pass"))["passed"] == 1
        clock.offset.unlink()
        # the journal says later than it is, until the server says what it is
        async with asyncio.timeout(20):
            while not (await clock.present(qr(2), walk="pass", patience=1.0))["passed"]:
                pass
        assert (await clock.state())["conflicts"] == []
