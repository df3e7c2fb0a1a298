"""Two bridges and a server, each a process: one protocol at every hop."""

from __future__ import annotations

import asyncio
import hashlib
import json
import signal
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from conftest import write_config
from gate_peer import KEY
from local_world import component, config, qr
from test_kill import HERE, Process, Site
from test_site_server import today

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime.now(UTC)


def deciding_peer(*lanes: str) -> Process:
    """A server that permits a device with these lanes to decide on tickets 1 to 7,
    which admit again whoever was counted out. Lanes named X… are exits."""
    known = {
        code: {"direction": "out" if code[0] == "X" else "in", "mode": "controlled"}
        for code in lanes
    }
    places = [component(reentry="after_exit", has_rules=True), component(2, 2)]
    return Process(
        [
            str(HERE / "gate_peer.py"),
            f"--lanes={json.dumps(known)}",
            "--tickets={}",
            f"--settings={json.dumps(config(components=places))}",
            f"--feed={json.dumps([today(number) for number in range(1, 8)])}",
        ]
    )


class Chain(Site):
    """`bridge` serves lanes L2 and X1 of `outpost`, and has lane L1 itself."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self.peer = deciding_peer("L1", "L2", "X1")
        program = ["-m", "scenic_gate_bridge"]
        self.simulator = Process(
            [
                *program,
                "simulate",
                f"--dir={directory / 'run'}",
                "--lanes=L1:in,L2:in,X1:out",
            ]
        )
        self.far = directory / "outpost"
        self.far.mkdir()
        (self.far / "run").symlink_to(directory / "run")
        self.outpost = Process([*program, "run", "-c", str(self.far / "bridge.toml")])

    async def __aenter__(self) -> Chain:
        import aiohttp

        self.session = await aiohttp.ClientSession().__aenter__()
        await asyncio.gather(self.peer.start(), self.simulator.start())
        client = f"""
[[site_server.clients]]
name = "outpost"
key_hash = "{hashlib.sha256(KEY.encode()).hexdigest()}"
lanes = ["L2", "X1"]
"""
        write_config(self.directory, self.peer.url, "L1:in", mode="site", extra=client)
        await self.start_bridge()
        await self.until_health(lambda health: health["copy_at"])
        write_config(
            self.far,
            self.bridge.url,
            "L2:in,X1:out",
            after_crash="annul",
            free_exit=False,
        )
        await self.start_outpost()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.session.close()
        ends = [self.outpost, self.bridge, self.simulator, self.peer]
        await asyncio.gather(*(each.end(signal.SIGTERM) for each in ends))

    async def start_outpost(self) -> None:
        await self.outpost.start()
        async with asyncio.timeout(20):
            while True:
                async with self.session.get(f"{self.outpost.url}/health") as answer:
                    health = await answer.json()
                if not health["problems"]:
                    return
                await asyncio.sleep(0.05)

    async def until_told(self, *kinds: str, lane: str) -> list[dict[str, Any]]:
        """Wait until the newest facts of a lane at the server are of these kinds. That
        its device was connected is left out: a start may tell it in the same call."""
        async with asyncio.timeout(20):
            while True:
                events = (await self.state())["events"]
                found = [
                    event
                    for event in events
                    if event["lane"] == lane and not event["type"].startswith("link_")
                ]
                if [event["type"] for event in found][-len(kinds) :] == [*kinds]:
                    return found
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chain(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chain]:
    made = Chain(tmp_path_factory.mktemp("chain"))
    async with made:
        yield made


async def test_one_ticket_one_entry_at_both_bridges(chain: Chain) -> None:
    assert (await chain.present(qr(1), "L2", walk="pass"))["passed"] == 1
    found = await chain.until_told("admitted", "passed", lane="L2")
    assert found[-2]["mode"] == "site"
    assert found[-2]["request_id"] == found[-1]["request_id"]
    refused = await chain.present(qr(1), "L1", walk="pass", patience=0.5)
    assert not refused["released"]
    assert (await chain.present(qr(2), "L1", walk="pass"))["passed"] == 1
    refused = await chain.present(qr(2), "L2", walk="pass", patience=0.5)
    assert not refused["released"]


async def test_who_turns_back_keeps_the_entry(chain: Chain) -> None:
    visit = await chain.present(qr(3), "L2", walk="timeout", patience=5.0)
    assert visit["released"]
    await chain.until_told("admitted", "annulled", lane="L2")
    assert (await chain.present(qr(3), "L1", walk="pass"))["passed"] == 1


async def test_who_left_by_the_far_bridge_comes_in_again(chain: Chain) -> None:
    assert (await chain.present(qr(7), "L1", walk="pass"))["passed"] == 1
    refused = await chain.present(qr(7), "L2", walk="pass", patience=0.5)
    assert not refused["released"]
    assert (await chain.present(qr(7), "X1", walk="pass"))["passed"] == 1
    told = (await chain.until_told("exit", lane="X1"))[-1]
    assert told["credential"] == {"kind": "auto", "value": qr(7)}
    again = await chain.present(qr(7), "L2", walk="pass")
    assert again["passed"] == 1
    found = await chain.until_told("admitted", "passed", lane="L2")
    assert found[-2]["again"]


async def test_the_far_bridge_killed_with_an_open_lane(chain: Chain) -> None:
    await chain.present(qr(4), "L2", walk="none")
    await chain.until_released("L2")
    await chain.outpost.end(signal.SIGKILL)
    await chain.start_outpost()
    await chain.until_told("admitted", "annulled", lane="L2")
    assert (await chain.present(qr(4), "L1", walk="pass"))["passed"] == 1


async def test_the_site_server_killed_and_back(chain: Chain) -> None:
    await chain.bridge.end(signal.SIGKILL)
    refused = await chain.present(qr(5), "L2", walk="pass", patience=1.5)
    assert not refused["released"]
    # the far bridge knows it by its address
    port = chain.bridge.url.rsplit(":", 1)[1]
    path = chain.directory / "bridge.toml"
    path.write_text(path.read_text().replace("port = 0", f"port = {port}"))
    await chain.start_bridge()
    async with asyncio.timeout(20):
        while True:
            visit = await chain.present(qr(5), "L2", walk="pass", patience=1.0)
            if visit["passed"]:
                break
    assert (await chain.state())["conflicts"] == []


async def test_odoo_away_stops_nobody(chain: Chain) -> None:
    """The last test: the server is gone after it."""
    before = await chain.state()
    assert {"admitted", "passed"} <= {event["type"] for event in before["events"]}
    await chain.peer.end(signal.SIGKILL)
    assert (await chain.present(qr(6), "L2", walk="pass"))["passed"] == 1
    refused = await chain.present(qr(6), "L1", walk="pass", patience=0.5)
    assert not refused["released"]
