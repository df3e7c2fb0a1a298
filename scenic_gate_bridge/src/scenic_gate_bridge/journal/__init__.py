"""Durable memory of the bridge: one SQLite file, one thread that writes it."""

from .db import JournalDb, JournalError, JournalUnwritable, LogRow, OutboxRow
from .journal import Journal

__all__ = [
    "Journal",
    "JournalDb",
    "JournalError",
    "JournalUnwritable",
    "LogRow",
    "OutboxRow",
]
