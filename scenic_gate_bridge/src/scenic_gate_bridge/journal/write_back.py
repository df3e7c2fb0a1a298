"""Moves what was committed from SQLite's write-ahead log into the journal's file.

SQLite has the commit that fills the log do it, and the lanes of that commit wait: with
some twenty pages a decision every sixtieth of them, which is all that lies beyond p99.
A connection of its own in a thread of its own does it beside them: a passive checkpoint
waits for no writer, and none for it (https://sqlite.org/wal.html#ckpt).
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import structlog

EVERY = 0.25  # seconds
#: Pages of the log at which a commit does it itself, 32 MiB: under writes without a
#: pause nobody beside them comes to the end of the log, and only there it begins anew.
AT_THE_LATEST = 8192


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
        while self._news.wait() and not self._ended.wait(EVERY):
            self._news.clear()
            try:
                with self.moving:
                    self._move()
            except sqlite3.Error as error:
                # nothing is lost: it stays in the log, and the next one tries again
                self._log.error("the journal's log is not moved", reason=str(error))

    def _move(self) -> None:
        con = sqlite3.connect(self._path, isolation_level=None)
        try:
            con.execute("PRAGMA synchronous=FULL")
            con.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        finally:
            con.close()
