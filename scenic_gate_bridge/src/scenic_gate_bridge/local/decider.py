"""Decides on scans without the server, and keeps what it has reserved.

The interface that the shared vectors are played through:

    decider = LocalDecider.in_memory()
    decider.load_config(vector["config"])
    decider.load_feed(vector["feed"])            # again with changed tickets: replaced
    outcome = decider.decide(read, "L1", Direction.IN, now)
    decider.passed(outcome.request_id, 1, now)
    decider.annulled(outcome.request_id, None, now)
    decider.exit("X1", now, count=1, read=read)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..model import Decision, Direction
from .reads import Read


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision with the id under which it is known, and whether it is a repeat.

    `decision.code`, `decision.passes`, `decision.verdict`, `decision.text` are what
    the visitor is told.
    """

    request_id: str
    decision: Decision
    ticket: str | None  # its name
    right: int | None  # id of the entitlement
    again: bool  # enters again without using an entry
    repeat: bool


class LocalDecider:
    """All methods that change something are one transaction each."""

    @classmethod
    def in_memory(cls) -> LocalDecider:
        """A decider with an empty store that ends with it."""
        raise NotImplementedError

    def load_config(self, config: dict[str, Any]) -> None:
        """Take a config answer (CONTRACT §4). Raises FeedError when it does not fit."""
        raise NotImplementedError

    def load_feed(
        self, tickets: Iterable[dict[str, Any]], gone: Iterable[int] = ()
    ) -> None:
        """Take tickets of the feed; each replaces the one with its id."""
        raise NotImplementedError

    def read(self, kind: str, value: str) -> Read:
        """Tell what was read, as Odoo does; kind `auto` or what the reader says."""
        raise NotImplementedError

    def decide(
        self,
        read: Read,
        lane: str,
        direction: Direction,
        now: datetime,
        request_id: str | None = None,
    ) -> Outcome:
        """Decide and reserve. The same request_id gets the first answer again."""
        raise NotImplementedError

    def passed(self, request_id: str, count: int, now: datetime) -> None:
        """`count` people of an admission went through."""
        raise NotImplementedError

    def annulled(self, request_id: str, count: int | None, now: datetime) -> None:
        """Give back `count` reserved entries; None: all that are left."""
        raise NotImplementedError

    def exit(
        self, lane: str, now: datetime, count: int = 1, read: Read | None = None
    ) -> None:
        """`count` people left by a lane, with the code they showed, if any."""
        raise NotImplementedError
