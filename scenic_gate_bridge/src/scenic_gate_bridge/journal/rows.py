"""What is read from the journal, and what can be wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..model import (
    Decision,
    Direction,
    LaneMode,
    PlannedMode,
)


class JournalError(Exception):
    """The journal cannot be read or written, or was asked for an impossible step."""


class JournalUnwritable(JournalError):
    """The disk does not take it: no room, not writable, broken. Nothing was kept, and
    the same step may be tried again."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One fact that the server has not confirmed yet."""

    id: int
    event_id: str
    lane: str
    event: dict[str, object]


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line of the lane log."""

    id: int
    at: str
    lane: str
    phase: str
    request_id: str | None
    direction: str | None
    code_hash: str
    code: str
    text_en: str
    text_zh: str
    remedy_en: str
    remedy_zh: str
    product: str
    count: int
    assumed: int
    note: str
    photo: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done with one admission that a crash had left open. Of one that was
    still asking, only the server knows how many entries were annulled: 0 here."""

    request_id: str
    lane: str
    was: str
    passed: int
    annulled: int


@dataclass(slots=True)
class LaneState:
    """What a lane remembers over a restart."""

    mode: LaneMode = LaneMode.CONTROLLED
    emergency: bool = False
    plan: tuple[PlannedMode, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """The part of a journal row that decides about its next step."""

    lane: str
    direction: Direction
    state: str
    code_hash: str
    passes: int
    issued: int
    passed: int
    # shown by somebody who is being let out
    credential: Mapping[str, str] | None


@dataclass(slots=True)
class Log:
    """What goes into the lane log beside time and lane."""

    phase: str
    request_id: str | None = None
    direction: Direction | None = None
    code_hash: str = ""
    decision: Decision | None = None
    count: int = 1
    assumed: bool = False
    note: str = ""
    photo: str = ""
