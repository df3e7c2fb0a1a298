"""Faults around a bridge that is a real process; afterwards the books must be right.

The server is the simulator's own; tests/e2e does the same with Odoo and PostgreSQL.
"""

from __future__ import annotations

import asyncio
import random
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from conftest import new_peer, serving, until
from gate_peer import KEY as PEER_KEY
from local_world import config
from scenic_gate_bridge.model import Direction, LaneDirection
from scenic_gate_bridge.settings import load
from scenic_gate_bridge.simulator.authority import Authority
from scenic_gate_bridge.simulator.codes import Mint
from scenic_gate_bridge.simulator.gate import Gate, open_gates
from scenic_gate_bridge.simulator.ledger import Device, Ticket
from scenic_gate_bridge.simulator.park import LaneSpec, Passage, Sight, SimLane, Visit
from scenic_gate_bridge.simulator.reconcile import Reconciliation, reconcile
from scenic_gate_bridge.simulator.rehearsal import RealServer, books_of, rehearse_at
from scenic_gate_bridge.simulator.visitors import draw

KEY, FRESH_KEY = "sgk_" + "1" * 40, "sgk_" + "2" * 40
LANES = {"L1": LaneDirection.IN, "L2": LaneDirection.IN}
pytestmark = pytest.mark.timeout(180)


@dataclass
class Scene:
    """One bridge process at two entries, and its server."""

    authority: Authority
    gate: Gate
    passages: list[Passage] = field(default_factory=list)

    @property
    def lane(self) -> SimLane:
        return self.gate.lanes["L1"]

    async def visit(self, code: str, lane: str = "L1", **how: Any) -> Visit:
        asked: dict[str, Any] = {"walk": "pass", "people": 1, "delay": 0.05}
        asked |= {"patience": 3.0} | how
        return await self.gate.lanes[lane].visit(code, Direction.IN, **asked)

    async def until_server(self, state: str) -> None:
        await self.gate.until(lambda found: found["server"]["state"] == state)

    def log(self) -> str:
        return self.gate.log.read_text()

    def books(self) -> Reconciliation:
        return reconcile(
            [self.gate.journal], books_of(self.authority), LANES, self.passages
        )


def new_authority() -> Authority:
    """Tickets CODE1 to CODE9 and a group of four; the device asks for each decision."""
    tickets = {f"CODE{number}": Ticket() for number in range(1, 10)}
    tickets["GROUP"] = Ticket(entries=4, persons=4)
    return Authority({KEY: Device("one", LANES)}, tickets)


@asynccontextmanager
async def scene(
    directory: Path, timeout: float = 0.8, authority: Authority | None = None
) -> AsyncIterator[Scene]:
    """Up and linked; at the end everything is uploaded, and nothing differs."""
    authority = authority or new_authority()
    port = await authority.start()
    try:
        async with open_gates(
            directory,
            {"one": {code: LaneSpec(way) for code, way in LANES.items()}},
            {"one": KEY},
            random.Random(1),
            ("127.0.0.1", port),
            timeout=timeout,
        ) as (gate,):
            found = Scene(authority, gate)
            for lane in gate.lanes.values():
                lane.on_passage = found.passages.append
            yield found
            await gate.settled()
        books = found.books()
        assert books.differences == []
        # a code is never in the log, whatever went wrong
        assert not re.search("|".join(authority.tickets), found.log())
    finally:
        await authority.stop()


async def test_thin_and_slow_link_with_patience(tmp_path: Path) -> None:
    """64 kbit/s with 600 ms each way: who waits longer than that is let in."""
    async with scene(tmp_path, timeout=8.0) as site:
        site.gate.link.rate, site.gate.link.delay = 8000, 0.6
        assert await site.visit("CODE1", patience=20) == Visit(True, 1)
        assert await site.visit("GROUP", people=4, patience=20) == Visit(True, 4)
        await site.gate.settled()
    assert site.authority.tickets["GROUP"].used == 4


async def test_thin_and_slow_link_without_patience(tmp_path: Path) -> None:
    """An answer later than the time-out opens nothing, and is given back."""
    async with scene(tmp_path) as site:
        site.gate.link.rate, site.gate.link.delay = 8000, 0.6
        assert await site.visit("CODE1", patience=3) == Visit(False, 0)
        await site.gate.settled()
        site.gate.link.heal()
        assert await site.visit("CODE1") == Visit(True, 1)
    assert len(site.authority.admissions) >= 2


@pytest.mark.parametrize("cut_after", [0, 40, 150])
async def test_truncated_answer_is_no_answer(tmp_path: Path, cut_after: int) -> None:
    async with scene(tmp_path) as site:
        site.gate.link.cut_after = cut_after
        assert not (await site.visit("CODE1", patience=2)).released
        site.gate.link.heal()
        await until(lambda: site.authority.tickets["CODE1"].reserved == 0)
        assert await site.visit("CODE1") == Visit(True, 1)


