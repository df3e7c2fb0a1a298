"""Moves what was committed from SQLite's write-ahead log into the journal's file.

SQLite has the commit that fills the log do it, and the lanes of that commit wait: with
some twenty pages a decision every sixtieth of them, which is all that lies beyond p99.
A connection of its own in a thread of its own does it beside them: a passive checkpoint
waits for no writer, and none for it (https://sqlite.org/wal.html#ckpt). The disk is one
all the same, and a commit at that moment takes longer: so it waits for a pause.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from pathlib import Path

import structlog

PAUSE = 0.25  # seconds without a commit
LONGEST = 2.0  # seconds of commits without such a pause
#: Pages of the log, 32 MiB, at which it begins anew, which writers wait for once: by
#: passive checkpoints nobody comes to its end under writes without a pause.
ANEW_AT = 8192
#: Pages at which a commit does it itself, should nobody else: 128 MiB.
AT_THE_LATEST = 32768


class WriteBack:
    """Start and end it with the journal's own connection open."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._ended = threading.Event()
        self._news = threading.Event()
        self._log = structlog.get_logger()
        #: Held while pages are moved.
        self.moving = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="journal-write-back")

    def start(self) -> None:
        """Begin, in a thread of its own."""
        self._thread.start()

    def committed(self) -> None:
        """Something was written."""
        self._news.set()

    def end(self) -> None:
        """Stop; returns when nothing is moved any more."""
        self._ended.set()
        self._news.set()
        self._thread.join()

    def _run(self) -> None:
        while self._news.wait() and not self._ends_before_a_pause():
            try:
                with self.moving:
                    self._move()
            except sqlite3.Error as error:
                # nothing is lost: it stays in the log, and the next one tries again
                self._log.error("the journal's log is not moved", reason=str(error))

    def _ends_before_a_pause(self) -> bool:
        """Wait for a pause, but not for ever. Returns whether this is the end."""
        longest = time.monotonic() + LONGEST
        paused = False
        while not paused and time.monotonic() < longest:
            self._news.clear()
            if self._ended.wait(PAUSE):
                return True
            paused = not self._news.is_set()
        return self._ended.is_set()

    def _move(self) -> None:
        con = sqlite3.connect(self._path, isolation_level=None)
        try:
            con.execute("PRAGMA synchronous=FULL")
            _busy, pages, _moved = con.execute(
                "PRAGMA wal_checkpoint(PASSIVE)"
            ).fetchone()
            if pages >= ANEW_AT:
                # only what came in the meantime is left to move
                con.execute("PRAGMA wal_checkpoint(RESTART)").fetchone()
        finally:
            con.close()
