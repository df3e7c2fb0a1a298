"""What the simulator's own server has sold, decided and written down."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from ..model import LaneDirection

PRICE = 80  # yuan, of one entry


@dataclass(slots=True)
class Device:
    """A bridge that may ask, and its lanes. `decides`: whether it may do so by itself
    (no, offline, site). `numbers`: what each of its message numbers stood on."""

    name: str
    lanes: dict[str, LaneDirection]
    decides: str = "no"
    revoked: bool = False
    numbers: dict[int, object] = field(default_factory=dict)


@dataclass(slots=True)
class Ticket:
    """One code. With several `persons` one scan opens for all entries left. Whoever was
    counted out of one that `returns` comes in again without an entry.

    `entered` and `gone` count persons, `again_held` those on their way in again."""

    entries: int = 1
    persons: int = 1
    used: int = 0
    reserved: int = 0
    returns: bool = False
    entered: int = 0
    gone: int = 0
    again_held: int = 0

    @property
    def left(self) -> int:
        """Entries neither used nor reserved."""
        return self.entries - self.used - self.reserved

    @property
    def again(self) -> int:
        """Persons who may come in again."""
        if not self.returns:
            return 0
        free = min(self.used, self.gone - (self.entered - self.used))
        return free - self.again_held


@dataclass(slots=True)
class Admission:
    """What was decided for one request, and what became of it, in persons.

    `reserved` entries are still held for it, `used` were used by those who passed.
    `double`: how many a device let in by itself for whom no entry was left; `again`: a
    free re-entry, which uses none.
    """

    code: str
    lane: str
    device: str
    at: datetime
    passes: int
    answer: dict[str, Any]
    again: bool = False
    reserved: int = 0
    double: int = 0
    passed: int = 0
    used: int = 0
    assumed: int = 0
    annulled: int = 0

    @property
    def under_way(self) -> int:
        """Persons whose end is not known."""
        return self.passes - self.passed - self.annulled

    def end(self, kind: str, count: int | None, assumed: bool, ticket: Ticket) -> bool:
        """`count` persons passed, or were annulled; None: all that are left. Whether
        there were so many."""
        if count is None:
            count = self.under_way
        done = min(count, self.under_way)
        released = min(done, self.reserved)
        self.reserved -= released
        ticket.reserved -= released
        ticket.again_held -= done if self.again else 0
        if kind == "passed":
            self.passed += done
            self.used += released
            ticket.used += released
            ticket.entered += done
            self.assumed += done if assumed else 0
        else:
            self.annulled += done
        return done == count


@dataclass(frozen=True, slots=True)
class Leaving:
    """Persons who showed a code when they left. `at`: when the server heard of it."""

    code: str
    device: str
    at: datetime
    count: int
    assumed: bool
