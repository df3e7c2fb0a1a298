"""Decides on scans without the server, and keeps what it has reserved.

`JournalDb.local` is the decider of a journal. By itself:

    decider = LocalDecider.in_memory()
    decider.load_config(config)                  # as a config answer has it
    decider.load_feed(tickets)                   # as a sync answer has them
    read = decider.read("auto", "T1…")           # or Read(ReadKind.QR, lookup)
    outcome = decider.decide(read, "L1", Direction.IN, now)
    decider.passed(outcome.request_id, 1, now)
    decider.annulled(outcome.request_id, None, now)
    decider.exit("X1", now, count=1, read=read)
"""

from __future__ import annotations

import base64
import binascii
import json
import uuid
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from ..model import Decision, Direction, LaneMode, Text, Verdict, iso
from . import texts
from .facts import Facts
from .feed import Config, FeedError, Lane, Ticket, read_config, read_ticket
from .lane_modes import ToldLane
from .reads import Read, ReadKind
from .rules import Judged, Own, OwnPass, Place, judge
from .store import Kept, Store

CLOCK_SLACK = timedelta(minutes=2)
CLOCK_STEP = timedelta(seconds=5)
SHARED = (ReadKind.IC_CARD, ReadKind.ID_DOCUMENT)


class DecidedBy(StrEnum):
    """In which mode a device decides by itself."""

    OFFLINE = "offline"
    SITE = "site"