async def test_link_cut_while_the_visitor_walks(tmp_path: Path) -> None:
    async with scene(tmp_path) as site:
        site.lane.show("CODE1")
        assert await site.lane.wait_released(Direction.IN, 5)
        site.gate.link.refuse = True
        site.gate.link.cut()
        assert site.lane.walk(Direction.IN, who="CODE1")
        await site.gate.until(lambda health: health["outbox"] > 0)
        assert site.authority.tickets["CODE1"].used == 0
        site.gate.link.heal()
    assert site.authority.tickets["CODE1"].used == 1


async def test_clock_stepped_back(tmp_path: Path) -> None:
    """The time of day jumps; the order of the books does not depend on it."""
    async with scene(tmp_path) as site:
        assert await site.visit("CODE1") == Visit(True, 1)
        await site.gate.settled()
        await until(lambda: site.authority.tickets["CODE1"].used)
        site.gate.clock.write_text("-86400")
        assert await site.visit("CODE2") == Visit(True, 1)
        assert await site.visit("GROUP", people=3) == Visit(True, 3)
        await site.gate.settled()
        site.gate.clock.unlink()
        assert await site.visit("CODE3") == Visit(True, 1)
    first, second, *_rest = [
        event["at"]
        for event in site.authority.events.values()
        if event["type"] == "passed"
    ]
    assert second < first


async def test_unplugged_in_the_middle_of_a_report(tmp_path: Path) -> None:
    """Half a pass report, then nothing: somebody may be inside, one entry is used."""
    async with scene(tmp_path) as site:
        site.lane.show("CODE1")
        assert await site.lane.wait_released(Direction.IN, 5)
        report = site.lane.model.push(Direction.IN)
        assert report is not None
        site.lane.on_passage(Passage("L1", Direction.IN, "CODE1", 0.0, Sight.UNSURE))
        site.lane.lane_port.send(report[:3])
        await site.lane.pull("lane", 0.5)
        await site.gate.linked("L1")
        assert await site.visit("CODE2") == Visit(True, 1)
    assert site.authority.tickets["CODE1"].used == 1
    assert [
        event["assumed"]
        for event in site.authority.events.values()
        if event["type"] == "passed"
    ] == [True, False]


async def test_scanner_sends_a_megabyte_of_noise(tmp_path: Path) -> None:
    """The lane beside it works on, memory stays bounded, a code after it is read."""
    noise = random.Random(1)
    async with scene(tmp_path) as site:
        before = await memory(site.gate)
        scanner = site.lane.scanner_port
        sent = 0
        neighbour = asyncio.create_task(site.visit("CODE1", "L2"))
        while sent < 1 << 20:
            # no more than the terminal takes, so that all of it arrives
            scanner.send(noise.randbytes(1024))
            sent += 1024
            await asyncio.sleep(0.002)
        assert await neighbour == Visit(True, 1)
        assert await memory(site.gate) - before < 32 << 20
        scanner.send(b"\r")
        # as soon as the noise has been looked through
        async with asyncio.timeout(60):
            while not (await site.visit("CODE2")).released:
                pass


