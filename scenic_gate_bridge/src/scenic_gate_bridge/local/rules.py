"""The rule of entry: which right of which ticket opens, or why none does.

The same rule as the server's (scenic_ticket_gate/sql/validate.sql and rules.sql),
without clock, disk or network. Both play the vectors of docs/gate-vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from .facts import Facts
from .feed import Component, Config, Lane, Name, Right, Site, Ticket

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
_LONGER_THAN_A_DAY = timedelta(hours=25)
_MOVED_BY_PASSES = ("valid", "part_used", "used")
_WITH_WINDOW = (
    "NOT_YET_VALID",
    "EXPIRED",
    "WRONG_DAY",
    "TOO_EARLY",
    "TOO_LATE",
    "STAFF_HOURS",
    "SLOT_NOT_YET",
    "SLOT_OVER",
)


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


def judge(
    config: Config, place: Place, candidates: Sequence[Candidate]
) -> Judged | None:
    """Of all rights of all tickets of a code the one that is answered; None when
    nobody knows the code."""
    judged = [
        each
        for candidate in candidates
        for each in _judge_ticket(config, place, candidate, candidates)
    ]
    best = min(judged, key=lambda each: each.order, default=None)
    if best is None:
        return None
    if best.code == "ADMIT" and _is_blocked(best.candidate.ticket, place.day):
        best.code = "VISITOR_BLOCKED"
    _explain(config, place, best)
    return best


def _is_blocked(ticket: Ticket, day: date) -> bool:
    blocked = ticket.blocked
    return (
        blocked is not None
        and day >= blocked.first
        and (blocked.until is None or day <= blocked.until)
    )


def _judge_ticket(
    config: Config, place: Place, candidate: Candidate, all_of: Sequence[Candidate]
) -> Iterator[Judged]:
    here = [
        (right, config.component[right.component])
        for right in candidate.ticket.rights
        if right.site == place.site.id and right.component in config.component
    ]
    if not here:
        yield Judged(
            _closed(candidate) or _elsewhere(place, candidate), candidate, None
        )
    for right, component in here:
        yield _judge_right(config, place, candidate, right, component, all_of)


def _closed(candidate: Candidate) -> str | None:
    """What state of ticket or medium opens nothing."""
    state = candidate.ticket.state
    if state in ("refunded", "void", "frozen"):
        return state.upper()
    if state == "held":
        return "NOT_PAID"
    if candidate.medium == "frozen":
        return "MEDIUM_FROZEN"
    return None if candidate.medium == "active" else "REPLACED"


def _elsewhere(place: Place, candidate: Candidate) -> str:
    ticket = candidate.ticket
    last = ticket.first_day + timedelta(days=ticket.span)
    usable = candidate.state in ("valid", "part_used")
    return (
        "WRONG_SITE" if usable and ticket.first_day <= place.day < last else "NOT_HERE"
    )


def _judge_right(
    config: Config,
    place: Place,
    candidate: Candidate,
    right: Right,
    component: Component,
    all_of: Sequence[Candidate],
) -> Judged:
    ticket = candidate.ticket
    used, held = candidate.used(right), candidate.held(right)
    free = None if right.unlimited else right.total - used - held - right.refunded
    judged = Judged("ADMIT", candidate, right, free)
    has_rules = (
        bool(component.has_rules)
        or right.unlimited
        or right.daily > 0
        or right.valid_to > right.valid_from + _LONGER_THAN_A_DAY
        or ticket.kind in ("member", "staff")
        or ticket.visit_date is None
    )
    spent = free is not None and free <= 0
    in_window = right.valid_from <= place.now < right.valid_to
    closed = _closed(candidate)
    if closed:
        judged.code = closed
    elif spent and not (in_window and has_rules):
        judged.code = "IN_USE" if held > 0 else "USED" if used else "REFUNDED"
    elif not in_window:
        judged.code = _outside_window(place, ticket, right)
    elif ticket.state == "expired":
        judged.code = "EXPIRED"
    else:
        judged.code = _outside_hours(place, ticket, right) or "ADMIT"
        if judged.code == "ADMIT" and has_rules:
            _HouseRules(config, place, judged, right, component, all_of).apply()
        elif judged.code == "ADMIT":
            judged.passes = ticket.sold if free is None else min(free, ticket.sold)
    return judged


def _outside_window(place: Place, ticket: Ticket, right: Right) -> str:
    if right.valid_from > place.now:
        if right.valid_from >= place.end:
            return "NOT_YET_VALID"
        return "SLOT_NOT_YET" if ticket.slotted else "TOO_EARLY"
    if right.valid_to <= place.start:
        return "EXPIRED"
    return "SLOT_OVER" if ticket.slotted else "TOO_LATE"


def _outside_hours(place: Place, ticket: Ticket, right: Right) -> str | None:
    wrong_day = not right.weekdays & place.weekday
    early = place.minute < right.minute_from
    late = place.minute >= right.minute_to
    if ticket.kind == "staff":
        return "STAFF_HOURS" if wrong_day or early or late else None
    if wrong_day:
        return "WRONG_DAY"
    return "TOO_EARLY" if early else "TOO_LATE" if late else None


class _Refused(Exception):
    """A house rule says no."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class _HouseRules:
    """The rules that look at what a ticket did before, for a right that is open by
    state, window, weekday and hour."""

    config: Config
    place: Place
    judged: Judged
    right: Right
    component: Component
    all_of: Sequence[Candidate]

    def apply(self) -> None:
        """Fill in `judged`."""
        try:
            self._calendar()
            self._entries()
        except _Refused as refused:
            self.judged.code = refused.code

    @property
    def _candidate(self) -> Candidate:
        return self.judged.candidate

    @property
    def _ticket(self) -> Ticket:
        return self.judged.candidate.ticket

    def _calendar(self) -> None:
        """Lanes, blackout, hours, reservation and time from the first use."""
        ticket, place, right = self._ticket, self.place, self.right
        long = right.valid_to > right.valid_from + _LONGER_THAN_A_DAY
        if ticket.kind == "staff":
            for lanes in (self.component.staff_lanes, ticket.staff_lanes):
                if lanes is not None and place.lane.lane not in lanes:
                    raise _Refused("STAFF_LANE")
        else:
            if long:
                # whoever bought a certain day bought it before it was taken out
                self._blackout()
                self._opening()
            if ticket.kind == "member" or ticket.visit_date is None:
                self._reservation()
        self._first_use()

    def _blackout(self) -> None:
        rule = self.config.rule.get(self.right.rule or 0)
        found = [
            each
            for each in (rule.blackout if rule else [])
            if each.first <= self.place.day <= each.last
        ]
        if found:
            first = min(found, key=lambda each: each.first)
            self.judged.facts.names = [first.reason]
            raise _Refused("BLACKOUT")

    def _opening(self) -> None:
        day = self.place.site.days.get(self.place.day)
        if day is None or day.open is None:
            return
        if len(day.open) != 2:
            raise _Refused("CLOSED_TODAY")
        facts = self.judged.facts
        facts.minute_from, facts.minute_to = day.open
        if self.place.minute < facts.minute_from:
            raise _Refused("TOO_EARLY")
        if self.place.minute >= facts.minute_to:
            raise _Refused("TOO_LATE")

    def _reservation(self) -> None:
        place = self.place
        day = place.site.days.get(place.day)
        if day is None or day.reservation not in ("required", "slot"):
            return
        early = timedelta(minutes=self.component.grace_early or 0)
        late = timedelta(minutes=self.component.grace_late or 0)
        spans = [
            (each.opens - early, each.closes + late)
            if each.opens and each.closes
            else None
            for each in self._ticket.reservations
            if each.site == place.site.id and each.day == place.day
        ]
        if not spans:
            raise _Refused("RESERVATION_NEEDED")
        slots = [span for span in spans if span is not None]
        if None in spans or any(a <= place.now < b for a, b in slots):
            return
        opens, closes = min(slots)
        facts, zone = self.judged.facts, place.site.zone
        facts.minute_from = _minute(opens.astimezone(zone))
        facts.minute_to = _minute(closes.astimezone(zone))
        raise _Refused("SLOT_NOT_YET" if opens > place.now else "SLOT_OVER")

    def _first_use(self) -> None:
        first = self._candidate.first_entry_at
        if first is None:
            return
        ends = []
        if self.component.minutes_from_first:
            ends.append(first + timedelta(minutes=self.component.minutes_from_first))
        rule = self.config.rule.get(self.right.rule or 0)
        if rule and rule.days_from_first:
            zone = self.place.site.zone
            day = first.astimezone(zone).date() + timedelta(days=rule.days_from_first)
            ends.append(midnight(day, zone))
        if ends and min(ends) <= self.place.now:
            self.judged.facts.valid_to = min(ends)
            raise _Refused("FIRST_USE_OVER")

    def _entries(self) -> None:
        """How many may enter with an entry, and how many again without one."""
        right, component, judged = self.right, self.component, self.judged
        candidate, heads = self._candidate, self._ticket.persons
        own = candidate.right(right)
        today = _Today.of(self.place, right, own, component.reentry_minutes or 0)
        used, held = candidate.used(right), candidate.held(right)
        again_held = right.again_held + own.again_held
        under_way = held + again_held
        pay = heads - under_way if judged.free is None else min(judged.free, heads)
        pay_today = pay
        if right.daily > 0:
            pay_today = min(pay, right.daily * heads - today.used - held)
        again = -again_held
        if component.reentry == "same_day":
            again += min(today.used, heads)
            # without a counted exit everybody enters before anybody enters again
            judged.again = (again > 0 and pay_today < 1) or today.used + held >= heads
        elif component.reentry == "after_exit":
            again += min(today.used, today.gone - (today.entered - today.used))
            judged.again = again > 0
        passes = again if judged.again else pay_today
        inside = max(0, today.entered - today.gone)
        facts = judged.facts
        if passes < 1:
            if under_way > 0:
                raise _Refused("IN_USE")
            if component.reentry == "after_exit" and inside > 0 and pay < 1:
                facts.entered_at = today.last
                raise _Refused("INSIDE")
            if pay > 0:
                facts.daily = right.daily
                raise _Refused("DAILY_USED")
            raise _Refused("REFUNDED" if right.refunded > 0 and not used else "USED")
        self._order_of_places()
        if component.reentry_minutes:
            passes = min(passes, heads - today.just_now)
            if passes < 1:
                assert today.last is not None
                facts.again_at = today.last + timedelta(
                    minutes=component.reentry_minutes
                )
                raise _Refused("TOO_SOON")
        room = heads - inside - under_way
        if component.antipassback in ("soft", "hard") and passes > room:
            if component.antipassback == "soft":
                judged.flag = "antipassback"
            else:
                passes = room
                if passes < 1:
                    facts.entered_at = today.last
                    raise _Refused("IN_USE" if under_way > 0 else "INSIDE")
        judged.passes = passes
        judged.prefer = self._prefer()

    def _order_of_places(self) -> None:
        """Either-or, and one place after the other."""
        component, candidate = self.component, self._candidate
        others = [
            (other, self.config.component[other.component])
            for other in self._ticket.rights
            if other.component in self.config.component
        ]
        if component.choice:
            for other, its in sorted(others, key=lambda each: each[0].id):
                taken = candidate.used(other) + candidate.held(other) > 0
                if (
                    other.id != self.right.id
                    and its.choice == component.choice
                    and taken
                ):
                    self.judged.facts.names = [its.name]
                    raise _Refused("CHOICE_USED")
        if component.in_sequence:
            mine = (component.sequence, component.id)
            for other, its in sorted(
                others, key=lambda each: (each[1].sequence, each[1].id)
            ):
                left = other.unlimited or other.refunded < other.total
                if (its.sequence, its.id) < mine and not candidate.used(other) and left:
                    self.judged.facts.names = [its.name]
                    raise _Refused("OUT_OF_SEQUENCE")

    def _prefer(self) -> int:
        """1: most to be preferred to other rights that open."""
        if self._ticket.kind == "staff":
            return 1
        if not self.judged.again:
            return 4
        if self.component.reentry == "after_exit":
            return 2
        return 5 if any(map(self._is_fresh, self.all_of)) else 3

    def _is_fresh(self, other: Candidate) -> bool:
        """Whether this is another ticket of the same order and code that nobody
        entered with: a second person of a family, rather than the first again."""
        return (
            other.ticket.id != self._ticket.id
            and other.ticket.booking == self._ticket.booking
            and other.medium in ("active", "frozen")
            and other.state == "valid"
            and any(
                right.site == self.place.site.id
                and right.valid_from <= self.place.now < right.valid_to
                and right.total > other.held(right) + right.refunded
                for right in other.ticket.rights
            )
        )


