"""What a lane has to write while the disk takes nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress

import structlog

from .db import JournalDb
from .journal import Journal
from .rows import JournalUnwritable

AGAIN = 0.5  # seconds between two tries

Work = Callable[[JournalDb], object]


class PatientWriter:
    """Writes the steps of one lane in their order. What the disk does not take waits in
    memory, with all that comes after it, and is tried until it is kept: what happened
    at a gate cannot be undone. Whoever must not go on before the disk has it looks at
    `stuck`."""

    def __init__(self, journal: Journal, lane: str) -> None:
        self._journal = journal
        self._waiting: deque[Work] = deque()
        self._ended = asyncio.Event()
        self._log = structlog.get_logger().bind(lane=lane)

    @property
    def stuck(self) -> bool:
        """Whether something waits."""
        return bool(self._waiting)

    async def write(self, work: Work) -> None:
        """Write a step, now or as soon as the disk takes it."""
        if not self._waiting:
            try:
                await self._journal.call(work)
                return
            except JournalUnwritable as error:
                self._log.error("the journal takes nothing", reason=str(error))
        self._waiting.append(work)

    async def run(self) -> None:
        """Try again and again until `end`, and once more then."""
        while not self._ended.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(AGAIN):
                    await self._ended.wait()
            await self._flush()
        if self._waiting:
            self._log.error(
                "stopped before the journal could be written: these steps are lost",
                steps=len(self._waiting),
            )

    def end(self) -> None:
        """Nothing is to be written any more."""
        self._ended.set()

    async def _flush(self) -> None:
        had = len(self._waiting)
        while self._waiting:
            try:
                await self._journal.call(self._waiting[0])
            except JournalUnwritable:
                return
            self._waiting.popleft()
        if had:
            self._log.info("the journal is written again", steps=had)
