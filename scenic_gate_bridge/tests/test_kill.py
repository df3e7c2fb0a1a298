"""kill -9 between any two steps of the journal, with real processes.

A trigger in the journal file makes one chosen write take for ever, so that the process
can be killed exactly there: the step before it is on the disk, the step itself is not.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from conftest import write_config

pytestmark = pytest.mark.asyncio(loop_scope="module")
HERE = Path(__file__).parent
STALL = """
CREATE TRIGGER stall BEFORE {event} BEGIN
    SELECT count(*) FROM (
        WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 1000000000)
        SELECT x FROM n
    );
END
"""
BEFORE = {
    "asking": "INSERT ON journal",
    "authorised": "UPDATE ON journal WHEN NEW.state = 'authorised'",
    "opening": "UPDATE ON journal WHEN NEW.state = 'opening' AND NEW.passed = 0",
    "second": "UPDATE ON journal WHEN NEW.passed = 2",
    "passed": "UPDATE ON journal WHEN NEW.state = 'passed'",
    "annulled": "UPDATE ON journal WHEN NEW.state = 'annulled'",
    "denied": "UPDATE ON journal WHEN NEW.state = 'denied'",
    "answered": "UPDATE ON outbox WHEN NEW.answer IS NOT NULL",
}


@dataclass
class Process:
    """A program that prints a line with its URL when it is ready."""

    arguments: list[str]
    process: asyncio.subprocess.Process = field(init=False)
    url: str = ""

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            *self.arguments,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        assert self.process.stdout is not None
        line = await self.process.stdout.readline()
        self.url = line.decode().split()[-1]

    async def end(self, how: signal.Signals) -> int:
        if self.process.returncode is None:
            self.process.send_signal(how)
        try:
            async with asyncio.timeout(20):
                return await self.process.wait()
        except TimeoutError:
            # one that hangs must not outlive the test
            self.process.kill()
            await self.process.wait()
            raise


class Site:
    """Peer, simulator and bridge, each a process of its own. The lanes differ in what
    they do: L2 annuls after a crash, L3 waits only a moment for the visitor, X1 is
    an exit with a reader."""

    def __init__(
        self, directory: Path, mode: str = "online", *peer_arguments: str
    ) -> None:
        self.mode = mode
        lanes = ("L1", "L2", "L3")
        known = {code: {"direction": "in", "mode": "controlled"} for code in lanes}
        known["X1"] = {"direction": "out", "mode": "controlled"}
        tickets: dict[str, Any] = {f"CODE{number}": {} for number in range(1, 10)}
        tickets |= {f"GROUP{n}": {"entries": 4, "persons": 4} for n in (1, 2)}
        tickets["GROUP3"] = {"entries": 5, "persons": 5}
        self.lanes = ",".join([*(f"{code}:in" for code in lanes), "X1:out"])
        self.peer = Process(
            [
                str(HERE / "gate_peer.py"),
                f"--lanes={json.dumps(known)}",
                f"--tickets={json.dumps(tickets)}",
                *peer_arguments,
            ]
        )
        program = ["-m", "scenic_gate_bridge"]
        self.simulator = Process(
            [
                *program,
                "simulate",
                f"--dir={directory / 'run'}",
                f"--lanes={self.lanes}",
            ]
        )
        self.bridge = Process([*program, "run", "-c", str(directory / "bridge.toml")])
        self.directory = directory
        self.journal = directory / "state" / "journal.sqlite"

    async def __aenter__(self) -> Site:
        self.session = await aiohttp.ClientSession().__aenter__()
        await asyncio.gather(self.peer.start(), self.simulator.start())
        config = write_config(
            self.directory,
            self.peer.url,
            self.lanes,
            pass_timeout=30.0,
            mode=self.mode,
            free_exit=False,
        )
        head, one, two, three, way_out = config.read_text().split("[[lanes]]")
        two = two.replace("assumed_passed", "annul")
        three = three.replace("30.0", "0.3")
        config.write_text("[[lanes]]".join([head, one, two, three, way_out]))
        await self.start_bridge()
        return self

    async def __aexit__(self, *_exc: object) -> None:
        await self.session.close()
        ends = [self.bridge, self.simulator, self.peer]
        await asyncio.gather(*(each.end(signal.SIGTERM) for each in ends))

    async def start_bridge(self) -> None:
        await self.bridge.start()
        await self.until_health(
            lambda health: all(lane["link"] == "up" for lane in health["lanes"])
        )

    async def until_health(self, good: Any) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                async with self.session.get(f"{self.bridge.url}/health") as answer:
                    health: dict[str, Any] = await answer.json()
                if good(health):
                    return health
                await asyncio.sleep(0.02)

    # -- the journal file --------------------------------------------------------------

    def sql(self, statement: str) -> list[Any]:
        with closing(sqlite3.connect(self.journal, timeout=10)) as con, con:
            return con.execute(statement).fetchall()

    async def until_state(self, state: str) -> None:
        """Wait until the newest admission is in this state."""
        newest = "SELECT state FROM journal ORDER BY seq DESC LIMIT 1"
        async with asyncio.timeout(20):
            while self.sql(newest) != [(state,)]:
                await asyncio.sleep(0.01)

    async def kill_and_restart(self) -> None:
        await self.bridge.end(signal.SIGKILL)
        self.sql("DROP TRIGGER IF EXISTS stall")
        await self.start_bridge()
        await self.until_health(
            lambda health: health["outbox"] == health["unresolved"] == 0
        )

    # -- the outside -------------------------------------------------------------------

    async def post(self, url: str, body: Any) -> Any:
        async with self.session.post(url, json=body) as answer:
            assert answer.status < 300, await answer.text()
            return await answer.json()

    async def present(self, code: str, lane: str = "L1", **body: Any) -> Any:
        url = f"{self.simulator.url}/lanes/{lane}/present"
        return await self.post(url, {"code": code, "delay": 0.02} | body)

    async def faults(self, *faults: tuple[str, str, float]) -> None:
        await self.post(f"{self.peer.url}/faults", list(faults))

    async def until_released(self, lane: str = "L1", way: str = "in") -> None:
        async with asyncio.timeout(20):
            while not (await self.lane(lane))["released"][way]:
                await asyncio.sleep(0.01)

    async def lane(self, code: str = "L1") -> Any:
        async with self.session.get(f"{self.simulator.url}/lanes") as answer:
            lanes = (await answer.json())["lanes"]
        return next(lane for lane in lanes if lane["lane"] == code)

    async def state(self) -> Any:
        async with self.session.get(f"{self.peer.url}/state") as answer:
            return await answer.json()

    async def books(self, code: str) -> tuple[int, int, list[tuple[str, Any, bool]]]:
        """Used and reserved entries of a ticket at the server, and what was reported
        of its admissions (count None: all). Nothing in conflict, no number twice."""
        state = await self.state()
        assert state["conflicts"] == []
        assert len(set(state["seqs"])) == len(state["seqs"])
        ticket = state["tickets"][code]
        ids = {k for k, a in state["admissions"].items() if a["code"] == code}
        reports = [
            (event["type"], event.get("count"), event["assumed"])
            for event in state["events"]
            if event.get("request_id") in ids
        ]
        return ticket["used"], ticket["reserved"], reports


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with Site(tmp_path_factory.mktemp("kill")) as up:
        yield up


async def stalled(site: Site, name: str) -> None:
    site.sql(STALL.format(event=BEFORE[name]))


async def test_killed_before_asking(site: Site) -> None:
    await stalled(site, "asking")
    await site.present("CODE1", walk="none")
    await asyncio.sleep(0.5)
    await site.kill_and_restart()
    assert site.sql("SELECT count(*) FROM journal") == [(0,)]
    assert await site.books("CODE1") == (0, 0, [])


async def test_killed_before_the_server_decides(site: Site) -> None:
    await site.faults(("validate", "slow", 0.6))
    await site.present("CODE1", walk="none")
    await site.until_state("asking")
    await site.kill_and_restart()
    await asyncio.sleep(0.7)
    used, reserved, _reports = await site.books("CODE1")
    assert (used, reserved) == (0, 0)


async def test_killed_with_the_answer_in_hand(site: Site) -> None:
    await stalled(site, "authorised")
    await site.present("CODE2", walk="none")
    async with asyncio.timeout(10):
        while (await site.books("CODE2"))[1] == 0:
            await asyncio.sleep(0.01)
    await site.kill_and_restart()
    assert await site.books("CODE2") == (0, 0, [("annulled", None, False)])
    assert (await site.lane())["releases"] == 0


async def test_killed_before_opening(site: Site) -> None:
    await stalled(site, "opening")
    await site.present("GROUP1", walk="none")
    await site.until_state("authorised")
    await site.kill_and_restart()
    assert await site.books("GROUP1") == (0, 0, [("annulled", 4, False)])
    assert (await site.lane())["releases"] == 0


async def test_killed_while_a_group_is_asked_for(site: Site) -> None:
    """The server has reserved five entries, and the bridge never learns how many."""
    await stalled(site, "authorised")
    await site.present("GROUP3", walk="none")
    async with asyncio.timeout(10):
        while (await site.books("GROUP3"))[1] != 5:
            await asyncio.sleep(0.01)
    await site.until_state("asking")
    await site.kill_and_restart()
    assert await site.books("GROUP3") == (0, 0, [("annulled", None, False)])
    # killing it again gives nothing back a second time
    await site.kill_and_restart()
    assert await site.books("GROUP3") == (0, 0, [("annulled", None, False)])
    assert (await site.lane())["releases"] == 0
    # all five are free
    assert (await site.present("GROUP3", people=5))["passed"] == 5


@pytest.mark.parametrize(
    ("code", "lane", "end"),
    [
        ("CODE3", "L1", (1, 0, [("passed", 1, True)])),
        ("CODE4", "L2", (0, 0, [("annulled", 1, False)])),
    ],
)
async def test_killed_while_open(site: Site, code: str, lane: str, end: Any) -> None:
    await site.present(code, lane, walk="none")
    await site.until_released(lane)
    await site.kill_and_restart()
    assert await site.books(code) == end
    # the next start has shut the arm that the dead process had released
    assert not (await site.lane(lane))["released"]["in"]


async def test_killed_after_a_pass_that_is_not_on_the_disk(site: Site) -> None:
    await stalled(site, "passed")
    assert (await site.present("CODE5"))["passed"] == 1
    await asyncio.sleep(0.2)
    await site.kill_and_restart()
    assert await site.books("CODE5") == (1, 0, [("passed", 1, True)])
    # and killing it again changes nothing
    await site.kill_and_restart()
    assert await site.books("CODE5") == (1, 0, [("passed", 1, True)])


@pytest.mark.parametrize("walks", [False, True])
async def test_killed_while_somebody_leaves(site: Site, walks: bool) -> None:
    """Between the release and the report, before and after he went."""
    code = f"LEAVES{walks}"
    if walks:
        await stalled(site, "passed")
    await site.present(code, "X1", walk="pass" if walks else "none")
    if not walks:
        await site.until_released("X1", "out")
    await site.until_state("opening")
    for _ in range(2):
        await site.kill_and_restart()
        exits = [
            (event["credential"]["value"], event["count"], event["assumed"])
            for event in (await site.state())["events"]
            if event["type"] == "exit" and event["credential"]["value"] == code
        ]
        assert exits == [(code, 1, True)]
    assert not site.sql("SELECT 1 FROM journal WHERE credential IS NOT NULL")
    assert not site.sql("SELECT 1 FROM outbox WHERE body ->> 'credential' IS NOT NULL")


async def test_killed_before_the_upload(site: Site) -> None:
    await site.faults(*[("report", "cut", 0.0)] * 50)
    assert (await site.present("CODE6"))["passed"] == 1
    await site.until_state("passed")
    await site.bridge.end(signal.SIGKILL)
    assert (await site.books("CODE6"))[0] == 0
    await site.faults()
    await site.kill_and_restart()
    assert await site.books("CODE6") == (1, 0, [("passed", 1, False)])


async def test_killed_between_report_and_its_answer(site: Site) -> None:
    await stalled(site, "answered")
    assert (await site.present("CODE7"))["passed"] == 1
    async with asyncio.timeout(10):
        while (await site.books("CODE7"))[0] == 0:
            await asyncio.sleep(0.01)
    await site.kill_and_restart()
    assert await site.books("CODE7") == (1, 0, [("passed", 1, False)])


async def test_killed_in_the_middle_of_a_group(site: Site) -> None:
    before = (await site.lane())["passed"]["in"]
    await stalled(site, "second")
    await site.present("GROUP2", people=2, patience=1.0, wait=False)
    async with asyncio.timeout(10):
        while (await site.lane())["passed"]["in"] < before + 2:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    await site.kill_and_restart()
    assert await site.books("GROUP2") == (
        2,
        0,
        [("passed", 1, False), ("passed", 1, True), ("annulled", 2, False)],
    )


async def test_killed_while_annulling(site: Site) -> None:
    await stalled(site, "annulled")
    await site.present("CODE8", "L3", walk="timeout")
    await asyncio.sleep(0.5)
    await site.kill_and_restart()
    # nobody can say any more that the visitor stayed outside
    assert await site.books("CODE8") == (1, 0, [("passed", 1, True)])


async def test_sigterm_finishes_what_is_open(site: Site) -> None:
    await site.present("CODE9", walk="none")
    await site.until_released()
    assert await site.bridge.end(signal.SIGTERM) == 0
    assert not (await site.lane())["released"]["in"]
    # uploaded before it ended
    assert await site.books("CODE9") == (0, 0, [("annulled", 1, False)])
    assert site.sql("SELECT count(*) FROM outbox WHERE answer IS NULL") == [(0,)]
