"""The rule of entry: which right of which ticket opens, or why none does.

The same rule as the server's (scenic_ticket_gate/sql/validate.sql and rules.sql),
without clock, disk or network. Both play the vectors of docs/gate-vectors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

from .case import LONGER_THAN_A_DAY, Candidate, Judged, Place, minute_of
from .feed import Component, Config, Name, Right, Ticket
from .house_rules import HouseRules

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
    if not judged:
        return None
    best = judged[0]
    if len(judged) > 1:
        best = min(judged, key=lambda each: each.order)
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
        or right.valid_to > right.valid_from + LONGER_THAN_A_DAY
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
            HouseRules(config, place, judged, right, component, all_of).apply()
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
                facts.minute_from = max(facts.minute_from, minute_of(first))
            if last_minute.date() == place.day:
                facts.minute_to = min(facts.minute_to, minute_of(last_minute))


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
