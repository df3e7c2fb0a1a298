"""A day at a park, in minutes: real bridge processes, simulated lanes and visitors,
faults by script, and at the end the books compared row by row.

Everything but the steel and the people is what stands at a real gate: each bridge is a
process of its own with its settings file, its journal on the disk and its devices on
ptys; it reaches its server through a `Link` that can be spoiled. The server is the
simulator's own `Authority`, or a real Odoo.
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp

from .. import __version__
from ..model import Direction, LaneDirection
from .authority import Authority, Device
from .faults import Faults
from .link import Link
from .park import Park, ParkError, Passage, SimLane, parse_lanes
from .reconcile import (
    Reconciliation,
    ServerAdmission,
    ServerBooks,
    ServerTicket,
    digest,
    reconcile,
)
from .visitors import Kind, Party, draw, holders, sold

PASS_TIMEOUT = 1.5
SETTLE = 0.3
TIMEOUT = 0.8
PATIENCE = 2.5  # longer than a decision may take
WALK = 0.12  # to the arm
DOUBT = 2.0  # a pass this long before a kill may not have been written down
TRIES = 6
UPLOAD = 60.0  # for the last facts

PARKS = {
    "demo": {
        "south": "S1:in,S2:in,S3:in,S4:in,S5:in,S6:in,S7:in,S8:in,S9:both,"
        "SX1:out,SX2:out",
        "north": "N1:in,N2:in,N3:in,N4:in,N5:in,N6:in,N7:in,N8:both,NX1:out,NX2:out",
    },
}

LINE = {
    "drop": Faults(drop=0.05),
    "corrupt": Faults(corrupt=0.05),
    "split": Faults(split=True),
    "duplicate": Faults(duplicate=0.05),
    "repeat": Faults(repeat=0.3),
    "delay": Faults(delay=0.25),
    "garbage": Faults(garbage=0.5),
}
STEEL = ("unplug", "brown-out", "stuck", "fire")
SERVER = ("server-down", "server-slow", "server-5xx", "answer-lost", "slow-link")
PROCESS = ("kill", "clock")
FAULTS = (*LINE, *STEEL, *SERVER, *PROCESS)


def parse_faults(text: str) -> tuple[str, ...]:
    """`all`, `none`, or names with commas between."""
    if text == "all":
        return FAULTS
    names = tuple(dict.fromkeys(text.split(","))) if text != "none" else ()
    for name in names:
        if name not in FAULTS:
            raise ParkError(
                f"--faults: there is no {name!r}; there are: all, none,"
                f" {', '.join(FAULTS)}"
            )
    return names


@dataclass(slots=True)
class Gate:
    """One bridge process with its lanes and its line to the server."""

    name: str
    lanes: dict[str, SimLane]
    link: Link
    directory: Path
    key: str
    database: str | None = None
    timeout: float = TIMEOUT
    url: str = ""
    kills: int = 0
    _process: asyncio.subprocess.Process | None = None

    @property
    def journal(self) -> Path:
        return self.directory / "state" / "journal.sqlite"

    @property
    def log(self) -> Path:
        return self.directory / "bridge.log"

    @property
    def clock(self) -> Path:
        return self.directory / "clock"

    def write_settings(self) -> None:
        """Its key and its settings file."""
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
            "heartbeat = 1.0",
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
            port = lane.lane_port.link
            lines.append(f'driver = {{ kind = "catrax", port = "{port}", poll = 2.0 }}')
            if lane.direction is not LaneDirection.OUT:
                scanner = f'{{ kind = "serial", port = "{lane.scanner_port.link}" }}'
                lines += [
                    "[[lanes.readers]]",
                    'kind = "line"',
                    'direction = "in"',
                    "repeat_after = 0.2",
                    f"transport = {scanner}",
                ]
        (self.directory / "bridge.toml").write_text("\n".join(lines) + "\n")

    async def start(self) -> None:
        """Start the process and wait until its lanes answer."""
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "scenic_gate_bridge.simulator.clock",
                str(self.clock),
                "run",
                "-c",
                str(self.directory / "bridge.toml"),
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout is not None
        said = (await self._process.stdout.readline()).decode().split()
        if not said:
            raise ParkError(f"the bridge of {self.name} ended; see {self.log}")
        self.url = said[-1]

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
        it was killed; ParkError when it ended by itself."""
        async with asyncio.timeout(seconds):
            while True:
                try:
                    if good(await self.health()):
                        return
                except (aiohttp.ClientError, OSError):
                    if self.ended_by_itself:
                        raise ParkError(
                            f"the bridge of {self.name} ended; see {self.log}"
                        ) from None
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

    async def settled(self) -> None:
        """Wait until every admission is finished and every fact is at the server."""
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


