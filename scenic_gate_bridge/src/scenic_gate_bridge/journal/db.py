"""The journal's tables and the only statements that touch them.

Everything here is synchronous and belongs to one thread. Each public method that
writes is one transaction with `synchronous=FULL`: when it returns, its state change,
its outbox rows and its log row are on the disk together; when it raises, none is.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ..model import (
    Decision,
    Direction,
    LaneMode,
    ModeSource,
    PlannedMode,
    Scan,
    iso,
)
from .rows import LaneState, Log, LogRow, OutboxRow
from .steps import Steps
from .tables import OPEN, PART


@dataclass(slots=True)
class JournalDb(Steps):
    """An open journal file."""

    # -- facts without an admission, refusals, settings -------------------------------

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Steps that are one: `keep_fact`, and those of `local` whose names end in
        `_within`."""
        with self._transaction():
            yield

    def has_fact(self, event_id: str) -> bool:
        """Whether a fact is kept under this id."""
        row = self._con.execute(
            "SELECT 1 FROM outbox WHERE event_id = ?", (event_id,)
        ).fetchone()
        return row is not None

    def keep_fact(
        self,
        event_id: str,
        lane: str,
        kind: str,
        at: datetime,
        *,
        direction: Direction,
        request_id: str | None,
        count: int | None,
        assumed: bool,
        note: str,
        credential: Mapping[str, str] | None,
        photo: str | None,
    ) -> None:
        """Queue a fact of a client of this site server. Part of the caller's
        transaction."""
        self._enqueue(
            lane,
            kind,
            iso(at),
            direction=direction,
            request_id=request_id,
            count=count,
            assumed=assumed,
            note=note,
            event_id=event_id,
            credential=credential,
            extra={"photo": photo} if photo else None,
            on_the_wire=True,
        )

    def lane_event(
        self,
        lane: str,
        kind: str,
        direction: Direction,
        at: datetime,
        *,
        request_id: str | None = None,
        count: int = 1,
        note: str = "",
        photo: str = "",
    ) -> None:
        """An exit, a free entry, an alarm or a change of a link: recorded and
        reported. `count` persons, where the kind counts persons. `photo`: under which
        name a picture of it may lie on this machine."""
        stamp = iso(at)
        with self._transaction():
            self._enqueue(
                lane,
                kind,
                stamp,
                direction=direction,
                request_id=request_id,
                count=count,
                note=note,
                extra={"photo": photo} if photo else None,
            )
            log = Log(kind, request_id, direction, count=count, note=note, photo=photo)
            self._log(lane, stamp, log)

    def refused(self, scan: Scan, decision: Decision, at: datetime) -> None:
        """Who was admitted is refused all the same: recorded and reported."""
        stamp = iso(at)
        with self._transaction():
            self._enqueue(
                scan.lane,
                "refused",
                stamp,
                direction=scan.direction,
                extra={"code": decision.code},
            )
            log = Log(
                "denied", None, scan.direction, scan.code.digest, decision=decision
            )
            self._log(scan.lane, stamp, log)

    def note(
        self,
        lane: str,
        phase: str,
        at: datetime,
        *,
        scan: Scan | None = None,
        decision: Decision | None = None,
        direction: Direction | None = None,
        note: str = "",
    ) -> None:
        """A line of the lane log about which the server need not know."""
        digest = scan.code.digest if scan else ""
        with self._transaction():
            self._log(
                lane,
                iso(at),
                Log(
                    phase,
                    None,
                    scan.direction if scan else direction,
                    digest,
                    decision,
                    note=note,
                ),
            )

    def next_seq(self) -> int:
        """A fresh message number for a heartbeat."""
        with self._transaction():
            return self._next_seq()

    def lane_states(self) -> dict[str, LaneState]:
        """Mode, emergency and planned modes of every lane that ever had one set."""
        return {
            lane: LaneState(
                LaneMode(mode),
                bool(emergency),
                tuple(
                    PlannedMode(
                        datetime.fromisoformat(item["at"]), LaneMode(item["mode"])
                    )
                    for item in json.loads(plan)
                ),
            )
            for lane, mode, emergency, plan in self._con.execute(
                "SELECT lane, mode, emergency, plan FROM lane_state"
            )
        }

    def set_mode(
        self,
        lane: str,
        mode: LaneMode,
        by: ModeSource,
        direction: Direction,
        at: datetime,
    ) -> None:
        """Remember the lane's new mode; report it with by whom it was set."""
        stamp, note = iso(at), f"{mode} by {by}"
        with self._transaction():
            self._con.execute(
                "INSERT INTO lane_state (lane, mode) VALUES (?, ?)"
                " ON CONFLICT (lane) DO UPDATE SET mode = excluded.mode",
                (lane, mode.value),
            )
            self._enqueue(lane, "mode", stamp, direction=direction, note=note)
            self._log(lane, stamp, Log("mode", note=note))

    def set_plan(self, lane: str, plan: Sequence[PlannedMode]) -> None:
        """Remember the changes of mode that are to come."""
        text = json.dumps([{"at": iso(p.at), "mode": p.mode.value} for p in plan])
        with self._transaction():
            self._con.execute(
                "INSERT INTO lane_state (lane, plan) VALUES (?, ?)"
                " ON CONFLICT (lane) DO UPDATE SET plan = excluded.plan",
                (lane, text),
            )

    def set_emergency(
        self, lane: str, on: bool, direction: Direction, at: datetime
    ) -> None:
        """Remember that the lane is, or no longer is, in emergency; report it."""
        stamp = iso(at)
        kind = "emergency" if on else "emergency_over"
        with self._transaction():
            self._con.execute(
                "INSERT INTO lane_state (lane, emergency) VALUES (?, ?)"
                " ON CONFLICT (lane) DO UPDATE SET emergency = excluded.emergency",
                (lane, int(on)),
            )
            self._enqueue(lane, kind, stamp, direction=direction)
            self._log(lane, stamp, Log(kind))

    # -- outbox ---------------------------------------------------------------------

    def waiting(self, limit: int, skip: Iterable[str] = ()) -> list[OutboxRow]:
        """The oldest facts that have no answer yet, in order, without `skip`."""
        skipped = set(skip)
        rows = self._con.execute(
            "SELECT id, event_id, lane, body FROM outbox WHERE answer IS NULL"
            " ORDER BY id LIMIT ?",
            (limit + len(skipped),),
        )
        found = [
            OutboxRow(row[0], row[1], row[2], json.loads(row[3]))
            for row in rows
            if row[1] not in skipped
        ]
        return found[:limit]

    def answered(
        self,
        answers: Sequence[tuple[str, str]],
        at: datetime,
        conflicts: Sequence[tuple[str | int, ...]] = (),
    ) -> None:
        """The server has kept these facts: (event_id, its code for it), and what it
        could not reconcile of them. A code that a visitor showed lies here until then,
        and no longer."""
        stamp = iso(at)
        with self._transaction():
            self.local.store.confirmed(event_id for event_id, _code in answers)
            self._con.executemany(
                "UPDATE outbox SET answer = ?, answered_at = ?,"
                " body = json_remove(body, '$.credential')"
                " WHERE event_id = ? AND answer IS NULL",
                [(code, stamp, event_id) for event_id, code in answers],
            )
            self.local.store.keep_conflicts(
                [(first, stamp, *rest) for first, *rest in conflicts]
            )

    def counts(self) -> tuple[int, int]:
        """How many facts wait for the server; how many admissions are not finished."""
        outbox: int = self._con.execute(
            "SELECT count(*) FROM outbox WHERE answer IS NULL"
        ).fetchone()[0]
        unresolved: int = self._con.execute(
            f"SELECT count(*) FROM journal WHERE {OPEN}"
        ).fetchone()[0]
        return outbox, unresolved

    def oldest_waiting(self) -> str | None:
        """Since when the oldest fact without an answer waits."""
        row = self._con.execute(
            "SELECT created_at FROM outbox WHERE answer IS NULL ORDER BY id LIMIT 1"
        ).fetchone()
        return None if row is None else str(row[0])

    # -- looking back ---------------------------------------------------------------

    def recent(self, lane: str, limit: int) -> list[LogRow]:
        """The newest lines of a lane's log, newest first."""
        parts = self._con.execute(
            "SELECT part FROM lane_log_part WHERE lane = ? ORDER BY part DESC", (lane,)
        )
        found: list[LogRow] = []
        while len(found) < limit and (row := parts.fetchone()) is not None:
            first = row[0] << PART
            lines = self._con.execute(
                "SELECT id, at, lane, phase, request_id, direction, code_hash, code,"
                " text_en, text_zh, remedy_en, remedy_zh, product, count, assumed,"
                " note, photo"
                " FROM lane_log WHERE id >= ? AND id < ? AND lane = ?"
                " ORDER BY id DESC LIMIT ?",
                (first, first + (1 << PART), lane, limit - len(found)),
            )
            found += [LogRow(*line) for line in lines]
        return found

    def prune(self, days: int, at: datetime) -> int:
        """Forget finished admissions, answered facts and log lines older than `days`.
        Nothing that still has to reach the server is touched."""
        before = iso(at.astimezone(UTC) - timedelta(days=days))
        with self._transaction():
            # the fact that has the newest number may be among them
            self._write_seq()
            gone = 0
            for statement in (
                f"DELETE FROM journal WHERE changed_at < ? AND NOT {OPEN}",
                "DELETE FROM outbox WHERE answered_at < ? AND answer IS NOT NULL",
                "DELETE FROM lane_log WHERE at < ?",
            ):
                gone += self._con.execute(statement, (before,)).rowcount
            self._con.execute(
                "DELETE FROM lane_log_part WHERE part < ifnull("
                "(SELECT min(id) >> ? FROM lane_log), part + 1)",
                (PART,),
            )
            self._parts.clear()
            gone += self.local.store.prune(before, at)
        return gone
