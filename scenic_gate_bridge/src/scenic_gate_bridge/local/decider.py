"""Decides on scans without the server, and keeps what it has reserved.

`JournalDb.local` is the decider of a journal. By itself:

    decider = LocalDecider.in_memory()
    decider.load_config(config)                  # as a config answer has it
    decider.load_feed(tickets)                   # as a sync answer has them
    read = decider.read("auto", "T1…")           # or Read(ReadKind.QR, lookup)
    outcome = decider.decide(read, "L1", Direction.IN, now)
    decider.passed(outcome.request_id, 1, now)
    decider.annulled(outcome.request_id, None, now)
    decider.exit("X1", now, credential={"kind": "auto", "value": "T1…"})
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from ..model import Decision, Direction, LaneMode, Verdict, iso, new_id
from . import texts
from .case import Judged, Own, Place
from .counts import Counts
from .facts import Facts
from .feed import Lane
from .keeping import CLOCK_SLACK
from .outcome import DecidedBy, Outcome, read_outcome, write_outcome
from .own_books import Kept
from .reads import Read, ReadKind, SignedTicket
from .rules import judge

CLOCK_STEP = timedelta(seconds=5)
SHARED = (ReadKind.IC_CARD, ReadKind.ID_DOCUMENT)
_UTC = ZoneInfo("UTC")


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


class LocalDecider(Counts):
    """All public methods that change something are one transaction each."""

    @classmethod
    def in_memory(cls) -> LocalDecider:
        """A decider with an empty store that ends with it."""
        from ..journal.db import JournalDb
        from ..journal.tables import IN_MEMORY

        return JournalDb(IN_MEMORY).local

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
        request_id = request_id or new_id()
        with self._transaction():
            return self.known(request_id) or self.decide_within(
                read, lane, direction, now, request_id, by
            )

    def decide_within(
        self,
        read: Read,
        lane: str,
        direction: Direction,
        now: datetime,
        request_id: str,
        by: DecidedBy,
        *,
        repeats: bool = True,
        in_journal: bool = False,
    ) -> Outcome:
        """Decide on a request that is new, as a part of the caller's transaction.
        `repeats`: the answer is kept for whoever asks the same again. `in_journal`: the
        caller keeps `decision.right` with the admission, where it is not None."""
        draft = self._draft(read, lane, direction, now, by)
        outcome = self._outcome(request_id, draft, lane)
        answer = write_outcome(outcome) if repeats else ""
        if not in_journal or draft.unsynced:
            self._remember(request_id, draft, outcome, answer, lane, direction, now)
        self._keep(request_id, draft, outcome, read, lane, direction, now, by)
        return outcome

    def known(self, request_id: str) -> Outcome | None:
        """The decision on this request, if there was one."""
        kept = self.store.decision(request_id)
        if kept is None or not kept.answer:
            return None
        return read_outcome(request_id, kept.answer)

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
        answer = write_outcome(outcome)
        by = DecidedBy.SITE
        self._remember(request_id, draft, outcome, answer, lane, direction, now)
        self._keep(request_id, draft, outcome, read, lane, direction, now, by)
        return outcome

    def annul_within(self, request_id: str, lane: str, now: datetime) -> None:
        """Refuse a request that may still be on its way, as a part of the caller's
        transaction: it must not reserve anything afterwards."""
        draft = _Draft("VOID", Facts(annulled=True))
        outcome = self._outcome(request_id, draft, lane)
        answer = write_outcome(outcome)
        kept = Kept(
            lane, Direction.IN.value, None, again=False, passes=0, answer=answer
        )
        self.store.keep_decision(request_id, now, kept)

    def _draft(
        self, read: Read, lane_code: str, direction: Direction, now: datetime, by: str
    ) -> _Draft:
        config = self.config
        shared = read.kind in SHARED

        def refused(code: str) -> _Draft:
            return _Draft(code, Facts(shared=shared))

        lane = config.lane.get(lane_code)
        if lane is None or lane.site not in config.site:
            return refused("LANE_UNKNOWN")
        told = self.store.lanes.get(lane_code)
        mode = told.mode_at(now) if told else None
        if mode in (LaneMode.LOCKED, LaneMode.EMERGENCY):
            return refused("LANE_CLOSED")
        if (
            direction is not Direction.IN
            or lane.direction == "out"
            or mode is LaneMode.EXIT
        ):
            return refused("WRONG_DIRECTION")
        if now < self._clock() - CLOCK_SLACK:
            return refused("CLOCK")
        if by == DecidedBy.OFFLINE and (
            read.kind is not ReadKind.UNKNOWN and read.kind not in config.offline.kinds
        ):
            return refused("KIND_OFFLINE")
        place = Place.at(config, lane, now)
        found = self.store.candidates(read.lookup) if read.lookup else []
        if not found and read.kind is ReadKind.QR:
            signed = self.store.codes.signed(read)
            if signed is None:
                return refused("FORGED")
            newer = self.store.by_number(signed.number)
            if newer is None:
                return self._unsynced(signed, place, Facts(shared=shared))
            found = [newer]
        judged = judge(config, place, found)
        if judged is None:
            return refused("UNKNOWN")
        return self._of_ticket(judged, place, shared)

    def _of_ticket(self, judged: Judged, place: Place, shared: bool) -> _Draft:
        ticket, right = judged.candidate.ticket, judged.right
        component = self.config.component.get(right.component) if right else None
        facts = judged.facts
        facts.shared, facts.ticket = shared, ticket.name
        facts.persons, facts.left = ticket.sold, judged.free
        if component is not None:
            facts.product = component.gate_name or component.name.zh
        elif ticket.product is not None:
            facts.product = ticket.product
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

    def _unsynced(self, signed: SignedTicket, place: Place, facts: Facts) -> _Draft:
        """A genuine QR whose ticket is not in the copy: sold since, or so old or far
        away that the copy need not have it. It opens what the QR itself says."""
        offline = self.config.offline
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
        own = self.store.own_of_number(signed.number)
        facts.ticket, facts.persons = f"{signed.number:010d}", signed.persons
        facts.product = here[0].gate_name or here[0].name.zh
        facts.left = max(0, signed.persons - own.used - own.held)
        unknown = -signed.number
        draft = _Draft("ADMIT", facts, right=unknown, ticket_id=unknown, unsynced=True)
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
        since = self.store.copy_at
        used = self.store.unsynced_since(iso(since) if since else "")
        return self.config.offline.max_unsynced - used

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
            ticket=facts.ticket or "",
            right=draft.right if admit and not draft.unsynced else None,
        )
        return Outcome(request_id, decision, facts, counted=not draft.staff)

    def _remember(
        self,
        request_id: str,
        draft: _Draft,
        outcome: Outcome,
        answer: str,
        lane: str,
        direction: Direction,
        now: datetime,
    ) -> None:
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
                answer=answer,
            ),
            unsynced=draft.unsynced and passes > 0,
        )

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
        """Reserve and queue for the server."""
        passes = outcome.decision.passes
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
        moves = [
            self.store.move_pool(pool, self._pool_day(pool, now), 0, passes)
            for pool in draft.pools
        ]
        extra |= {"count": passes, "again": draft.again}
        if draft.unsynced:
            extra["credential"] = {"kind": "qr", "value": read.text}
        else:
            extra["right"] = draft.right
        self._enqueue(
            lane,
            "admitted",
            iso(now),
            direction=direction,
            request_id=request_id,
            extra=extra,
            on_the_wire=True,
            moves=moves,
        )
