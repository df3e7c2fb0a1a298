"""`replay`: the facts of a time span as the journal has them, to look at or to tell the
server once more.

Facts are read, never written: what is sent is the very body that lies in the outbox,
with its own event id and number, so that the server keeps it once however often it is
sent. A server that was restored from a backup gets back what it has lost.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..journal import OutboxRow
from ..model import iso
from ..outbox import BATCH, TIMEOUT, read_answers
from ..rpc import RpcClient
from ..settings import Settings
from .table import table


class ReplayError(Exception):
    """Nothing can be replayed; one sentence says why."""


@dataclass(frozen=True, slots=True)
class Span:
    """From when on, and before when; which lane, None for all."""

    begin: datetime
    end: datetime
    lane: str | None = None


@dataclass(frozen=True, slots=True)
class Fact:
    """A row of the outbox. `answer`: the server's, None while it waits."""

    row: OutboxRow
    answer: str | None

    @property
    def shown(self) -> tuple[object, ...]:
        """For people; a code that stands in it is left out."""
        event = self.row.event
        return (
            datetime.fromisoformat(str(event["at"])).astimezone().isoformat(" ")[:19],
            event["seq"],
            self.row.lane,
            event["type"],
            event.get("count", ""),
            event.get("request_id", ""),
            event.get("note", ""),
            self.answer or "–",
        )


def read_time(text: str) -> datetime:
    """A time with offset, or on the clock of this machine; ReplayError."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise ReplayError(
            f"{text!r} is no time; write it like 2026-12-01T09:00 (this machine's"
            " clock) or 2026-12-01T09:00+08:00"
        ) from None
    return at.astimezone(UTC)


def facts(settings: Settings, span: Span) -> list[Fact]:
    """The facts of a span in their order; ReplayError without a journal."""
    journal = settings.state_dir / "journal.sqlite"
    if span.end <= span.begin:
        raise ReplayError("--to is not after --from")
    return list(_read(journal, span))


def _read(journal: Path, span: Span) -> Iterator[Fact]:
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as con:
            for row in con.execute(
                "SELECT id, event_id, lane, body, answer FROM outbox"
                " WHERE created_at >= ? AND created_at < ?"
                " AND lane = ifnull(?, lane) ORDER BY id",
                (iso(span.begin), iso(span.end), span.lane),
            ):
                number, event_id, lane, body, answer = row
                yield Fact(OutboxRow(number, event_id, lane, json.loads(body)), answer)
    except sqlite3.Error as error:
        raise ReplayError(f"cannot read the journal {journal}: {error}") from error


def show(found: list[Fact]) -> str:
    """The facts as a table."""
    head = ("at", "seq", "lane", "type", "count", "request", "note", "answer")
    return table([head, *(fact.shown for fact in found)])


async def send(
    settings: Settings, found: list[Fact]
) -> AsyncIterator[tuple[Fact, str]]:
    """Tell the server these facts once more; each with its answer: REPEAT when it had
    it, OK when it had lost it. Raises RpcError."""
    async with RpcClient(settings) as rpc:
        for begin in range(0, len(found), BATCH):
            part = found[begin : begin + BATCH]
            rows = [fact.row for fact in part]
            events: dict[str, Any] = {"events": [row.event for row in rows]}
            result = await rpc.call("report", events, TIMEOUT)
            for fact, answer in zip(part, read_answers(result, rows), strict=True):
                yield fact, answer[1]
