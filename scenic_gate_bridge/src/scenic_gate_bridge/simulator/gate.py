"""A bridge process with its simulated lanes and its line to the server."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from ..model import LaneDirection
from .link import Link
from .park import DEVICE_TIMEOUT, LaneSpec, Park, ParkError, SimLane

PASS_TIMEOUT = DEVICE_TIMEOUT
SETTLE = 0.3
TIMEOUT = 0.8
UPLOAD = 60.0  # for the last facts


@dataclass(slots=True)
class Gate:
    """One bridge process with its lanes and its line to the server. `clients`: the
    bridges that ask this one, as the server of their site."""

    name: str
    lanes: dict[str, SimLane]
    link: Link
    directory: Path
    key: str
    database: str | None = None
    timeout: float = TIMEOUT
    mode: str = "online"
    url: str = ""
    kills: int = 0
    clients: list[Gate] = field(default_factory=list)
    _process: asyncio.subprocess.Process | None = None

    @property
    def journal(self) -> Path:
        return self.directory / "state" / "journal.sqlite"

    @property
    def settings(self) -> Path:
        return self.directory / "bridge.toml"

    @property
    def log(self) -> Path:
        return self.directory / "bridge.log"

    @property
    def clock(self) -> Path:
        return self.directory / "clock"

    def write_settings(self) -> None:
        """Its key and its settings file."""
        if self.journal.exists():
            raise ParkError(f"--dir: {self.directory} has the books of another day")
        self.directory.mkdir(parents=True, exist_ok=True)
        key = self.directory / "device.key"
        key.touch(mode=0o600)
        key.write_text(self.key)
        lines = [
            f'state_dir = "{self.directory / "state"}"',
            "[server]",
            f'url = "{self.link.url}"',
            f'key_file = "{key}"',
            f"timeout = {self.timeout}",
            f'mode = "{self.mode}"',
            "heartbeat = 1.0",
            "sync = 1.0",
            "backoff_max = 1.0",
        ]
        if self.database:
            lines.append(f'database = "{self.database}"')
        lines += ["[api]", "port = 0"]
        for code, lane in self.lanes.items():
            lines += [
                "[[lanes]]",
                f'code = "{code}"',
                f'direction = "{lane.direction.value}"',
                f"pass_timeout = {PASS_TIMEOUT}",
                f"settle = {SETTLE}",
            ]
            if lane.direction is LaneDirection.BOTH:
                lines.append("free_exit = true")
            lines.append(f"driver = {_toml(lane.driver)}")
            if lane.direction is not LaneDirection.OUT or lane.coded:
                scanner = {"kind": "serial", "port": str(lane.scanner_port.link)}
                lines += [
                    "[[lanes.readers]]",
                    'kind = "line"',
                    f'direction = "{"out" if lane.coded else "in"}"',
                    "repeat_after = 0.2",
                    f"transport = {_toml(scanner)}",
                ]
        for client in self.clients:
            lines += [
                "[[site_server.clients]]",
                f'name = "{client.name}"',
                f'key_hash = "{hashlib.sha256(client.key.encode()).hexdigest()}"',
                f"lanes = {json.dumps([*client.lanes])}",
            ]
        self.settings.write_text("\n".join(lines) + "\n")

    async def start(self) -> None:
        """Start the process and wait until it serves its pages. Where others ask it, it
        stays at the address that it had first."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "scenic_gate_bridge.simulator.clock",
                str(self.clock),
                "run",
                "-c",
                str(self.settings),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        said = (await self._process.stdout.readline()).decode().split()
        if not said:
            raise ParkError(f"the bridge of {self.name} ended; see {self.log}")
        self.url = said[-1]
        if self.clients:
            port = urlsplit(self.url).port or 0
            text = self.settings.read_text()
            self.settings.write_text(text.replace("port = 0\n", f"port = {port}\n"))
            for client in self.clients:
                client.link.port = port
        for lane in self.lanes.values():
            lane.deaf = False

    async def kill(self) -> None:
        """End it without warning. Nobody listens to its lanes until the next start."""
        await self.end(signal.SIGKILL)
        self.kills += 1
        for lane in self.lanes.values():
            lane.deaf = True

    async def end(self, how: signal.Signals) -> None:
        """End the process by a signal."""
        if self._process is None:
            return
        if self._process.returncode is None:
            self._process.send_signal(how)
        async with asyncio.timeout(30):
            await self._process.wait()

    async def health(self) -> dict[str, Any]:
        """What the bridge says of itself."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/health") as answer,
        ):
            found: dict[str, Any] = await answer.json()
            return found

    async def until(
        self, good: Callable[[dict[str, Any]], bool], seconds: float = 60.0
    ) -> None:
        """Wait until the bridge's health is as wanted. It may be dead meanwhile, if
        it was killed; ParkError when it ended by itself, or when it takes too long."""
        found: dict[str, Any] = {}
        end = asyncio.get_running_loop().time() + seconds
        while True:
            try:
                found = await self.health()
                if good(found):
                    return
            except (aiohttp.ClientError, OSError):
                if self.ended_by_itself:
                    raise ParkError(
                        f"the bridge of {self.name} ended; see {self.log}"
                    ) from None
            if asyncio.get_running_loop().time() > end:
                raise ParkError(
                    f"the bridge of {self.name} is not as it should be after"
                    f" {seconds:.0f} s: outbox {found.get('outbox')}, unresolved"
                    f" {found.get('unresolved')}, {found.get('problems')}"
                )
            await asyncio.sleep(0.1)

    @property
    def pid(self) -> int:
        """Of the process that was started last."""
        assert self._process is not None
        return self._process.pid

    @property
    def ended_by_itself(self) -> bool:
        """Whether the process is gone though nobody ended it."""
        process = self._process
        return process is not None and process.returncode not in (None, -9, 0)

    async def ready(self) -> None:
        """Wait until its lanes answer and, where it decides always, it has a copy."""
        await self.linked(*self.lanes)
        if self.mode == "site":
            await self.until(lambda health: health["copy_at"] is not None)

    async def settled(self) -> None:
        """Wait until every admission is finished and every fact is at the server; first
        at those that ask this one."""
        await asyncio.gather(*(client.settled() for client in self.clients))
        await self.until(
            lambda health: health["outbox"] == health["unresolved"] == 0, UPLOAD
        )

    async def linked(self, *codes: str) -> None:
        """Wait until these lanes answer their bridge."""
        await self.until(
            lambda health: all(
                lane["link"] == "up"
                for lane in health["lanes"]
                if lane["lane"] in codes
            )
        )


@asynccontextmanager
async def open_gates(
    directory: Path,
    lanes: dict[str, dict[str, LaneSpec]],
    keys: dict[str, str],
    rng: random.Random,
    server: tuple[str, int],
    *,
    database: str | None = None,
    timeout: float = TIMEOUT,
    mode: str = "online",
    asks: Mapping[str, str] | None = None,
) -> AsyncIterator[list[Gate]]:
    """A bridge process with simulated lanes for each gate, all up and linked; in the
    end they are stopped in order, and their journals stay in `directory`. `asks`: gates
    that ask another gate, their site server, instead of the server."""
    asks = asks or {}
    async with AsyncExitStack() as stack:
        gates: list[Gate] = []
        for name, gate_lanes in lanes.items():
            home = directory / name
            park = await stack.enter_async_context(
                Park(home / "ports", gate_lanes, rng.randrange(1 << 30))
            )
            link = await stack.enter_async_context(Link(*server))
            gates.append(
                Gate(name, park.lanes, link, home, keys[name], database, timeout, mode)
            )
        found = {gate.name: gate for gate in gates}
        for name, at in asks.items():
            found[at].mode = "site"
            found[at].clients.append(found[name])
        outer = [gate for gate in gates if gate.name in asks]
        inner = [gate for gate in gates if gate.name not in asks]
        for some in (inner, outer):
            for gate in some:
                gate.write_settings()
                stack.push_async_callback(gate.end, signal.SIGKILL)
            await asyncio.gather(*(gate.start() for gate in some))
            await asyncio.gather(*(gate.ready() for gate in some))
        yield gates
        for some in (outer, inner):
            await asyncio.gather(*(gate.end(signal.SIGTERM) for gate in some))


def _toml(value: Any) -> str:
    """A value as a settings file has it."""
    if isinstance(value, dict):
        inner = ", ".join(f"{name} = {_toml(item)}" for name, item in value.items())
        return f"{{ {inner} }}"
    return json.dumps(value)