@dataclass(slots=True)
class Day:
    """The visitors and the faults of one run."""

    gates: list[Gate]
    rng: random.Random
    passages: list[Passage] = field(default_factory=list)
    outcome: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    _queue: deque[Party] = field(default_factory=deque)
    _twins: dict[str, asyncio.Event] = field(default_factory=dict)
    _inside: int = 0
    _entering: int = 0
    _troubled: set[str] = field(default_factory=set)

    @property
    def lanes(self) -> dict[str, SimLane]:
        return {code: lane for gate in self.gates for code, lane in gate.lanes.items()}

    async def run(self, parties: list[Party], faults: Sequence[str]) -> None:
        """Let them all in and out again, and carry out every fault meanwhile."""
        self._queue.extend(parties)
        for lane in self.lanes.values():
            lane.on_passage = self._passed
        rounds = max(1, len(parties) // 400)
        async with asyncio.TaskGroup() as group:
            entries = [
                lane
                for lane in self.lanes.values()
                if lane.direction is not LaneDirection.OUT
            ]
            self._entering = len(entries)
            for lane in entries:
                group.create_task(self._entry(lane))
            for lane in self.lanes.values():
                if lane.direction is not LaneDirection.IN:
                    group.create_task(self._exit(lane))
            for kinds in ((*LINE, *STEEL), SERVER, PROCESS):
                script = [name for name in kinds if name in faults] * rounds
                self.rng.shuffle(script)
                group.create_task(self._script(script, len(parties)))

    def _passed(self, passage: Passage) -> None:
        self.passages.append(passage)
        self._inside += 1 if passage.direction is Direction.IN else -1

    # -- people ------------------------------------------------------------------------

    async def _entry(self, lane: SimLane) -> None:
        """One entry lane: those who stand there, one after the other."""
        while self._queue:
            party = self._queue.popleft()
            self.begun += 1
            await self._visit(lane, party)
        self._entering -= 1

    async def _visit(self, lane: SimLane, party: Party) -> None:
        match party.kind:
            case Kind.FORCES | Kind.WRONG_WAY:
                # not while a release may still be out: it would count as its visitor
                await self._shut(lane)
                await asyncio.sleep(TIMEOUT + SETTLE)
                if not lane.released(Direction.IN):
                    way = party.kind is Kind.WRONG_WAY
                    lane.walk(Direction.OUT if way else Direction.IN, force=True)
                self.outcome[party.kind] += 1
                return
            case Kind.TWIN:
                await self._meet(party)
            case Kind.NO_SHOW:
                await self._show(lane, party, "timeout")
                party.kind = Kind.ALONE
                self._queue.append(party)
                self.outcome["no-show"] += 1
                return
            case _:
                pass
        passed = await self._show(lane, party, "pass")
        self.outcome["passed" if passed else "refused"] += 1
        if passed and party.kind is Kind.TAILGATER:
            lane.walk(Direction.IN, force=True)
        if party.kind is Kind.COPY:
            self._queue.append(Party(Kind.FORGED, party.code))

    async def _meet(self, party: Party) -> None:
        """Wait a moment for the other one with the same code, at another lane."""
        met = self._twins.get(party.code)
        if met is not None:
            met.set()
            return
        met = self._twins[party.code] = asyncio.Event()
        self._queue.appendleft(party)
        try:
            async with asyncio.timeout(1.0):
                await met.wait()
        except TimeoutError:
            pass

    async def _show(self, lane: SimLane, party: Party, walk: str) -> int:
        """Show the code, again if the lane stays shut; how many got through."""
        honest = party.kind not in (Kind.FORGED, Kind.TWIN)
        late = party.kind is Kind.STEPS_BACK
        for attempt in range(TRIES if honest else 1):
            if not attempt:
                await self._shut(lane)
            visit = await lane.visit(
                party.code,
                Direction.IN,
                walk=walk,
                people=party.people,
                delay=PASS_TIMEOUT * 0.6 if late else WALK * self.rng.uniform(0.5, 2),
                patience=PATIENCE,
            )
            if visit.released:
                if visit.passed < party.persons:
                    # the arm opens once more for those who did not come
                    await asyncio.sleep(TIMEOUT)
                    await self._shut(lane)
                return visit.passed
        # a decision that is late must not open for whoever comes next
        await asyncio.sleep(TIMEOUT)
        return 0

    async def _shut(self, lane: SimLane) -> None:
        """Nobody steps up while the arm is released for somebody else."""
        while lane.released(Direction.IN):
            await asyncio.sleep(0.02)

    async def _exit(self, lane: SimLane) -> None:
        """One exit: who is inside goes home, until all have."""
        while self._inside > 0 or self._entering:
            await asyncio.sleep(self.rng.uniform(0.05, 0.25))
            if self._inside > 0:
                lane.walk(Direction.OUT)

    # -- faults ------------------------------------------------------------------------

    async def _script(self, script: list[str], parties: int) -> None:
        """One fault after the other, spread over the visitors."""
        for number, name in enumerate(script):
            begin = parties * number // (len(script) + 1)
            while self.begun < begin and self._entering:
                await asyncio.sleep(0.05)
            await self._fault(name)
            self.done[name] += 1

    async def _fault(self, name: str) -> None:
        gate = self.rng.choice(self.gates)
        if name in SERVER:
            await self._server_fault(gate, name)
        elif name == "kill":
            await self._kill(gate)
        elif name == "clock":
            await self._step_clock(gate)
        else:
            lane = self.rng.choice(list(gate.lanes.values()))
            await self._lane_fault(gate, lane, name)

    async def _lane_fault(self, gate: Gate, lane: SimLane, name: str) -> None:
        self._doubt([lane])
        seconds = self.rng.uniform(1.0, 2.5)
        if name in LINE:
            for port in lane.ports.values():
                port.to_host = LINE[name]
            # a command that came twice would be a second release: no line does that
            if name != "repeat":
                lane.lane_port.to_device = LINE[name]
            await asyncio.sleep(seconds)
            for port in lane.ports.values():
                port.to_host = port.to_device = Faults()
        elif name == "unplug":
            await asyncio.gather(
                lane.pull("lane", seconds), lane.pull("scanner", seconds / 2)
            )
        elif name == "brown-out":
            lane.model.power_cycle()
        elif name == "stuck":
            lane.stuck = True
            await asyncio.sleep(seconds)
            lane.stuck = False
        else:
            lane.fire = True
            for _person in range(3):
                await asyncio.sleep(seconds / 3)
                if self._inside > 0:
                    lane.walk(Direction.OUT)
            lane.fire = False
        # what the device said last is through, and a lost link has been noticed
        await asyncio.sleep(1.0)
        await self._sure(gate, [lane])

    async def _server_fault(self, gate: Gate, name: str) -> None:
        link = gate.link
        if name == "server-down":
            link.refuse = True
            link.cut()
        elif name == "server-slow":
            link.delay = TIMEOUT
        elif name == "server-5xx":
            link.bad_gateway = True
        elif name == "answer-lost":
            link.cut_after = 0
        else:
            link.rate, link.delay = 8000, 0.2
        await asyncio.sleep(self.rng.uniform(1.5, 3.0))
        link.heal()

    async def _kill(self, gate: Gate) -> None:
        lanes = list(gate.lanes.values())
        self._doubt(lanes)
        await gate.end(signal.SIGKILL)
        gate.kills += 1
        await asyncio.sleep(self.rng.uniform(0.0, 1.0))
        await gate.start()
        await self._sure(gate, lanes)

    async def _step_clock(self, gate: Gate) -> None:
        gate.clock.write_text(str(self.rng.choice((-7200, -300, 300, 7200))))
        await asyncio.sleep(self.rng.uniform(1.5, 3.0))
        gate.clock.unlink()

    def _doubt(self, lanes: list[SimLane]) -> None:
        """From now on, and a moment back, what these lanes report may get lost."""
        since = asyncio.get_running_loop().time() - DOUBT
        codes = {lane.code for lane in lanes}
        self._troubled |= codes
        for lane in lanes:
            lane.unsure = True
        for passage in reversed(self.passages):
            if passage.at < since:
                break
            if passage.lane in codes:
                passage.sure = False

    async def _sure(self, gate: Gate, lanes: list[SimLane]) -> None:
        """Once the bridge has these lanes again, what they report gets through."""
        await gate.linked(*(lane.code for lane in lanes))
        for lane in lanes:
            lane.unsure = False


def books_of(authority: Authority) -> ServerBooks:
    """The simulator's own server as the reconciliation wants it."""
    return ServerBooks(
        {
            request_id: ServerAdmission(
                one.lane, digest(one.code), one.passes, one.passed, one.annulled
            )
            for request_id, one in authority.admissions.items()
        },
        {event_id: event["type"] for event_id, event in authority.events.items()},
        {
            digest(code): ServerTicket(ticket.entries, ticket.used, ticket.reserved)
            for code, ticket in authority.tickets.items()
        },
        list(authority.troubles),
    )


async def rehearse(
    name: str,
    visitors: int,
    faults: Sequence[str],
    seed: int,
    directory: Path,
    say: Callable[[str], None],
) -> Reconciliation:
    """Run a park by itself, with the simulator's own server."""
    if name not in PARKS:
        raise ParkError(f"--park: there is no {name!r}; there are: {', '.join(PARKS)}")
    rng = random.Random(seed)
    parties = draw(visitors, rng)
    lanes = {gate: parse_lanes(text) for gate, text in PARKS[name].items()}
    keys = {gate: f"sgk_{rng.randbytes(24).hex()}" for gate in lanes}
    authority = Authority(
        {keys[gate]: Device(gate, lanes[gate]) for gate in lanes}, sold(parties)
    )
    port = await authority.start()
    try:
        async with open_gates(
            directory, lanes, keys, rng, ("127.0.0.1", port)
        ) as gates:
            day = await _day(gates, parties, faults, rng, say)
    finally:
        await authority.stop()
    return reconcile(
        [gate.journal for gate in gates], books_of(authority), day.lanes, day.passages
    )


@dataclass(frozen=True, slots=True)
class RealServer:
    """A server that is not the simulator's own, and the tickets sold there."""

    url: str
    key: str
    database: str | None
    codes: dict[str, int]  # code: persons


async def rehearse_at(
    server: RealServer,
    faults: Sequence[str],
    seed: int,
    directory: Path,
    say: Callable[[str], None],
) -> Reconciliation:
    """Run the lanes of one device of a real server. What the server has consumed is
    not to be had by the gate API, so the journal, the server's answers and the steel
    are compared."""
    at = urlsplit(server.url)
    if at.scheme != "http" or not at.hostname:
        raise ParkError("--server: http://host:port; the faults are put in between")
    rng = random.Random(seed)
    lanes = await _lanes_of(server)
    async with open_gates(
        directory,
        {"server": lanes},
        {"server": server.key},
        rng,
        (at.hostname, at.port or 80),
        database=server.database,
    ) as gates:
        day = await _day(gates, holders(server.codes, rng), faults, rng, say)
    return reconcile([gate.journal for gate in gates], None, day.lanes, day.passages)


async def _lanes_of(server: RealServer) -> dict[str, LaneDirection]:
    """The device's lanes, as its heartbeat is told."""
    beat = {"seq": 1, "version": __version__, "outbox": 0, "unresolved": 0, "lanes": []}
    headers = {"Authorization": f"Bearer {server.key}"}
    if server.database:
        headers["X-Odoo-Database"] = server.database
    try:
        async with (
            aiohttp.ClientSession() as session,
            session.post(
                f"{server.url.rstrip('/')}/scenic/gate/v1/heartbeat",
                json={"jsonrpc": "2.0", "id": 1, "method": "call", "params": beat},
                headers=headers,
            ) as answer,
        ):
            said = await answer.json(content_type=None)
            if "result" not in said:
                raise ParkError(f"--server: {said['error']['message']}")
    except (aiohttp.ClientError, OSError, ValueError) as error:
        raise ParkError(f"--server: {server.url}: {error}") from error
    lanes = {
        lane["lane"]: LaneDirection(lane["direction"])
        for lane in said["result"]["lanes"]
    }
    if not lanes:
        raise ParkError("--server: this device has no lanes")
    return lanes


@asynccontextmanager
async def open_gates(
    directory: Path,
    lanes: dict[str, dict[str, LaneDirection]],
    keys: dict[str, str],
    rng: random.Random,
    server: tuple[str, int],
    *,
    database: str | None = None,
    timeout: float = TIMEOUT,
) -> AsyncIterator[list[Gate]]:
    """A bridge process with simulated lanes for each gate, all up and linked; in the
    end they are stopped in order, and their journals stay in `directory`."""
    async with AsyncExitStack() as stack:
        gates = []
        for name, gate_lanes in lanes.items():
            home = directory / name
            park = await stack.enter_async_context(
                Park(home / "ports", gate_lanes, rng.randrange(1 << 30))
            )
            link = await stack.enter_async_context(Link(*server))
            gate = Gate(name, park.lanes, link, home, keys[name], database, timeout)
            gate.write_settings()
            stack.push_async_callback(gate.end, signal.SIGKILL)
            gates.append(gate)
        await asyncio.gather(*(gate.start() for gate in gates))
        await asyncio.gather(*(gate.linked(*gate.lanes) for gate in gates))
        yield gates
        await asyncio.gather(*(gate.end(signal.SIGTERM) for gate in gates))


async def _day(
    gates: list[Gate],
    parties: list[Party],
    faults: Sequence[str],
    rng: random.Random,
    say: Callable[[str], None],
) -> Day:
    started = time.monotonic()
    say(
        f"park ready: {len(gates)} bridges, {sum(len(gate.lanes) for gate in gates)}"
        f" lanes, {len(parties)} parties"
    )
    day = Day(gates, rng)
    await day.run(parties, faults)
    await asyncio.gather(*(gate.settled() for gate in gates))
    say(
        f"{len(parties)} parties in {time.monotonic() - started:.0f} s: "
        + ", ".join(f"{count} {what}" for what, count in day.outcome.items())
    )
    say(
        "faults: "
        + (", ".join(f"{name} {n}x" for name, n in sorted(day.done.items())) or "none")
    )
    return day
