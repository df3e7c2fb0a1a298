"""The rules that look at what a ticket did before, and at the calendar of a place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from .case import LONGER_THAN_A_DAY, Candidate, Judged, Own, Place, midnight, minute_of
from .feed import Component, Config, Right, Ticket


class _Refused(Exception):
    """A house rule says no."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(slots=True)
class HouseRules:
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
        long = right.valid_to > right.valid_from + LONGER_THAN_A_DAY
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
        facts.minute_from = minute_of(opens.astimezone(zone))
        facts.minute_to = minute_of(closes.astimezone(zone))
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