async def memory(gate: Gate) -> int:
    """Resident bytes of the bridge process."""
    status = Path(f"/proc/{gate.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found is not None
    return int(found[1]) * 1024


async def test_key_revoked_while_running(tmp_path: Path) -> None:
    """Nobody gets in, nothing is lost, and a new key in the file is found by itself."""
    async with scene(tmp_path) as site:
        site.lane.show("CODE1")
        assert await site.lane.wait_released(Direction.IN, 5)
        device = site.authority.devices[KEY]
        device.revoked = True
        assert site.lane.walk(Direction.IN, who="CODE1")
        await site.until_server("key_invalid")
        assert not (await site.visit("CODE2", patience=1.5)).released
        assert site.authority.tickets["CODE1"].used == 0
        device.revoked = False
        site.authority.devices[FRESH_KEY] = site.authority.devices.pop(KEY)
        (site.gate.directory / "device.key").write_text(FRESH_KEY)
        await site.until_server("online")
        assert await site.visit("CODE2") == Visit(True, 1)
    assert site.authority.tickets["CODE1"].used == 1
    assert "DEVICE_KEY_INVALID" in site.log()
    assert KEY not in site.log() and FRESH_KEY not in site.log()


async def test_second_bridge_at_one_gate_gets_no_device(tmp_path: Path) -> None:
    """Another process with the same ports and a state of its own, as after a copied
    settings file, moves nothing: each port is for one process alone."""
    async with scene(tmp_path) as site:
        settings = (site.gate.directory / "bridge.toml").read_text()
        state = str(site.gate.directory / "state")
        other = tmp_path / "other.toml"
        settings = settings.replace(state, str(tmp_path / "other"))
        other.write_text(settings.replace(site.gate.link.url, "http://127.0.0.1:1"))
        process = subprocess.Popen(
            [sys.executable, "-m", "scenic_gate_bridge", "run", "-c", str(other)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert process.stdout is not None
            ready = await asyncio.to_thread(process.stdout.readline)
            assert ready.startswith("bridge ready")
            assert await site.visit("CODE1") == Visit(True, 1)
            assert await site.visit("CODE2", "L2") == Visit(True, 1)
        finally:
            process.terminate()
            await asyncio.to_thread(process.communicate)
        assert site.lane.model.releases == 1


async def test_a_genuine_code_outside_the_copy(tmp_path: Path) -> None:
    """While the server is away it opens once; a forged one does not."""
    mint, forger = Mint(random.Random(3)), Mint(random.Random(4))
    genuine, forged = mint.qr(1, 1), forger.qr(2, 1)
    device = Device("one", LANES, decides="offline")
    authority = Authority({KEY: device}, {genuine: Ticket()}, mint, {genuine})
    async with scene(tmp_path, authority=authority) as site:
        await site.gate.until(lambda health: health["copy_at"] is not None)
        site.gate.link.refuse = True
        site.gate.link.cut()
        await site.until_server("offline")
        assert await site.visit(genuine) == Visit(True, 1)
        assert await site.visit(forged, "L2", patience=1.0) == Visit(False, 0)
        assert await site.visit(genuine, "L2", patience=1.0) == Visit(False, 0)
        site.gate.link.heal()
    books = site.books()
    assert (books.lanes["L1"].unsynced, books.lanes["L2"].granted) == (1, 0)
    refused = [e["code"] for e in authority.events.values() if e["type"] == "refused"]
    assert refused == ["FORGED", "USED"]
    assert authority.tickets[genuine].used == 1


async def test_a_rehearsal_at_a_server_has_the_lanes_that_stand_there(
    tmp_path: Path,
) -> None:
    ways = {"A1": "tripod", "A2": "flap", "A3": "swing", "H1": "handheld"}
    outs = {"X1": "infrared_exit", "X2": "manual"}
    peer = new_peer(
        ",".join([*(f"{lane}:in" for lane in ways), *(f"{lane}:out" for lane in outs)])
    )
    (like, *_others) = config()["lanes"]
    peer.settings = config(
        decides="no",
        lanes=[
            like | {"lane": lane, "kind": kind, "direction": way}
            for way, kinds in (("in", ways), ("out", outs))
            for lane, kind in kinds.items()
        ],
    )
    said: list[str] = []
    async with serving(peer) as url:
        codes = {f"CODET{number}": 1 for number in range(1, 10)}
        server = RealServer(url, PEER_KEY, None, codes)
        found = await rehearse_at(server, (), 1, tmp_path, said.append)
    assert found.differences == []
    assert said[0] == "lane H1 (handheld, in) is left out"
    assert [*found.lanes] == ["A1", "A2", "A3", "X1", "X2"]
    settings = load(tmp_path / "server" / "bridge.toml")
    assert {lane.code: lane.driver.kind for lane in settings.lanes} == {
        "A1": "catrax",
        "A2": "modbus",
        "A3": "tpw-321asp",
        "X1": "infrared",
        "X2": "manual",
    }


async def test_a_short_day_with_every_fault(tmp_path: Path) -> None:
    """The whole program, in a small form of `--visitors=2000`."""
    done = await asyncio.to_thread(
        subprocess.run,
        [
            *(sys.executable, "-m", "scenic_gate_bridge", "simulate", "--park=demo"),
            *("--visitors=120", "--faults=all", "--seed=2", f"--dir={tmp_path}"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"^reconciled: \d+ admissions, 0 differences$", done.stdout, re.M)
    heads, _rule, *lines = done.stdout[done.stdout.index("lane ") :].splitlines()
    # two words are one head
    names = re.split(r" {2,}", heads.strip())
    total = next(line.split() for line in lines if line.startswith("total"))
    persons = dict(zip(names, total, strict=True))
    assert int(persons["again"]) and int(persons["by code"])
    passed = {line.split()[0]: int(line.split()[5]) for line in lines[:29]}
    assert passed["I1"] + passed["I2"] and passed["P1"] + passed["P2"]
    logs = [path.read_text() for path in tmp_path.glob("*/bridge.log")]
    assert len(logs) == 4
    # no code that was shown is in a log, of those refused neither
    rng = random.Random(2)
    shown = {party.code for party in draw(120, rng, Mint(rng))}
    assert any(code.startswith("T1") for code in shown)
    assert not [code for code in shown if any(code in log for log in logs)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--park", "moon"], "--park: there is no 'moon'; there are: demo"),
        (["--park", "demo", "--faults", "flood"], "there is no 'flood'"),
        (["--park", "demo", "--server", "http://127.0.0.1:1"], "needs --key-file"),
        ([], "give --dir and --lanes, or --park"),
    ],
)
def test_bad_arguments(arguments: list[str], message: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "scenic_gate_bridge", "simulate", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
