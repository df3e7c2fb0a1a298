"""What a rule of entry is asked about: ticket, place, time; and its outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .facts import Facts
from .feed import Config, Lane, Right, Site, Ticket

#: Of several rights the code that helps most is answered.
PREFERENCE = (
    "ADMIT",
    "IN_USE",
    "TOO_SOON",
    "INSIDE",
    "OUT_OF_SEQUENCE",
    "SLOT_NOT_YET",
    "TOO_EARLY",
    "RESERVATION_NEEDED",
    "DAILY_USED",
    "SLOT_OVER",
    "TOO_LATE",
    "BLACKOUT",
    "WRONG_DAY",
    "CLOSED_TODAY",
    "STAFF_LANE",
    "STAFF_HOURS",
    "VISITOR_BLOCKED",
    "MEDIUM_FROZEN",
    "NOT_PAID",
    "FROZEN",
    "WRONG_SITE",
    "NOT_YET_VALID",
    "CHOICE_USED",
    "FIRST_USE_OVER",
    "USED",
    "EXPIRED",
    "NOT_HERE",
    "REPLACED",
    "REFUNDED",
    "VOID",
)
_RANK = {code: rank for rank, code in enumerate(PREFERENCE)}
_MOVED_BY_PASSES = ("valid", "part_used", "used")
LONGER_THAN_A_DAY = timedelta(hours=25)


@dataclass(frozen=True, slots=True)
class OwnPass:
    """People whom this device let through, or counted out, by a right."""

    at: datetime
    people: int
    used: int  # entries that this used; 0 for those who entered again
    lane: str
    exit: bool = False


@dataclass(frozen=True, slots=True)
class Own:
    """What this device itself did with a right; the feed has what others did."""

    used: int = 0
    held: int = 0
    again_held: int = 0
    first_at: datetime | None = None
    passes: Sequence[OwnPass] = ()


NOTHING = Own()


@dataclass(frozen=True, slots=True)
class Candidate:
    """A ticket that the code stands for, and the state of this medium of it."""

    ticket: Ticket
    medium: str
    own: Mapping[int, Own] = field(default_factory=dict)

    def right(self, right: Right) -> Own:
        """What this device did with a right of the ticket."""
        return self.own.get(right.id, NOTHING)

    def used(self, right: Right) -> int:
        """Entries used."""
        return right.used + self.right(right).used

    def held(self, right: Right) -> int:
        """Entries reserved by an admission that is under way."""
        return right.held + self.right(right).held

    @property
    def state(self) -> str:
        """The state of the ticket, with the passes of this device."""
        ticket = self.ticket
        if ticket.state not in _MOVED_BY_PASSES or not ticket.rights:
            return ticket.state
        if not sum(self.used(right) for right in ticket.rights):
            return "valid"
        if all(
            not right.unlimited and self.used(right) + right.refunded == right.total
            for right in ticket.rights
        ):
            return "used"
        return "part_used"

    @property
    def first_entry_at(self) -> datetime | None:
        """When the ticket was first entered with."""
        own = [each.first_at for each in self.own.values()]
        return min(filter(None, [self.ticket.first_entry_at, *own]), default=None)


@dataclass(frozen=True, slots=True)
class Place:
    """Where and when somebody wants to come in."""

    lane: Lane
    site: Site
    now: datetime
    day: date
    start: datetime
    end: datetime
    minute: float

    @classmethod
    def at(cls, config: Config, lane: Lane, now: datetime) -> Place:
        """The moment on the clock of the site that the lane leads into."""
        site = config.site[lane.site]
        local = now.astimezone(site.zone)
        day = local.date()
        seconds = local.hour * 3600 + local.minute * 60 + local.second
        return cls(
            lane=lane,
            site=site,
            now=now.astimezone(UTC),
            day=day,
            start=midnight(day, site.zone),
            end=midnight(day + timedelta(days=1), site.zone),
            minute=(seconds + local.microsecond / 1e6) / 60,
        )

    @property
    def weekday(self) -> int:
        """The bit of the day of the week, Monday first."""
        return 1 << self.day.weekday()


@dataclass(slots=True)
class Judged:
    """The outcome for one right, or for a ticket that has none here."""

    code: str
    candidate: Candidate
    right: Right | None
    free: int | None = None  # entries; None: unlimited, or no right here
    passes: int = 0
    again: bool = False
    flag: str | None = None
    prefer: int = 4
    facts: Facts = field(default_factory=Facts)

    @property
    def order(self) -> tuple[int, int, float, int, int]:
        """The right that serves the visitor best comes first."""
        ends = float("inf")
        if self.right is not None:
            ends = self.right.valid_to.timestamp()
            if self.code in ("USED", "EXPIRED"):
                ends = -ends
        right = self.right.id if self.right else 0
        return _RANK[self.code], self.prefer, ends, self.candidate.ticket.id, right


@lru_cache(maxsize=256)
def midnight(day: date, zone: ZoneInfo) -> datetime:
    """The begin of a day in UTC. Where the clock shows midnight twice, or skips it,
    standard time counts, as in the server's database."""
    both = [datetime.combine(day, time(), zone).replace(fold=fold) for fold in (0, 1)]
    return min(both, key=lambda at: at.utcoffset() or timedelta()).astimezone(UTC)


@lru_cache(maxsize=64)
def day_at(now: datetime, zone: ZoneInfo) -> date:
    """The day of a moment in UTC on the clock of a zone. Of one decision it is asked
    several times."""
    return now.astimezone(zone).date()


def minute_of(local: datetime) -> int:
    """The minute of the day."""
    return local.hour * 60 + local.minute
