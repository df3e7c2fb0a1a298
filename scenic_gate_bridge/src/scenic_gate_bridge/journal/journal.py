"""The journal for asyncio: every call runs in one worker thread.

One thread and the standard library's sqlite3, because a FULL commit costs half of what
it costs through a queueing wrapper, and because one thread gives one order of writes.
What waits at the same moment is written by one commit: the disk is the slowest part of
a gate, and lanes in a rush would wait for each other's commits.
"""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from ..local.reads import Read
from .db import JournalDb
from .write_back import WriteBack

T = TypeVar("T")

TOGETHER = 64  # calls a commit


@dataclass(slots=True)
class _Job:
    """A call that waits; `result` or `error` is filled in."""

    work: Callable[[JournalDb], Any]
    answer: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None

    def run(self, db: JournalDb) -> None:
        self.result = self.error = None
        try:
            self.result = self.work(db)
        except BaseException as error:
            self.error = error

    def tell(self) -> None:
        """Answer the caller, in the thread of its loop."""
        if self.answer.done():
            return
        if self.error is not None:
            self.answer.set_exception(self.error)
        else:
            self.answer.set_result(self.result)


class Journal:
    """Use `async with`: opening, every call and closing happen in the thread."""

    def __init__(
        self, path: Path, observe: Callable[[float], None] = lambda seconds: None
    ) -> None:
        self._path = path
        self._observe = observe
        self._waiting: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        self._gathered: list[_Job] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._work, name="journal")
        self._opened: asyncio.Future[None] | None = None
        self._db: JournalDb | None = None
        self.outbox_ready = asyncio.Event()

    async def __aenter__(self) -> Journal:
        loop = asyncio.get_running_loop()
        opened = loop.create_future()
        self._opened = opened
        self._loop = loop
        self._thread.start()
        try:
            await opened
        except BaseException:
            self._loop = None
            self._waiting.put(None)
            raise
        return self

    async def __aexit__(self, *_exc: object) -> None:
        loop, self._loop = self._loop, None
        self._hand_over()
        self._waiting.put(None)
        if loop is not None:
            await loop.run_in_executor(None, self._thread.join)

    def read(self, kind: str, value: str) -> Read:
        """Tell what was read, in the caller's thread: to verify a signature costs as
        much as to decide, and the journal's thread is what lanes wait for."""
        assert self._db is not None
        return self._db.local.read(kind, value)

    async def call(self, work: Callable[[JournalDb], T]) -> T:
        """Run `work` in the journal's thread. When this returns, what it wrote is on
        the disk. A cancelled caller does not undo a write that has begun. `work` may
        run twice, and must do nothing but use the journal: what fails in company is
        done again alone."""
        loop = self._loop
        if loop is None:
            raise RuntimeError("the journal is closed")
        answer: asyncio.Future[T] = loop.create_future()
        if not self._gathered:
            loop.call_soon(self._hand_over)
        self._gathered.append(_Job(work, answer))
        return await answer

    def _hand_over(self) -> None:
        """Give the thread what came up in one turn of the loop: the first call of a
        rush would else have a commit to itself, and the others wait for its end."""
        jobs, self._gathered = self._gathered, []
        if jobs:
            self._waiting.put(jobs)

    # -- in the thread ---------------------------------------------------------------

    def _work(self) -> None:
        loop, opened = self._loop, self._opened
        assert loop is not None and opened is not None
        begun = _Job(lambda db: None, opened)
        write_back = WriteBack(self._path)
        try:
            db = self._db = JournalDb(self._path)
            db.write_back_elsewhere(write_back.moving)
        except BaseException as failure:
            begun.error = failure
            loop.call_soon_threadsafe(begun.tell)
            return
        write_back.start()
        loop.call_soon_threadsafe(begun.tell)
        more = True
        while more:
            jobs, more = self._next_jobs()
            if jobs:
                started = time.monotonic()
                touched = _carry_out(db, jobs)
                self._observe(time.monotonic() - started)
                loop.call_soon_threadsafe(self._tell, jobs, touched)
                write_back.committed()
        write_back.end()
        db.close()

    def _next_jobs(self) -> tuple[list[_Job], bool]:
        """What waits, at least one; and whether the journal stays open."""
        jobs: list[_Job] = []
        try:
            while len(jobs) < TOGETHER:
                more = self._waiting.get(block=not jobs)
                if more is None:
                    return jobs, False
                jobs += more
        except queue.Empty:
            pass
        return jobs, True

    def _tell(self, jobs: list[_Job], touched: bool) -> None:
        if touched:
            self.outbox_ready.set()
        for job in jobs:
            job.tell()


def _carry_out(db: JournalDb, jobs: list[_Job]) -> bool:
    """Run the jobs, with one commit for all of them. Returns whether there are new
    facts for the server."""
    db.outbox_touched = False
    if len(jobs) == 1:
        jobs[0].run(db)
        return db.outbox_touched
    try:
        with db.together():
            for job in jobs:
                job.run(db)
    except Exception:
        # none of them is on the disk: each gets its own chance, and its own error
        db.outbox_touched = False
        for job in jobs:
            job.run(db)
    return db.outbox_touched
