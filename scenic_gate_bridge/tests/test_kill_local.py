"""kill -9 between any two steps of an admission that the bridge decides by itself.

Decision, reservation and the fact for the server are one step: either all of them
survive, or none. Same means as in test_kill.py.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio

from local_world import config, qr, right, stamp, ticket
from test_kill import STALL, Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
NOW = datetime.now(UTC)
GROUP = 8
BEFORE = {
    "reserved": "INSERT ON own_right",
    "admitted": "INSERT ON outbox WHEN NEW.body ->> 'type' = 'admitted'",
    "opening": "UPDATE ON journal WHEN NEW.state = 'opening' AND NEW.passed = 0",
    "third": "UPDATE ON journal WHEN NEW.passed = 3",
    "used": "INSERT ON own_pass",
    "answered": "UPDATE ON outbox WHEN NEW.answer IS NOT NULL",
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """A bridge that always decides by itself, with a copy of eight tickets."""
    window = {"from": stamp(NOW - timedelta(hours=20))}
    window |= {"to": stamp(NOW + timedelta(hours=20))}
    feed = [ticket(number, rights=[right(number, **window)]) for number in range(1, 8)]
    for_four = right(GROUP, total=4, **window)
    feed.append(ticket(GROUP, kind="group", persons=4, rights=[for_four]))
    known = config(decides="offline")
    known["lanes"] = [known["lanes"][0] | {"lane": f"L{n}"} for n in (1, 2, 3)]
    directory = tmp_path_factory.mktemp("kill-local")
    peer = f"--settings={json.dumps(known)}", f"--feed={json.dumps(feed)}"
    async with Site(directory, "offline", *peer) as up:
        async with asyncio.timeout(20):
            while not up.sql("SELECT 1 FROM meta WHERE name = 'copy_at'"):
                await asyncio.sleep(0.02)
        yield up


async def stalled(site: Site, name: str) -> None:
    site.sql(STALL.format(event=BEFORE[name]))


async def until_stalled(site: Site) -> None:
    """Wait until somebody keeps the journal locked for good."""
    locked = 0
    async with asyncio.timeout(20):
        while locked < 10:
            await asyncio.sleep(0.05)
            with closing(sqlite3.connect(site.journal, timeout=0)) as con:
                try:
                    con.execute("BEGIN IMMEDIATE")
                    locked = 0
                except sqlite3.OperationalError:
                    locked += 1


async def facts(site: Site, number: int) -> list[tuple[str, Any, bool]]:
    """What the server was told of the admissions on a ticket, in order."""
    state = await site.state()
    assert state["conflicts"] == []
    assert len(set(state["seqs"])) == len(state["seqs"])
    of = {e["request_id"] for e in state["events"] if e.get("right") == number}
    return [
        (event["type"], event.get("count"), event.get("assumed", False))
        for event in state["events"]
        if event.get("request_id") in of
    ]


async def passes(site: Site, number: int, lane: str = "L1", **how: Any) -> int:
    """Show the ticket; how many got through."""
    await asyncio.sleep(0.3)  # the reader takes it for a scan of its own
    found = await site.present(qr(number), lane, **how)
    return int(found["passed"])


@pytest.mark.parametrize(("number", "step"), [(1, "reserved"), (2, "admitted")])
async def test_killed_while_deciding(site: Site, number: int, step: str) -> None:
    """Nothing of the decision is left; the ticket opens afterwards, once."""
    await stalled(site, step)
    await site.present(qr(number), walk="none")
    await until_stalled(site)
    await site.kill_and_restart()
    assert await facts(site, number) == []
    assert (await site.lane())["releases"] == 0 or number > 1
    assert await passes(site, number) == 1
    await site.until_state("passed")
    await site.until_health(lambda health: health["outbox"] == 0)
    assert await facts(site, number) == [("admitted", 1, False), ("passed", 1, False)]
    assert await passes(site, number, patience=0.5) == 0


async def test_killed_before_opening(site: Site) -> None:
    """The admission was written: the server learns of it, and of its end."""
    before = (await site.lane())["releases"]
    await stalled(site, "opening")
    await site.present(qr(3), walk="none")
    await site.until_state("authorised")
    await site.kill_and_restart()
    assert await facts(site, 3) == [("admitted", 1, False), ("annulled", 1, False)]
    assert (await site.lane())["releases"] == before
    assert await passes(site, 3) == 1


async def test_killed_while_open(site: Site) -> None:
    """Somebody may be inside: the copy of this bridge knows the ticket as used."""
    await site.present(qr(4), walk="none")
    await site.until_released()
    await site.kill_and_restart()
    assert await facts(site, 4) == [("admitted", 1, False), ("passed", 1, True)]
    assert not (await site.lane())["released"]["in"]
    assert await passes(site, 4, patience=0.5) == 0
    # at the lane that annuls it is free again
    await site.present(qr(5), "L2", walk="none")
    await site.until_released("L2")
    await site.kill_and_restart()
    assert await facts(site, 5) == [("admitted", 1, False), ("annulled", 1, False)]
    assert await passes(site, 5, "L2") == 1


async def test_killed_while_counting_the_pass(site: Site) -> None:
    await site.until_state("passed")  # the visit before is written down
    await stalled(site, "used")
    assert await passes(site, 6) == 1
    await asyncio.sleep(0.2)
    await site.kill_and_restart()
    assert await facts(site, 6) == [("admitted", 1, False), ("passed", 1, True)]
    await site.kill_and_restart()
    assert await facts(site, 6) == [("admitted", 1, False), ("passed", 1, True)]
    assert await passes(site, 6, patience=0.5) == 0


async def test_killed_before_the_answer_to_the_upload(site: Site) -> None:
    await site.faults(*[("report", "cut", 0.0)] * 100)
    assert await passes(site, 7) == 1
    await site.until_state("passed")
    await stalled(site, "answered")
    await site.faults()
    async with asyncio.timeout(20):
        while len(await facts(site, 7)) < 2:
            await asyncio.sleep(0.02)
    await site.kill_and_restart()
    assert await facts(site, 7) == [("admitted", 1, False), ("passed", 1, False)]


async def test_killed_in_the_middle_of_a_group(site: Site) -> None:
    before = (await site.lane())["passed"]["in"]
    await stalled(site, "third")
    await asyncio.sleep(0.3)
    await site.present(qr(GROUP), people=3, patience=1.0, wait=False)
    async with asyncio.timeout(20):
        while (await site.lane())["passed"]["in"] < before + 3:
            await asyncio.sleep(0.01)
    await asyncio.sleep(0.2)
    await site.kill_and_restart()
    assert await facts(site, GROUP) == [
        ("admitted", 4, False),
        ("passed", 1, False),
        ("passed", 1, False),
        ("passed", 1, True),
        ("annulled", 1, False),
    ]
    # one entry is left, and opens once
    assert await passes(site, GROUP, people=2, patience=1.0) == 1
