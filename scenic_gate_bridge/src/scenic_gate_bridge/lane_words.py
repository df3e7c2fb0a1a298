"""What a lane is told and what it has to do, its rules and its counters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from .drivers.base import ALL_CAPS, Caps, DriverEvent
from .journal import JournalDb
from .model import (
    AfterCrash,
    Decision,
    Direction,
    LaneDirection,
    LaneMode,
    ModeSource,
    Scan,
)


class AllowFailure(StrEnum):
    """Why a release was not accepted."""

    REFUSED = "refused"
    UNANSWERED = "unanswered"
    LOST = "link lost"
    NOT_SENT = "not sent"


# -- inputs beside the driver's events ---------------------------------------------


@dataclass(frozen=True, slots=True)
class ScanRead:
    """A reader of this lane read a code."""

    scan: Scan


@dataclass(frozen=True, slots=True)
class Decided:
    """The answer to an `Ask`. `refusal`: why who was admitted may not walk after all;
    the admission is taken back."""

    request_id: str
    decision: Decision
    refusal: Decision | None = None


@dataclass(frozen=True, slots=True)
class AllowFailed:
    """The `Allow` with this ticket was not accepted (else comes Accepted)."""

    ticket: int
    failure: AllowFailure


@dataclass(frozen=True, slots=True)
class RestDone:
    """The end of the `Rest` with this ticket; not ok when the link was lost."""

    ticket: int
    ok: bool


@dataclass(frozen=True, slots=True)
class SetMode:
    """The lane is to work in this mode from now on. `alone`: so the bridge found in the
    plan while nobody answered, which ends no emergency of the server."""

    mode: LaneMode
    by: ModeSource = ModeSource.SERVER
    alone: bool = False


@dataclass(frozen=True, slots=True)
class SetEmergency:
    """Somebody declared, or ended, an emergency at this lane."""

    on: bool


@dataclass(frozen=True, slots=True)
class Counted:
    """An operator counted people by hand."""

    direction: Direction
    count: int
    operator: str


@dataclass(frozen=True, slots=True)
class Tick:
    """The deadline may have come."""


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish the admission under way, start no other."""


Input = (
    ScanRead
    | Decided
    | AllowFailed
    | RestDone
    | SetMode
    | SetEmergency
    | Counted
    | Tick
    | Stop
    | DriverEvent
)

# -- effects -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Ask:
    """Journal the request as asking, then ask the server; answer with Decided."""

    request_id: str
    scan: Scan


@dataclass(frozen=True, slots=True)
class Write:
    """A journal transaction."""

    work: Callable[[JournalDb], object]


@dataclass(frozen=True, slots=True)
class Allow:
    """Tell the driver to release one person; answer with Accepted or AllowFailed."""

    ticket: int
    direction: Direction


@dataclass(frozen=True, slots=True)
class Rest:
    """Tell the driver to bring the lane to rest; answer with RestDone."""

    ticket: int
    free: frozenset[Direction]


@dataclass(frozen=True, slots=True)
class Photograph:
    """Take a picture and keep it under this name; nothing waits for it."""

    reference: str


Effect = Ask | Write | Allow | Rest | Photograph


@dataclass(slots=True)
class LaneRules:
    """What a lane is, and how long it waits (seconds)."""

    code: str
    direction: LaneDirection
    free_exit: bool = False
    caps: Caps = ALL_CAPS
    pass_timeout: float = 5.0
    settle: float = 1.0
    tailgate: float = 2.0
    queue_timeout: float = 8.0
    after_crash: AfterCrash = AfterCrash.ASSUMED_PASSED
    camera: bool = False


@dataclass(slots=True)
class Counters:
    """Persons, since the process began. The last two count everybody who was seen, or
    assumed, to walk that way, with or without a ticket."""

    granted: int = 0
    completed: int = 0
    timed_out: int = 0
    revoked: int = 0
    exits: int = 0
    came_in: int = 0
    went_out: int = 0

    def count(self, direction: Direction, persons: int = 1) -> None:
        """Persons walked through."""
        if direction is Direction.IN:
            self.came_in += persons
        else:
            self.went_out += persons
