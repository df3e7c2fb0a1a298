"""What this device itself did: its decisions, what they reserved, and what became of
them. The copy says what others did."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from datetime import datetime

from ..model import iso
from .case import NOTHING, Own, OwnPass


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision that was kept."""

    lane: str
    direction: str
    right: int | None
    again: bool
    passes: int
    ended: int = 0
    counted: bool = True
    answer: str = ""

    @property
    def left(self) -> int:
        """People whose end is not known."""
        return max(0, self.passes - self.ended)


class OwnBooks:
    """The tables of it, and the statements on them."""

    def __init__(self, con: sqlite3.Connection) -> None:
        self._con = con

    def own(self, right: int) -> Own:
        """What this device did with a right."""
        row = self._con.execute(
            "SELECT used, held, again_held, first_at FROM own_right WHERE id = ?",
            (right,),
        ).fetchone()
        if row is None:
            return NOTHING
        passes = [
            OwnPass(datetime.fromisoformat(at), people, used, lane, bool(is_exit))
            for at, people, used, lane, is_exit in self._con.execute(
                "SELECT at, people, used, lane, is_exit FROM own_pass WHERE right = ?",
                (right,),
            )
        ]
        used, held, again_held, first = row
        return Own(
            used,
            held,
            again_held,
            datetime.fromisoformat(first) if first else None,
            passes,
        )

    def own_of_number(self, number: int) -> Own:
        """What this device did with a ticket that is not in the copy: by its QR, and
        by what the server said."""
        rows = self._con.execute(
            "SELECT id FROM own_right WHERE ticket = ? AND ticket < 0", (-number,)
        ).fetchall()
        parts = [self.own(right) for (right,) in rows]
        return Own(
            used=sum(part.used for part in parts),
            held=sum(part.held for part in parts),
            passes=[each for part in parts for each in part.passes],
        )

    def move_right(
        self,
        right: int,
        ticket: int | None = None,
        *,
        used: int = 0,
        held: int = 0,
        again_held: int = 0,
        first_at: datetime | None = None,
    ) -> None:
        """Add to the counts of a right."""
        self._con.execute(
            "INSERT INTO own_right (id, ticket, used, held, again_held, first_at)"
            " VALUES (?1, ?2, ?3, max(0, ?4), max(0, ?5), ?6)"
            " ON CONFLICT (id) DO UPDATE SET used = used + ?3, held = held + ?4,"
            " again_held = again_held + ?5, first_at = ifnull(first_at, ?6)",
            (
                right,
                ticket,
                used,
                held,
                again_held,
                iso(first_at) if first_at else None,
            ),
        )

    def keep_pass(self, right: int, each: OwnPass, ticket: int | None = None) -> None:
        """Remember people who went through."""
        self._con.execute(
            "INSERT OR IGNORE INTO own_right (id, ticket) VALUES (?, ?)",
            (right, ticket),
        )
        self._con.execute(
            "INSERT INTO own_pass (right, at, people, used, lane, is_exit)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (right, iso(each.at), each.people, each.used, each.lane, int(each.exit)),
        )

    def decision(self, request_id: str) -> Kept | None:
        """A decision that was kept."""
        row = self._con.execute(
            "SELECT lane, direction, right_id, again, passes, ended, counted, ''"
            " FROM journal WHERE request_id = ?1 AND right_id IS NOT NULL"
            " UNION ALL"
            " SELECT lane, direction, right, again, passes, passed + annulled, counted,"
            " answer FROM own_decision WHERE request_id = ?1",
            (request_id,),
        ).fetchone()
        if row is None:
            return None
        lane, direction, right, again, passes, ended, counted, answer = row
        return Kept(
            lane, direction, right, bool(again), passes, ended, bool(counted), answer
        )

    def keep_decision(
        self, request_id: str, at: datetime, kept: Kept, *, unsynced: bool = False
    ) -> None:
        """Remember a decision that is not in the row of its admission."""
        self._con.execute(
            "INSERT INTO own_decision (request_id, at, lane, direction, right, again,"
            " passes, counted, unsynced, answer) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                request_id,
                iso(at),
                kept.lane,
                kept.direction,
                kept.right,
                int(kept.again),
                kept.passes,
                int(kept.counted),
                int(unsynced),
                kept.answer,
            ),
        )

    def end_people(
        self, request_id: str, *, passed: int = 0, annulled: int = 0
    ) -> None:
        """Add to the outcomes of a decision."""
        in_journal = self._con.execute(
            "UPDATE journal SET ended = ended + ?"
            " WHERE request_id = ? AND right_id IS NOT NULL",
            (passed + annulled, request_id),
        )
        if not in_journal.rowcount:
            self._con.execute(
                "UPDATE own_decision SET passed = passed + ?, annulled = annulled + ?"
                " WHERE request_id = ?",
                (passed, annulled, request_id),
            )

    def unsynced_since(self, at: str) -> int:
        """How many people were admitted by a QR alone since a time."""
        row = self._con.execute(
            "SELECT ifnull(sum(passes - annulled), 0) FROM own_decision"
            " WHERE at >= ? AND unsynced",
            (at,),
        ).fetchone()
        return int(row[0])
