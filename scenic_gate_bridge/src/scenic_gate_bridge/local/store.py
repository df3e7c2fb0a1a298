"""The tables of the copy, of people inside, of conflicts, and the statements on them.

Lives on the connection of the journal, inside its transactions: a decision, its
reservation, its journal row and its fact for the server are on the disk together.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import msgspec

from ..model import iso
from .case import Candidate
from .feed import Config, Ticket, decode_ticket, read_config
from .lane_modes import ToldLane, read_lanes, write_lanes
from .own_books import OwnBooks
from .reads import CodeReader

#: Of a pool and a day: people inside, and admitted on their way, more or fewer.
Move = tuple[int, str, int, int]

KEPT_NUMBERS = 10_000  # of each client; those far behind are refused anyway
KEPT_PASSES = timedelta(days=3)  # longer than any minutes between two entries


def to_json(value: object) -> str:
    """The value as compact JSON."""
    return msgspec.json.encode(value).decode()


class Store(OwnBooks):
    """`key_file` keeps the secret of the look-ups; None for a store in memory."""

    def __init__(self, con: sqlite3.Connection, key_file: Path | None) -> None:
        super().__init__(con)
        self._key_file = key_file
        self._lookup_key = b""
        #: day, people inside, on their way, as in the table: every scan asks for them
        self._pools: dict[int, tuple[str, int, int]] = {}
        #: those that the table does not have yet
        self._moved: set[int] = set()
        #: what all facts that wait move; None: not summed up yet
        self._unconfirmed: dict[tuple[int, str], tuple[int, int]] | None = None
        if key_file is not None and key_file.exists():
            self._lookup_key = key_file.read_bytes()
        self.config = Config()
        kept = self.meta("config")
        if kept is not None:
            self.config = read_config(json.loads(kept))
        self.codes = self._new_reader()
        self.lanes = self._read_lanes()
        self.clock = self._read_time("clock")
        #: as of when the copy is complete
        self.copy_at = self._read_time("copy_at")

    def _read_time(self, name: str) -> datetime | None:
        kept = self.meta(name)
        return datetime.fromisoformat(kept) if kept else None

    def set_clock(self, at: datetime) -> None:
        """Keep the newest time that is certain to have been."""
        self.set_meta("clock", iso(at))
        self.clock = at

    def set_copy_at(self, at: datetime) -> None:
        """Keep as of when the copy is complete."""
        self.set_meta("copy_at", iso(at))
        self.copy_at = at

    def _read_lanes(self) -> dict[str, ToldLane]:
        told = read_lanes(json.loads(self.meta("lanes") or "[]"))
        return {each.lane: each for each in told}

    def _new_reader(self) -> CodeReader:
        config = self.config
        return CodeReader(self._lookup_key, config.public_keys, config.site_codes)

    # -- small values ----

    def meta(self, name: str) -> str | None:
        """A value by name."""
        row = self._con.execute(
            "SELECT value FROM meta WHERE name = ?", (name,)
        ).fetchone()
        return None if row is None else str(row[0])

    def set_meta(self, name: str, value: str | None) -> None:
        """Keep, or with None forget, a value."""
        if value is None:
            self._con.execute("DELETE FROM meta WHERE name = ?", (name,))
            return
        self._con.execute(
            "INSERT INTO meta (name, value) VALUES (?, ?)"
            " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            (name, value),
        )

    # -- config ----

    def write_lookup_key(self, key: bytes) -> None:
        """Keep the secret of the look-ups in a file that nobody else may read."""
        self._lookup_key = key
        if self._key_file is None:
            return
        fresh = self._key_file.with_suffix(".new")
        fresh.unlink(missing_ok=True)
        handle = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._key_file)

    def keep_config(self, config: Config, text: str) -> None:
        """Use a config from now on; `text` is the answer without its secret."""
        self.set_meta("config", text)
        self.config = config
        self.codes = self._new_reader()

    def reload(self) -> None:
        """Use what is on the disk, after a transaction that came to nothing."""
        self.forget_cached()
        kept = self.meta("config")
        self.config = read_config(json.loads(kept)) if kept else Config()
        self.codes = self._new_reader()
        self.lanes = self._read_lanes()
        self.clock = self._read_time("clock")
        self.copy_at = self._read_time("copy_at")

    def forget_cached(self) -> None:
        """Read again what a transaction changed that came to nothing."""
        self._pools.clear()
        self._moved.clear()
        self._unconfirmed = None

    def keep_lanes(self, lanes: Iterable[ToldLane]) -> None:
        """Use what the server says of the lanes from now on."""
        text = to_json(write_lanes(lanes))
        self.set_meta("lanes", text)
        self.lanes = self._read_lanes()

    # -- the copy ----

    def put_ticket(self, ticket: Ticket, body: str, generation: int) -> None:
        """Keep a ticket of the feed in place of what was known of it."""
        number = int(ticket.name) if ticket.name.isdecimal() else None
        self._forget_media(ticket.id)
        self._con.execute(
            "INSERT INTO ticket (id, generation, number, body) VALUES (?, ?, ?, ?)"
            " ON CONFLICT (id) DO UPDATE SET generation = excluded.generation,"
            " number = excluded.number, body = excluded.body",
            (ticket.id, generation, number, body),
        )
        # of a card that was given to a ticket twice the state that opens counts
        states = sorted(
            ((lookup, state) for lookup, _kind, state in ticket.media),
            key=lambda each: (
                ("frozen", "active").index(each[1])
                if each[1] in ("frozen", "active")
                else -1
            ),
        )
        self._con.executemany(
            "INSERT INTO medium (lookup, ticket, state) VALUES (?, ?, ?)",
            [(lookup, ticket.id, state) for lookup, state in dict(states).items()],
        )
        if number is not None:
            self._take_over(number, ticket)

    def _forget_media(self, ticket: int) -> None:
        self._con.execute(
            "DELETE FROM medium WHERE ticket = ?1 AND lookup IN ("
            " SELECT j.value ->> 0 FROM ticket t, json_each(t.body, '$.media') j"
            " WHERE t.id = ?1)",
            (ticket,),
        )

    def _take_over(self, number: int, ticket: Ticket) -> None:
        """What was done with a ticket before it was in the copy."""
        self._con.execute(
            "UPDATE own_right SET ticket = ? WHERE ticket = ? AND ticket < 0"
            " AND id > 0",
            (ticket.id, -number),
        )
        row = self._con.execute(
            "SELECT lane FROM own_decision WHERE right < 0 AND right = ? LIMIT 1",
            (-number,),
        ).fetchone()
        if row is None:
            return
        lane = self.config.lane.get(row[0])
        here = [right for right in ticket.rights if lane and right.site == lane.site]
        if not here:
            return
        # what was done by its QR alone: the server takes the same right
        right = min(
            here,
            key=lambda r: (r.total <= r.used + r.held + r.refunded, r.valid_to, r.id),
        )
        names = {"old": -number, "new": right.id, "ticket": ticket.id}
        for statement in (
            "INSERT INTO own_right (id, ticket, used, held, again_held, first_at)"
            " SELECT :new, :ticket, used, held, again_held, first_at FROM own_right"
            " WHERE id = :old"
            " ON CONFLICT (id) DO UPDATE SET used = used + excluded.used,"
            " held = held + excluded.held,"
            " first_at = min(ifnull(first_at, excluded.first_at),"
            " ifnull(excluded.first_at, first_at))",
            "DELETE FROM own_right WHERE id = :old",
            "UPDATE own_pass SET right = :new WHERE right = :old",
            "UPDATE own_decision SET right = :new WHERE right = :old",
        ):
            self._con.execute(statement, names)

    def drop_ticket(self, ticket: int) -> None:
        """Forget a ticket of the copy, with what this device did with it."""
        self._forget_media(ticket)
        # what is under way is still counted to its end
        self._con.execute(
            "DELETE FROM own_right WHERE held = 0 AND again_held = 0 AND id IN ("
            " SELECT j.value ->> 'id' FROM ticket t, json_each(t.body, '$.rights') j"
            " WHERE t.id = ?)",
            (ticket,),
        )
        self._con.execute("DELETE FROM ticket WHERE id = ?", (ticket,))

    def drop_older(self, generation: int, limit: int) -> int:
        """Forget at most `limit` tickets that a full copy did not have. Returns how
        many it were."""
        rows = self._con.execute(
            "SELECT id FROM ticket WHERE generation < ? LIMIT ?", (generation, limit)
        ).fetchall()
        for (ticket,) in rows:
            self.drop_ticket(ticket)
        return len(rows)

    def forget_all(self) -> None:
        """Forget the copy and what this device did."""
        for table in ("ticket", "medium", "own_right", "own_pass", "own_decision"):
            self._con.execute(f"DELETE FROM {table}")
        self._con.execute(
            "UPDATE journal SET right_id = NULL"
            " WHERE right_id IS NOT NULL AND ended < passes"
        )
        for name in ("born", "cursor", "copy_at"):
            self.set_meta(name, None)
        self.copy_at = None

    def candidates(self, lookup: str) -> list[Candidate]:
        """The tickets that a code stands for."""
        rows = self._con.execute(
            "SELECT t.body, m.state FROM medium m JOIN ticket t ON t.id = m.ticket"
            " WHERE m.lookup = ? ORDER BY t.id",
            (lookup,),
        ).fetchall()
        return [self._candidate(body, state) for body, state in rows]

    def by_number(self, number: int) -> Candidate | None:
        """The ticket with this number, by a medium that is newer than the copy."""
        row = self._con.execute(
            "SELECT body FROM ticket WHERE number = ?", (number,)
        ).fetchone()
        return None if row is None else self._candidate(row[0], "active")

    def by_name(self, name: str) -> Ticket | None:
        """The ticket that the server calls so."""
        if not name.isdecimal():
            return None
        row = self._con.execute(
            "SELECT body FROM ticket WHERE number = ?", (int(name),)
        ).fetchone()
        return None if row is None else decode_ticket(row[0])

    def count(self) -> tuple[int, int]:
        """How many tickets and media the copy has."""
        tickets = self._con.execute("SELECT count(*) FROM ticket").fetchone()[0]
        media = self._con.execute("SELECT count(*) FROM medium").fetchone()[0]
        return tickets, media

    def _candidate(self, body: str, state: str) -> Candidate:
        ticket = decode_ticket(body)
        own = {right.id: self.own(right.id) for right in ticket.rights}
        return Candidate(ticket, state, own)

    # -- old rows ----

    def prune(self, before: str, at: datetime) -> int:
        """Forget finished decisions, answered conflicts of old, and old passes."""
        gone = 0
        for statement, limit in (
            (
                "DELETE FROM own_decision WHERE at < ? AND passed + annulled >= passes",
                before,
            ),
            ("DELETE FROM own_pass WHERE at < ?", iso(at - KEPT_PASSES)),
            (
                "DELETE FROM client_number AS n WHERE seq < ? + ("
                "SELECT max(seq) FROM client_number m WHERE m.client = n.client)",
                -KEPT_NUMBERS,
            ),
        ):
            gone += self._con.execute(statement, (limit,)).rowcount
        return gone

    # -- message numbers of clients ----

    def take_number(self, client: str, seq: int) -> bool:
        """Use a message number. Returns whether it was free."""
        taken = self._con.execute(
            "INSERT OR IGNORE INTO client_number (client, seq) VALUES (?, ?)",
            (client, seq),
        )
        return taken.rowcount > 0

    def newest_number(self, client: str) -> int:
        """The highest number that a client used."""
        row = self._con.execute(
            "SELECT max(seq) FROM client_number WHERE client = ?", (client,)
        ).fetchone()
        return row[0] or 0

    # -- people inside ----

    def pool(self, pool: int, day: date) -> tuple[int, int]:
        """People inside, and admitted on their way; a day begins with nobody inside."""
        counted_on, inside, held = self._pool(pool)
        return (inside if counted_on == day.isoformat() else 0), held

    def _pool(self, pool: int) -> tuple[str, int, int]:
        """The day of the counts, and the counts."""
        known = self._pools.get(pool)
        if known is None:
            row = self._con.execute(
                "SELECT day, inside, held FROM pool_count WHERE pool = ?", (pool,)
            ).fetchone()
            known = self._pools[pool] = row or ("", 0, 0)
        return known

    def move_pool(self, pool: int, day: date, inside: int, held: int) -> Move:
        """Count people who moved, or who were admitted. Returns what to keep with the
        fact of it for the server."""
        before, before_held = self.pool(pool, day)
        self.set_pool(pool, day, before + inside, max(0, before_held + held))
        move = pool, day.isoformat(), inside, held
        self._sum_up(move, 1)
        return move

    def _sum_up(self, move: Move, sign: int) -> None:
        if self._unconfirmed is not None:
            pool, day, inside, held = move
            before, before_held = self._unconfirmed.get((pool, day), (0, 0))
            self._unconfirmed[pool, day] = (
                before + sign * inside,
                before_held + sign * held,
            )

    def set_pool(self, pool: int, day: date, inside: int, held: int) -> None:
        """Set the counts of a pool."""
        self._pools[pool] = day.isoformat(), inside, held
        self._moved.add(pool)

    def write_pools(self) -> None:
        """Write the counts down, once a commit: all decisions of it move the same."""
        for pool in self._moved:
            self._con.execute(
                "INSERT INTO pool_count (pool, day, inside, held) VALUES (?, ?, ?, ?)"
                " ON CONFLICT (pool) DO UPDATE SET day = excluded.day,"
                " inside = excluded.inside, held = excluded.held",
                (pool, *self._pools[pool]),
            )
        self._moved.clear()

    def confirmed(self, event_ids: Iterable[str]) -> None:
        """The server has these facts, which wait until now: what it says next of people
        inside has them."""
        if self._unconfirmed is None:
            return
        for event_id in event_ids:
            row = self._con.execute(
                "SELECT moves FROM outbox"
                " WHERE event_id = ? AND answer IS NULL AND moves IS NOT NULL",
                (event_id,),
            ).fetchone()
            for move in json.loads(row[0]) if row else ():
                self._sum_up(move, -1)

    def unconfirmed(self, pool: int, day: date) -> tuple[int, int]:
        """What the server does not know yet: people inside and on their way."""
        if self._unconfirmed is None:
            self._unconfirmed = {}
            for (moves,) in self._con.execute(
                "SELECT moves FROM outbox WHERE answer IS NULL AND moves IS NOT NULL"
            ):
                for move in json.loads(moves):
                    self._sum_up(move, 1)
        inside, _held = self._unconfirmed.get((pool, day.isoformat()), (0, 0))
        return inside, sum(
            held for (of, _day), (_in, held) in self._unconfirmed.items() if of == pool
        )

    # -- conflicts ----

    def keep_conflicts(self, rows: Sequence[tuple[str | int, ...]]) -> None:
        """Keep what the server could not reconcile."""
        self._con.executemany(
            "INSERT OR IGNORE INTO conflict (event_id, at, lane, why, ticket, persons,"
            " value, currency) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            rows,
        )

    def conflicts(self, limit: int) -> list[dict[str, object]]:
        """The newest conflicts."""
        names = ("event_id", "at", "lane", "why", "ticket", "persons", "value")
        rows = self._con.execute(
            f"SELECT {', '.join(names)}, currency FROM conflict"
            " ORDER BY at DESC, event_id LIMIT ?",
            (limit,),
        )
        return [dict(zip((*names, "currency"), row, strict=True)) for row in rows]

    def conflict_count(self) -> int:
        """How many conflicts there are."""
        return int(self._con.execute("SELECT count(*) FROM conflict").fetchone()[0])
