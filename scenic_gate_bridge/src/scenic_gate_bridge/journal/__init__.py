"""Durable memory of the bridge: one SQLite file, one thread that writes it."""

from .db import JournalDb
from .journal import Journal
from .rows import JournalError, JournalUnwritable, LogRow, OutboxRow

__all__ = [
    "Journal",
    "JournalDb",
    "JournalError",
    "JournalUnwritable",
    "LogRow",
    "OutboxRow",
]
