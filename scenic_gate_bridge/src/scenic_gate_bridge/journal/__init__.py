"""Durable memory of the bridge: one SQLite file, one thread that writes it."""

from .db import JournalDb, JournalError, LogRow, OutboxRow
from .journal import Journal

__all__ = ["Journal", "JournalDb", "JournalError", "LogRow", "OutboxRow"]
