"""Shared fixtures: a park of simulated lanes, the HTTP peer, and a bridge between."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from aiohttp import web
from hypothesis import settings

from gate_peer import KEY, Peer
from scenic_gate_bridge.bridge import Bridge
from scenic_gate_bridge.lane import Lane
from scenic_gate_bridge.settings import Settings, load
from scenic_gate_bridge.simulator.ledger import Ticket
from scenic_gate_bridge.simulator.park import Park, SimLane, parse_lanes

settings.register_profile("bridge", database=None, deadline=None, print_blob=True)
settings.load_profile("bridge")


async def until(condition: Callable[[], Any], seconds: float = 15.0) -> Any:
    """Wait until the condition holds; its value."""
    async with asyncio.timeout(seconds):
        while not (value := condition()):
            await asyncio.sleep(0.01)
    return value


def write_config(
    directory: Path, server: str, lanes: str, *, extra: str = "", **lane: Any
) -> Path:
    """A settings file for simulated lanes; `lane` overrides settings of each lane."""
    key = directory / "device.key"
    key.write_text(KEY + "\n")
    key.chmod(0o600)
    text = f"""
state_dir = "{directory / "state"}"
[server]
url = "{server}"
key_file = "{key}"
mode = "{lane.pop("mode", "online")}"
timeout = {lane.pop("timeout", 0.8)}
sync = 0.2
heartbeat = {lane.pop("heartbeat", 0.5)}
backoff_max = 0.5
[api]
port = 0
"""
    free_exit = lane.pop("free_exit", None)
    ack_timeout = lane.pop("ack_timeout", 2.0)
    after_crash = lane.pop("after_crash", "assumed_passed")
    for code, spec in parse_lanes(lanes).items():
        direction = spec.direction.value
        free = direction == "out" if free_exit is None else free_exit
        text += f"""
[[lanes]]
code = "{code}"
direction = "{direction}"
free_exit = {str(free).lower()}
pass_timeout = {lane.get("pass_timeout", 2.0)}
settle = {lane.get("settle", 0.1)}
after_crash = "{after_crash}"
[lanes.driver]
kind = "catrax"
port = "{directory / "run" / code}.lane"
ack_timeout = {ack_timeout}
poll = {lane.get("poll", 10.0)}
"""
        if not free or direction == "both":
            side = "in" if direction == "both" else direction
            reader = lane.get("reader", 'kind = "line"')
            port = directory / "run" / f"{code}.scanner"
            transport = lane.get("transport", f'kind = "serial", port = "{port}"')
            text += f"""
[[lanes.readers]]
{reader}
direction = "{side}"
repeat_after = {lane.get("repeat_after", 0.2)}
"""
            if transport is not None:
                text += f"transport = {{ {transport} }}\n"
    path = directory / "bridge.toml"
    path.write_text(text + extra)
    return path


@dataclass
class World:
    """Everything that takes part in a test, all of it real but the steel."""

    peer: Peer
    park: Park
    bridge: Bridge
    url: str
    directory: Path

    def sim(self, code: str = "L1") -> SimLane:
        return self.park.lanes[code]

    def lane(self, code: str = "L1") -> Lane:
        return self.bridge.lanes[code]

    async def visit(self, code: str, lane: str = "L1", **how: Any) -> tuple[bool, int]:
        """Present a code and walk; (released, passed)."""
        sim = self.sim(lane)
        asked: dict[str, Any] = {"walk": "pass", "people": 1, "delay": 0.02}
        asked |= {"patience": 3.0} | how
        visit = await sim.visit(code, min(sim.direction.served), **asked)
        return visit.released, visit.passed

    async def log(self, lane: str = "L1") -> list[dict[str, Any]]:
        """The lane's log through the local API, newest first."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/lanes?limit=200") as answer,
        ):
            lanes = (await answer.json())["lanes"]
        return next(each["events"] for each in lanes if each["lane"] == lane)

    async def wait_log(self, phase: str, lane: str = "L1", **values: Any) -> Any:
        """Wait for a line of the lane log."""
        async with asyncio.timeout(15):
            while True:
                for row in await self.log(lane):
                    if row["phase"] == phase and all(
                        row[key] == value for key, value in values.items()
                    ):
                        return row
                await asyncio.sleep(0.02)


@asynccontextmanager
async def running(config: Settings) -> AsyncIterator[tuple[Bridge, str]]:
    """A bridge that is up, and is stopped in order afterwards."""
    bridge = Bridge(config)
    stop = asyncio.Event()
    ready: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(bridge.run(stop, ready.set_result))
    ends: set[asyncio.Future[Any]] = {task, ready}
    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
    try:
        if task.done():
            task.result()
        yield bridge, ready.result()
    finally:
        stop.set()
        await task


@asynccontextmanager
async def serving(what: Peer | web.Application, port: int = 0) -> AsyncIterator[str]:
    """The peer, or any application, on a real port."""
    app = what if isinstance(what, web.Application) else what.app()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def new_peer(lanes: str, **tickets: Ticket) -> Peer:
    """A peer that knows these lanes and tickets T1, T2, … T9 with one entry each."""
    known = {
        code: {"direction": spec.direction.value, "mode": "controlled"}
        for code, spec in parse_lanes(lanes).items()
    }
    single = {f"T{number}": Ticket() for number in range(1, 10)}
    codes = {f"CODE{name}": ticket for name, ticket in (single | tickets).items()}
    return Peer(known, codes)


Start = Callable[..., Awaitable[World]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[Start]:
    """`await start("L1:in", ...)` brings up a world; all of it is taken down after."""
    from contextlib import AsyncExitStack

    async with AsyncExitStack() as stack:

        async def begin(lanes: str = "L1:in", **settings: Any) -> World:
            tickets = settings.pop("tickets", {})
            peer = new_peer(lanes, **tickets)
            park = Park(tmp_path / "run", parse_lanes(lanes), seed=1)
            await stack.enter_async_context(park)
            server = await stack.enter_async_context(serving(peer))
            config = load(write_config(tmp_path, server, lanes, **settings))
            bridge, url = await stack.enter_async_context(running(config))
            await until(
                lambda: all(lane.machine.link for lane in bridge.lanes.values())
            )
            return World(peer, park, bridge, url, tmp_path)

        yield begin


@pytest.fixture(autouse=True)
def logs_of_its_own() -> Iterator[None]:
    """A command that a test ran in this process leaves no log stream behind."""
    yield
    structlog.reset_defaults()


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No setting of the machine leaks into a test."""
    for name in list(os.environ):
        if name.startswith("SCENIC_GATE_BRIDGE_"):
            monkeypatch.delenv(name)
