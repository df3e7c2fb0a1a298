"""A disk that takes nothing any more, with real processes.

The kernel's limit on the size of files stands for it: a write fails in the same way,
and only in the bridge's process.
"""

from __future__ import annotations

import asyncio
import resource
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from test_kill import Site

pytestmark = pytest.mark.asyncio(loop_scope="module")
FAULT = "journal: the disk takes nothing"


class SmallDisk(Site):
    """A site whose bridge can be put on a full disk."""

    def fill(self, full: bool) -> None:
        pid = self.bridge.process.pid
        _soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        soft = 0 if full else hard
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))

    async def until_fault(self, there: bool) -> None:
        await self.until_health(lambda health: (FAULT in health["problems"]) is there)

    async def refused(self, code: str) -> int:
        """How many scans the bridge refused with a code."""
        async with self.session.get(f"{self.bridge.url}/metrics") as answer:
            lines = (await answer.text()).splitlines()
        return sum(
            int(float(line.split()[-1]))
            for line in lines
            if line.startswith("scenic_gate_scans_total") and f'code="{code}"' in line
        )

    async def used(self, code: str) -> tuple[int, int]:
        ticket = (await self.state())["tickets"][code]
        return ticket["used"], ticket["reserved"]

    async def until_used(self, code: str) -> None:
        async with asyncio.timeout(20):
            while await self.used(code) != (1, 0):
                await asyncio.sleep(0.02)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SmallDisk]:
    small = SmallDisk(tmp_path_factory.mktemp("full"))
    async with small:
        yield small


async def test_who_is_on_the_way_passes_and_is_written_down_later(
    site: SmallDisk,
) -> None:
    visit = asyncio.create_task(site.present("CODE1", walk="pass", delay=1.0))
    await site.until_released()
    site.fill(True)
    assert (await visit)["passed"] == 1
    await site.until_fault(True)
    assert await site.used("CODE1") == (0, 1)
    # nobody else is let in, and is told why
    refused: Any = await site.present("CODE2", walk="pass", patience=0.3)
    assert not refused["released"]
    assert await site.refused("JOURNAL_FAULT") == 1
    assert await site.used("CODE2") == (0, 0)
    site.fill(False)
    await site.until_fault(False)
    await site.until_used("CODE1")
    assert (await site.present("CODE2", walk="pass"))["passed"] == 1
    await site.until_used("CODE2")


async def test_the_first_scan_on_a_full_disk_is_refused(site: SmallDisk) -> None:
    site.fill(True)
    refused: Any = await site.present("CODE3", walk="pass", patience=0.3)
    assert not refused["released"]
    await site.until_fault(True)
    assert await site.used("CODE3") == (0, 0)
    site.fill(False)
    await site.until_fault(False)
    assert (await site.present("CODE3", walk="pass"))["passed"] == 1
    await site.until_used("CODE3")


async def test_people_leave_on_a_full_disk(site: SmallDisk) -> None:
    site.fill(True)
    for code in ("ONE", "TWO"):
        left: Any = await site.present(code, "X1", walk="pass")
        assert left["passed"] == 1
    await site.until_fault(True)
    site.fill(False)
    await site.until_fault(False)
    async with asyncio.timeout(20):
        while True:
            events = (await site.state())["events"]
            exits = [event for event in events if event["type"] == "exit"]
            if len(exits) == 2:
                break
            await asyncio.sleep(0.02)
    assert [event["credential"]["value"] for event in exits] == ["ONE", "TWO"]


async def test_an_emergency_opens_on_a_full_disk(site: SmallDisk) -> None:
    site.fill(True)
    await site.post(f"{site.bridge.url}/lanes/L2/emergency", {"on": True})
    async with asyncio.timeout(20):
        while not all((await site.lane("L2"))["free"].values()):
            await asyncio.sleep(0.02)
    await site.until_fault(True)
    site.fill(False)
    await site.until_fault(False)
    await site.post(f"{site.bridge.url}/lanes/L2/emergency", {"on": False})
    async with asyncio.timeout(20):
        while True:
            events = (await site.state())["events"]
            kinds = [event["type"] for event in events if event["lane"] == "L2"]
            if kinds[-2:] == ["emergency", "emergency_over"]:
                break
            await asyncio.sleep(0.02)
