"""The journal for asyncio: every call runs in one worker thread.

One thread and the standard library's sqlite3, because a FULL commit costs half of what
it costs through a queueing wrapper, and because one thread gives one order of writes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from .db import JournalDb

T = TypeVar("T")


class Journal:
    """Use `async with`: opening, every call and closing happen in the thread."""

    def __init__(
        self, path: Path, observe: Callable[[float], None] = lambda seconds: None
    ) -> None:
        self._path = path
        self._observe = observe
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._db: JournalDb | None = None
        self.outbox_ready = asyncio.Event()

    async def __aenter__(self) -> Journal:
        loop = asyncio.get_running_loop()
        try:
            self._db = await loop.run_in_executor(
                self._thread, lambda: JournalDb(self._path)
            )
        except BaseException:
            self._thread.shutdown()
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        db = self._db
        self._db = None
        if db is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._thread, db.close)
        self._thread.shutdown()

    async def call(self, work: Callable[[JournalDb], T]) -> T:
        """Run `work` in the journal's thread. When this returns, what it wrote is on
        the disk. A cancelled caller does not undo a write that has begun."""
        db = self._db
        if db is None:
            raise RuntimeError("the journal is closed")

        def job() -> tuple[T, bool]:
            started = time.monotonic()
            db.outbox_touched = False
            result = work(db)
            self._observe(time.monotonic() - started)
            return result, db.outbox_touched

        loop = asyncio.get_running_loop()
        result, touched = await loop.run_in_executor(self._thread, job)
        if touched:
            self.outbox_ready.set()
        return result