@dataclass(slots=True)
class _Today:
    """What happened by a right today: entries used, people in, people who left by a
    lane that read the code, people in during the last minutes, and when the last."""

    used: int = 0
    entered: int = 0
    gone: int = 0
    just_now: int = 0
    last: datetime | None = None

    @classmethod
    def of(cls, place: Place, right: Right, own: Own, minutes: int) -> _Today:
        """`minutes`: how many of the last count as just now."""
        today, since = cls(), place.now - timedelta(minutes=minutes)
        theirs = right.today
        if theirs is not None and theirs.day == place.day:
            today.used, today.entered = theirs.used, theirs.entered
            today.gone, today.last = theirs.gone, theirs.last
        for when, people in right.recent:
            if when > since:
                today.just_now += people
                today.last = max(filter(None, [today.last, when]))
        for each in own.passes:
            is_today = each.at >= place.start
            if each.exit:
                today.gone += each.people if is_today else 0
                continue
            if not is_today and each.at < since:
                continue
            if is_today:
                today.used += each.used
                today.entered += each.people
            if each.at > since:
                today.just_now += each.people
            if each.people > 0:
                today.last = max(filter(None, [today.last, each.at]))
        return today


def _minute(local: datetime) -> int:
    return local.hour * 60 + local.minute


def _explain(config: Config, place: Place, judged: Judged) -> None:
    """Fill in what the text names, and give codes their public names."""
    ticket, right, facts = judged.candidate.ticket, judged.right, judged.facts
    facts.again = judged.again
    if judged.code == "REPLACED":
        judged.code, facts.replaced = "VOID", True
    elif judged.code in ("WRONG_SITE", "NOT_HERE"):
        judged.code, facts.names = "WRONG_SITE", _places(config, ticket)
    elif right is not None and judged.code == "USED":
        passes = judged.candidate.right(right).passes
        last = max(
            (each for each in passes if each.used > 0),
            key=lambda each: each.at,
            default=None,
        )
        if last is not None:
            lane = config.lane.get(last.lane)
            facts.used_at = last.at
            facts.where = [lane.gate.name, lane.name] if lane else []
    elif right is not None and judged.code in _WITH_WINDOW:
        first = right.valid_from.astimezone(place.site.zone)
        last_minute = right.valid_to.astimezone(place.site.zone)
        facts.valid_from, facts.valid_to = right.valid_from, right.valid_to
        facts.weekdays = right.weekdays
        if not facts.minute_from and not facts.minute_to:
            facts.minute_from, facts.minute_to = right.minute_from, right.minute_to
            if first.date() == place.day:
                facts.minute_from = max(facts.minute_from, _minute(first))
            if last_minute.date() == place.day:
                facts.minute_to = min(facts.minute_to, _minute(last_minute))


def _places(config: Config, ticket: Ticket) -> list[Name]:
    """Where a ticket is for: the names of its sites, or of what it gives there."""
    names: dict[int, Name] = {}
    for right in sorted(ticket.rights, key=lambda each: each.site):
        site = config.site.get(right.site)
        component = config.component.get(right.component)
        name = site.name if site else component.name if component else None
        if name is not None:
            names.setdefault(right.site, name)
    return list(names.values())