class Enqueue(Protocol):
    """Queues a fact for the server, inside a transaction."""

    def __call__(
        self,
        lane: str,
        kind: str,
        at: str,
        *,
        direction: Direction,
        request_id: str | None = None,
        extra: dict[str, object] | None = None,
        on_the_wire: bool = False,
    ) -> str: ...


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision with the id under which the server learns of it.

    `decision.code`, `.verdict`, `.passes` and `.text` are what the visitor is told.
    """

    request_id: str
    decision: Decision
    facts: Facts
    repeat: bool = False


@dataclass(slots=True)
class _Draft:
    """A decision that is not kept yet."""

    code: str
    facts: Facts
    right: int | None = None
    ticket_id: int | None = None
    passes: int = 0
    again: bool = False
    staff: bool = False
    flag: str | None = None
    unsynced: bool = False
    pools: tuple[int, ...] = ()


class LocalDecider:
    """All public methods that change something are one transaction each."""

    def __init__(
        self,
        store: Store,
        transaction: Callable[[], AbstractContextManager[None]],
        enqueue: Enqueue,
    ) -> None:
        self.store = store
        self._transaction = transaction
        self._enqueue = enqueue

    @classmethod
    def in_memory(cls) -> LocalDecider:
        """A decider with an empty store that ends with it."""
        from ..journal.db import IN_MEMORY, JournalDb

        return JournalDb(IN_MEMORY).local

    # -- what the server sends ----

    @property
    def config(self) -> Config:
        """The newest config."""
        return self.store.config

    def load_config(self, answer: dict[str, Any]) -> None:
        """Take a config answer. Raises FeedError when it does not fit; nothing is
        changed then."""
        config = read_config(answer)
        key = answer.get("lookup_key")
        try:
            secret = base64.b64decode(key, validate=True) if key else b""
        except (binascii.Error, TypeError, ValueError):
            raise FeedError("config: lookup_key: not base64") from None
        # the secret lies in a file of its own, not in the database
        text = json.dumps(
            {name: value for name, value in answer.items() if name != "lookup_key"},
            ensure_ascii=False,
        )
        try:
            with self._transaction():
                self.store.write_lookup_key(secret)
                self.store.keep_config(config, text)
        except BaseException:
            self.store.reload()
            raise

    def load_feed(
        self, tickets: Iterable[dict[str, Any]], gone: Iterable[int] = ()
    ) -> None:
        """Take tickets of the feed, each in place of what was known of it, and forget
        those that are gone. Raises FeedError; nothing is changed then."""
        read = [(read_ticket(values), values) for values in tickets]
        with self._transaction():
            generation = int(self.store.meta("generation") or 0)
            for ticket, values in read:
                body = json.dumps(values, ensure_ascii=False, separators=(",", ":"))
                self.store.put_ticket(ticket, body, generation)
            for ticket_id in gone:
                self.store.drop_ticket(ticket_id)

    def state(self) -> dict[str, object]:
        """What a heartbeat tells about the copy and what came of it."""
        return {
            "decides": self.config.decides,
            "copy_at": self.store.meta("copy_at"),
            "conflicts": self.store.conflict_count(),
        }

    def begin(self, born: str) -> None:
        """Count what this device does from now on, if it does not yet."""
        if self.store.meta("born") is None:
            with self._transaction():
                self.store.set_meta("born", born)

    def new_generation(self) -> None:
        """A full copy begins; the old one is used until it is complete."""
        with self._transaction():
            number = int(self.store.meta("generation") or 0)
            self.store.set_meta("generation", str(number + 1))

    def end_page(
        self, cursor: str, gone: Iterable[int], complete: datetime | None
    ) -> None:
        """A page is in. `complete`: as of when the copy is complete, if it is."""
        with self._transaction():
            for ticket_id in gone:
                self.store.drop_ticket(ticket_id)
            self.store.set_meta("cursor", cursor)
            if complete is not None:
                self.store.set_meta("copy_at", iso(complete))

    def drop_stale(self, limit: int) -> int:
        """Forget at most `limit` tickets that the newest full copy does not have.
        Returns how many."""
        generation = int(self.store.meta("generation") or 0)
        with self._transaction():
            return self.store.drop_older(generation, limit)

    def forget_copy(self) -> None:
        """The device may no longer decide: keep no tickets."""
        if self.store.meta("born") is not None:
            with self._transaction():
                self.store.forget_all()

    # -- scans ----

    def read(self, kind: str, value: str) -> Read:
        """Tell what was read; `kind` is `auto` or what the reader says it is."""
        return self.store.codes.read(kind, value)

    def decide(
        self,
        read: Read,
        lane: str,
        direction: Direction,
        now: datetime,
        request_id: str | None = None,
        by: DecidedBy = DecidedBy.SITE,
    ) -> Outcome:
        """Decide and reserve. The same request_id gets the first answer again."""
        with self._transaction():
            return self.decide_within(
                read, lane, direction, now, request_id or str(uuid.uuid4()), by
            )

    def decide_within(
        self,
        read: Read,
        lane: str,
        direction: Direction,
        now: datetime,
        request_id: str,
        by: DecidedBy,
    ) -> Outcome:
        """As `decide`, as a part of the caller's transaction."""
        known = self.known(request_id)
        if known is not None:
            return known
        draft = self._draft(read, lane, direction, now, by)
        outcome = self._outcome(request_id, draft, lane)
        self._keep(request_id, draft, outcome, read, lane, direction, now, by)
        return outcome

    def known(self, request_id: str) -> Outcome | None:
        """The decision on this request, if there was one."""
        kept = self.store.decision(request_id)
        if kept is None or not kept.answer:
            return None
        return _read_outcome(request_id, kept.answer)

    def refuse_within(
        self,
        code: str,
        read: Read,
        lane: str,
        direction: Direction,
        now: datetime,
        request_id: str,
    ) -> Outcome:
        """Refuse without a look at the ticket. Part of the caller's transaction."""
        draft = _Draft(code, Facts())
        outcome = self._outcome(request_id, draft, lane)
        by = DecidedBy.SITE
        self._keep(request_id, draft, outcome, read, lane, direction, now, by)
        return outcome

    def annul_within(self, request_id: str, lane: str, now: datetime) -> None:
        """Refuse a request that may still be on its way, as a part of the caller's
        transaction: it must not reserve anything afterwards."""
        draft = _Draft("VOID", Facts(annulled=True))
        outcome = self._outcome(request_id, draft, lane)
        answer = _write_outcome(outcome)
        kept = Kept(
            lane, Direction.IN.value, None, again=False, passes=0, answer=answer
        )
        self.store.keep_decision(request_id, now, kept)

    def _draft(
        self, read: Read, lane_code: str, direction: Direction, now: datetime, by: str
    ) -> _Draft:
        facts = Facts(shared=read.kind in SHARED)
        lane = self.config.lane.get(lane_code)
        if lane is None or lane.site not in self.config.site:
            return _Draft("LANE_UNKNOWN", facts)
        told = self.store.lanes.get(lane_code)
        mode = told.mode_at(now) if told else None
        if mode in (LaneMode.LOCKED, LaneMode.EMERGENCY):
            return _Draft("LANE_CLOSED", facts)
        if (
            direction is not Direction.IN
            or lane.direction == "out"
            or mode is LaneMode.EXIT
        ):
            return _Draft("WRONG_DIRECTION", facts)
        if read.forged:
            return _Draft("FORGED", facts)
        if now < self._clock() - CLOCK_SLACK:
            return _Draft("CLOCK", facts)
        if by == DecidedBy.OFFLINE and (
            read.kind is not ReadKind.UNKNOWN
            and read.kind not in self.config.offline.kinds
        ):
            return _Draft("KIND_OFFLINE", facts)
        place = Place.at(self.config, lane, now)
        found = self.store.candidates(read.lookup) if read.lookup else []
        if not found and read.signed:
            newer = self.store.by_number(read.signed.number)
            if newer is None:
                return self._unsynced(read, place, facts)
            found = [newer]
        judged = judge(self.config, place, found)
        if judged is None:
            return _Draft("UNKNOWN", facts)
        return self._of_ticket(judged, place, facts.shared)

    def _clock(self) -> datetime:
        """The newest time that is certain to have been, to `CLOCK_STEP`."""
        return self.store.clock or _LONG_AGO

    def _of_ticket(self, judged: Judged, place: Place, shared: bool) -> _Draft:
        ticket, right = judged.candidate.ticket, judged.right
        component = self.config.component.get(right.component) if right else None
        facts = judged.facts
        facts.shared, facts.ticket = shared, ticket.name
        facts.persons, facts.left = ticket.sold, judged.free
        if component is not None:
            facts.product = component.gate_name or component.name.zh
        elif ticket.product is not None:
            facts.product = ticket.product.zh
            facts.left = sum(
                each.total
                - judged.candidate.used(each)
                - judged.candidate.held(each)
                - each.refunded
                for each in ticket.rights
                if not each.unlimited
            )
        draft = _Draft(
            judged.code,
            facts,
            right=right.id if right else None,
            ticket_id=ticket.id,
            passes=judged.passes,
            again=judged.again,
            staff=ticket.kind == "staff",
            flag=judged.flag,
        )
        self._make_room(draft, place)
        return draft

    def _make_room(self, draft: _Draft, place: Place) -> None:
        """Admit no more people than there is room for inside."""
        lane = place.lane
        if draft.code != "ADMIT":
            draft.passes = 0
        elif lane.counted and lane.into and not draft.staff:
            draft.code, draft.passes = self._room(
                lane, place.now, draft.passes, draft.facts
            )
            draft.pools = tuple(lane.into) if draft.passes else ()
        if draft.facts.left is not None and not draft.again:
            draft.facts.left -= draft.passes

    def _room(
        self, lane: Lane, now: datetime, wanted: int, facts: Facts
    ) -> tuple[str, int]:
        least: tuple[int, int] | None = None
        for pool_id in lane.into:
            pool = self.config.pool.get(pool_id)
            if pool is None:
                continue
            inside, held = self.store.pool(pool_id, self._pool_day(pool_id, now))
            taken = max(0, inside) + held
            most = pool.capacity
            if pool.stop_at is not None:
                most = min(most, pool.stop_at)
            if least is None or (most - taken, pool_id) < least:
                least = (most - taken, pool_id)
        if least is None:
            return "ADMIT", wanted
        free, pool_id = least
        if free >= 1:
            return "ADMIT", min(wanted, free)
        pool = self.config.pool[pool_id]
        inside, held = self.store.pool(pool_id, self._pool_day(pool_id, now))
        if pool.capacity - max(0, inside) - held < 1 or pool.level is None:
            return "PARK_FULL", 0
        facts.names = [pool.level]
        return "ENTRY_STOPPED", 0

    def _pool_day(self, pool_id: int, now: datetime) -> date:
        pool = self.config.pool.get(pool_id)
        site = self.config.site.get(pool.site) if pool else None
        return (now.astimezone(site.zone) if site else now).date()

    def _unsynced(self, read: Read, place: Place, facts: Facts) -> _Draft:
        """A genuine QR whose ticket is not in the copy: sold since, or so old or far
        away that the copy need not have it. It opens what the QR itself says."""
        signed, offline = read.signed, self.config.offline
        assert signed is not None
        here = [
            each
            for each in self.config.components
            if each.site == place.site.id and each.product_class == signed.product_class
        ]
        if not signed.is_open(place.day) or not here or not offline.admit_unsynced:
            return _Draft("UNKNOWN", facts)
        day = place.site.days.get(place.day)
        if day is not None and day.open is not None:
            if len(day.open) != 2:
                return _Draft("CLOSED_TODAY", facts)
            facts.minute_from, facts.minute_to = day.open
            if place.minute < facts.minute_from:
                return _Draft("TOO_EARLY", facts)
            if place.minute >= facts.minute_to:
                return _Draft("TOO_LATE", facts)
        own = self.store.own(-signed.number)
        facts.ticket, facts.persons = f"{signed.number:010d}", signed.persons
        facts.product = here[0].gate_name or here[0].name.zh
        facts.left = max(0, signed.persons - own.used - own.held)
        draft = _Draft("ADMIT", facts, right=-signed.number, unsynced=True)
        if not facts.left:
            draft.code = "IN_USE" if own.held else "USED"
            self._tell_use(own, facts)
        elif self._unsynced_left() < 1:
            draft.code = "OFFLINE"
        draft.passes = facts.left
        if draft.code == "ADMIT":
            draft.passes = min(facts.left, self._unsynced_left())
        self._make_room(draft, place)
        return draft

    def _unsynced_left(self) -> int:
        """How many more people may come in by a QR alone, until the next sync."""
        since = self.store.meta("copy_at") or ""
        return self.config.offline.max_unsynced - self.store.unsynced_since(since)

    def _tell_use(self, own: Own, facts: Facts) -> None:
        last = max(own.passes, key=lambda each: each.at, default=None)
        if last is not None:
            lane = self.config.lane.get(last.lane)
            facts.used_at = last.at
            facts.where = [lane.gate.name, lane.name] if lane else []

    def _outcome(self, request_id: str, draft: _Draft, lane: str) -> Outcome:
        facts = draft.facts
        facts.again = draft.again
        known = self.config.lane.get(lane)
        site = self.config.site.get(known.site) if known else None
        text, remedy = texts.describe(
            draft.code, draft.passes, facts, site.zone if site else _UTC
        )
        admit = draft.code == "ADMIT"
        decision = Decision(
            verdict=Verdict.ADMIT if admit else Verdict.DENY,
            code=draft.code,
            text=text,
            remedy=remedy,
            passes=draft.passes if admit else 0,
            product=facts.product,
        )
        return Outcome(request_id, decision, facts)

    def _keep(
        self,
        request_id: str,
        draft: _Draft,
        outcome: Outcome,
        read: Read,
        lane: str,
        direction: Direction,
        now: datetime,
        by: DecidedBy,
    ) -> None:
        """Reserve, remember and queue for the server."""
        passes = outcome.decision.passes
        self.store.keep_decision(
            request_id,
            now,
            Kept(
                lane=lane,
                direction=direction.value,
                right=draft.right if passes else None,
                again=draft.again,
                passes=passes,
                counted=not draft.staff,
                answer=_write_outcome(outcome),
            ),
            unsynced=draft.unsynced and passes > 0,
        )
        if now > self._clock() + CLOCK_STEP:
            self.store.set_clock(now)
        extra: dict[str, object] = {"mode": by.value}
        if not passes:
            extra |= {"code": draft.code, "credential_kind": read.kind.value}
            if draft.right is not None and draft.right > 0:
                extra["right"] = draft.right
            self._enqueue(lane, "refused", iso(now), direction=direction, extra=extra)
            return
        assert draft.right is not None
        self.store.move_right(
            draft.right,
            draft.ticket_id,
            held=0 if draft.again else passes,
            again_held=passes if draft.again else 0,
        )
        extra |= {"count": passes, "again": draft.again}
        if draft.unsynced:
            extra["credential"] = {"kind": "qr", "value": read.text}
        else:
            extra["right"] = draft.right
        event_id = self._enqueue(
            lane,
            "admitted",
            iso(now),
            direction=direction,
            request_id=request_id,
            extra=extra,
            on_the_wire=True,
        )
        for pool in draft.pools:
            day = self._pool_day(pool, now)
            self.store.move_pool(event_id, pool, day, 0, passes)

    def admitted_by_server(
        self,
        request_id: str,
        lane: str,
        direction: Direction,
        decision: Decision,
        at: datetime,
    ) -> None:
        """Count an admission of the server, as a part of the caller's transaction:
        what the feed says is of others only."""
        if self.store.meta("born") is None or not decision.ticket.isdecimal():
            return
        ticket = self.store.by_name(decision.ticket)
        right = decision.right or self._right_of(ticket, lane)
        if right is None:
            # its ticket is not in the copy yet
            right = -int(decision.ticket)
        self.store.keep_decision(
            request_id,
            at,
            Kept(
                lane=lane,
                direction=direction.value,
                right=right,
                again=decision.again,
                passes=decision.passes,
                counted=ticket is None or ticket.kind != "staff",
            ),
        )
        self.store.move_right(
            right,
            ticket.id if ticket else None,
            held=0 if decision.again else decision.passes,
            again_held=decision.passes if decision.again else 0,
        )

    def _right_of(self, ticket: Ticket | None, lane_code: str) -> int | None:
        """The right of a ticket at the place that a lane leads into."""
        lane = self.config.lane.get(lane_code)
        if ticket is None or lane is None:
            return None
        here = [each.id for each in ticket.rights if each.site == lane.site]
        return here[0] if here else None

    # -- what happened afterwards ----

    def passed(self, request_id: str, count: int, now: datetime) -> None:
        """`count` people of an admission went through."""
        self._report(request_id, "passed", count, now)

    def annulled(self, request_id: str, count: int | None, now: datetime) -> None:
        """Give back `count` reserved entries; None: all that are left."""
        kept = self.store.decision(request_id)
        left = kept.left if kept else 0
        self._report(request_id, "annulled", left if count is None else count, now)

    def _report(self, request_id: str, kind: str, count: int, now: datetime) -> None:
        kept = self.store.decision(request_id)
        with self._transaction():
            self._enqueue(
                kept.lane if kept else "",
                kind,
                iso(now),
                direction=Direction(kept.direction) if kept else Direction.IN,
                request_id=request_id,
                extra={"count": count},
            )

    def exit(
        self, lane: str, now: datetime, count: int = 1, read: Read | None = None
    ) -> None:
        """`count` people left by a lane, with the code they showed, if any."""
        with self._transaction():
            self._enqueue(
                lane,
                "exit",
                iso(now),
                direction=Direction.OUT,
                extra={"count": count},
            )
            if read is not None and read.lookup:
                self.counted_out(read.lookup, lane, count, now)

    def reported(
        self,
        event_id: str,
        kind: str,
        lane: str,
        direction: Direction,
        request_id: str | None,
        count: int | None,
        at: datetime,
    ) -> None:
        """A fact was queued for the server: move the counts with it. Part of the
        caller's transaction."""
        if kind in ("passed", "annulled") and request_id is not None:
            self._end(event_id, kind, lane, direction, request_id, count, at)
        elif kind in ("exit", "entry"):
            self._move_people(event_id, lane, direction, count or 0, 0, at)

    def _end(
        self,
        event_id: str,
        kind: str,
        lane: str,
        direction: Direction,
        request_id: str,
        count: int | None,
        at: datetime,
    ) -> None:
        kept = self.store.decision(request_id)
        if kept is None or kept.right is None:
            # nothing is known of this admission: only people move
            if kind == "passed":
                self._move_people(event_id, lane, direction, count or 0, 0, at)
            return
        people = kept.left if count is None else count
        released = min(people, kept.left)
        passed = kind == "passed"
        self.store.end_people(
            request_id,
            passed=people if passed else 0,
            annulled=0 if passed else released,
        )
        used = 0 if kept.again or not passed else people
        self.store.move_right(
            kept.right,
            used=used,
            held=0 if kept.again else -released,
            again_held=-released if kept.again else 0,
            first_at=at if passed else None,
        )
        if passed:
            self.store.keep_pass(kept.right, OwnPass(at, people, used, lane))
        moved = people if passed and kept.counted else 0
        if kept.counted:
            self._move_people(event_id, lane, direction, moved, -released, at)

    def _move_people(
        self,
        event_id: str,
        lane_code: str,
        direction: Direction,
        people: int,
        held: int,
        at: datetime,
    ) -> None:
        lane = self.config.lane.get(lane_code)
        if lane is None or not lane.counted:
            return
        step = 1 if direction is Direction.IN else -1
        moves = [(pool, step * people, held) for pool in lane.into]
        moves += [(pool, -step * people, 0) for pool in lane.out_of]
        for pool, inside, on_the_way in moves:
            if inside or on_the_way:
                day = self._pool_day(pool, at)
                self.store.move_pool(event_id, pool, day, inside, on_the_way)

    def counted_out(self, lookup: str, lane: str, count: int, at: datetime) -> None:
        """People showed a code when they left: of its tickets the one whose visitor
        is inside today. Part of the caller's transaction."""
        known = self.config.lane.get(lane)
        if known is None or known.site not in self.config.site:
            return
        start = Place.at(self.config, known, at).start
        rights = [
            (candidate, right)
            for candidate in self.store.candidates(lookup)
            for right in candidate.ticket.rights
            if right.site == known.site
        ]

        def rank(each: tuple[Any, Any]) -> tuple[bool, float, bool, int, int]:
            candidate, right = each
            today = [p for p in candidate.right(right).passes if p.at >= start]
            inside = sum(-p.people if p.exit else p.people for p in today)
            theirs = right.today
            if (
                theirs is not None
                and theirs.day == Place.at(self.config, known, at).day
            ):
                inside += theirs.entered - theirs.gone
            last = max((p.at.timestamp() for p in today), default=0.0)
            active = candidate.medium in ("active", "frozen")
            return (inside <= 0, -last, not active, candidate.ticket.id, right.id)

        if rights:
            _candidate, right = min(rights, key=rank)
            self.store.keep_pass(right.id, OwnPass(at, count, 0, lane, exit=True))

    # -- what the server says of lanes, people inside, and the time ----

    def told_lanes(self, lanes: Sequence[ToldLane]) -> None:
        """Take what a heartbeat answer says of the lanes."""
        if {each.lane: each for each in lanes} != self.store.lanes:
            with self._transaction():
                self.store.keep_lanes(lanes)

    def people_inside(self, now: datetime) -> dict[int, tuple[int, int]]:
        """People inside, and admitted on their way, of each limited place."""
        return {
            pool: self.store.pool(pool, self._pool_day(pool, now))
            for pool in self.config.pool
        }

    def told_inside(self, inside: dict[str, Any], now: datetime) -> None:
        """Take the counts of people inside of a heartbeat answer."""
        with self._transaction():
            for text, counts in inside.items():
                pool = int(text) if text.isdecimal() else 0
                if pool not in self.config.pool or not isinstance(counts, dict):
                    continue
                people, held = counts.get("inside"), counts.get("held")
                if type(people) is not int or type(held) is not int:
                    continue
                day = self._pool_day(pool, now)
                more, more_held = self.store.unconfirmed(pool, day)
                self.store.set_pool(pool, day, people + more, max(0, held + more_held))

    def told_time(self, server: datetime, now: datetime) -> None:
        """Compare clocks: a clock that agrees with the server's is right, whatever the
        journal says; one that is behind it makes local decisions stop (CLOCK)."""
        agrees = abs(server - now) <= CLOCK_SLACK
        if agrees or server > self._clock():
            with self._transaction():
                self.store.set_clock(min(server, now) if agrees else server)


_UTC = ZoneInfo("UTC")
_LONG_AGO = datetime(2020, 1, 1, tzinfo=_UTC)


def _write_outcome(outcome: Outcome) -> str:
    decision, facts = outcome.decision, outcome.facts
    return json.dumps(
        {
            "verdict": decision.verdict.value,
            "code": decision.code,
            "text": {"en": decision.text.en, "zh": decision.text.zh},
            "remedy": {"en": decision.remedy.en, "zh": decision.remedy.zh},
            "passes": decision.passes,
            "product": decision.product,
            "ticket": facts.ticket,
            "persons": facts.persons,
            "left": facts.left,
            "again": facts.again,
        },
        ensure_ascii=False,
    )


def _read_outcome(request_id: str, kept: str) -> Outcome:
    values = json.loads(kept)
    decision = Decision(
        verdict=Verdict(values["verdict"]),
        code=values["code"],
        text=Text(**values["text"]),
        remedy=Text(**values["remedy"]),
        passes=values["passes"],
        product=values["product"],
    )
    facts = Facts(
        ticket=values["ticket"],
        product=values["product"],
        persons=values["persons"],
        left=values["left"],
        again=values["again"],
    )
    return Outcome(request_id, decision, facts, repeat=True)
