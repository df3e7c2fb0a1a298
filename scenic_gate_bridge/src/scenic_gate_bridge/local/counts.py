"""Counts what this device did: entries reserved and used, people inside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any

from ..model import Decision, Direction, iso
from .case import OwnPass, Place, day_at
from .keeping import Keeping
from .own_books import Kept
from .store import Move


class Counts(Keeping):
    """The part of a decider that counts what became of its decisions."""

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
        right = decision.right
        if self.store.meta("born") is None or not decision.ticket.isdecimal():
            return
        if right is None:
            # of a site server that saw its QR only: who asks one has no copy
            return
        ticket = self.store.by_name(decision.ticket)
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
            # of a ticket that is not in the copy yet: see `own_of_number`
            ticket.id if ticket else -int(decision.ticket),
            held=0 if decision.again else decision.passes,
            again_held=decision.passes if decision.again else 0,
        )

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
        self,
        lane: str,
        now: datetime,
        count: int = 1,
        credential: Mapping[str, str] | None = None,
    ) -> None:
        """`count` people left by a lane. `credential`: kind and value of the code that
        they showed."""
        with self._transaction():
            self._enqueue(
                lane,
                "exit",
                iso(now),
                direction=Direction.OUT,
                credential=credential,
                extra={"count": count},
            )

    def reported(
        self,
        kind: str,
        lane: str,
        direction: Direction,
        request_id: str | None,
        count: int | None,
        at: datetime,
        credential: Mapping[str, str] | None,
    ) -> list[Move]:
        """A fact is queued for the server: move the counts with it. `credential`: what
        people showed who left. Returns how people inside moved, to be kept with the
        fact. Part of the caller's transaction."""
        if kind in ("passed", "annulled") and request_id is not None:
            return self._end(kind, lane, direction, request_id, count, at)
        if kind in ("exit", "entry") and not (
            credential is not None
            and self._counted_out(credential, lane, count or 0, at)
        ):
            return self._move_people(lane, direction, count or 0, 0, at)
        return []

    def _end(
        self,
        kind: str,
        lane: str,
        direction: Direction,
        request_id: str,
        count: int | None,
        at: datetime,
    ) -> list[Move]:
        kept = self.store.decision(request_id)
        if kept is None or kept.right is None:
            # nothing is known of this admission: only people move
            people = (count or 0) if kind == "passed" else 0
            return self._move_people(lane, direction, people, 0, at)
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
        if not kept.counted:
            return []
        return self._move_people(lane, direction, moved, -released, at)

    def _move_people(
        self,
        lane_code: str,
        direction: Direction,
        people: int,
        held: int,
        at: datetime,
    ) -> list[Move]:
        lane = self.config.lane.get(lane_code)
        if lane is None or not lane.counted:
            return []
        step = 1 if direction is Direction.IN else -1
        moves = [(pool, step * people, held) for pool in lane.into]
        moves += [(pool, -step * people, 0) for pool in lane.out_of]
        return [
            self.store.move_pool(pool, self._pool_day(pool, at), inside, on_the_way)
            for pool, inside, on_the_way in moves
            if inside or on_the_way
        ]

    def _counted_out(
        self, credential: Mapping[str, str], lane: str, count: int, at: datetime
    ) -> bool:
        """People showed a code when they left: of its tickets the one whose visitor
        is inside today. Returns whether it is a staff card, which is no visitor's."""
        lookup = self.store.codes.read(credential["kind"], credential["value"]).lookup
        known = self.config.lane.get(lane)
        if lookup is None or known is None or known.site not in self.config.site:
            return False
        start = Place.at(self.config, known, at).start
        candidates = self.store.candidates(lookup)
        rights = [
            (candidate, right)
            for candidate in candidates
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
            candidate, right = min(rights, key=rank)
            left = OwnPass(at, count, 0, lane, exit=True)
            self.store.keep_pass(right.id, left, candidate.ticket.id)
            return candidate.ticket.kind == "staff"
        return any(each.ticket.kind == "staff" for each in candidates)

    def _pool_day(self, pool_id: int, now: datetime) -> date:
        pool = self.config.pool.get(pool_id)
        site = self.config.site.get(pool.site) if pool else None
        return day_at(now.astimezone(UTC), site.zone) if site else now.date()

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
