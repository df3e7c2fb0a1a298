"""The file of the journal: schema, transactions, and the small pieces of a step."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from importlib import resources
from pathlib import Path

from ..local.decider import LocalDecider
from ..local.store import Move, Store, to_json
from ..model import Direction, new_id
from .rows import JournalError, JournalUnwritable, Log, Row
from .write_back import AT_THE_LATEST

COUNTED = ("passed", "annulled", "exit", "entry")  # the others are alarms, not persons
LONGEST_NOTE = 200
IN_MEMORY = Path(":memory:")
PATIENCE = 5000  # milliseconds, with whoever else has the file open
#: An admission that is not finished, word for word as in the index of them: `IN` would
#: make a list of its own for each row that is written.
OPEN = "(state = 'asking' OR state = 'authorised' OR state = 'opening')"
#: Lines of the lane log in a part, as a power of two: see `lane_log_part`.
PART = 8


@dataclass(slots=True)
class Tables:
    """An open journal file."""

    path: Path
    outbox_touched: bool = False
    newest_seq: int = field(default=0, init=False)  # message number, drawn last
    #: the number that the file has, in `counter` or with the newest fact
    _kept_seq: int = field(default=0, init=False)
    #: the part of the lane log in which each lane wrote last
    _parts: dict[str, int] = field(default_factory=dict, init=False)
    local: LocalDecider = field(init=False)
    _con: sqlite3.Connection = field(init=False)
    _in_company: bool = field(default=False, init=False)
    _lost: bool = field(default=False, init=False)
    _moving: threading.Lock | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        try:
            self._con = sqlite3.connect(self.path, isolation_level=None)
            self._con.execute("PRAGMA journal_mode=WAL")
            self._con.execute("PRAGMA synchronous=FULL")
            self._con.execute(f"PRAGMA busy_timeout={PATIENCE}")
            # a code that is cleared is overwritten in the file, see also `fold`
            self._con.execute("PRAGMA secure_delete=ON")
            # KiB: what a rush touches of a copy of 200,000 tickets
            self._con.execute("PRAGMA cache_size=-16384")
            self._migrate()
            row = self._con.execute(
                "SELECT max(seq, ifnull((SELECT seq FROM outbox ORDER BY id DESC"
                " LIMIT 1), 0)) FROM counter"
            ).fetchone()
            self.newest_seq = self._kept_seq = int(row[0])
            key_file = self.path.with_name("lookup.key")
            store = Store(self._con, None if self.path == IN_MEMORY else key_file)
            self.local = LocalDecider(store, self._transaction, self._enqueue)
        except sqlite3.Error as error:
            raise JournalError(f"cannot open the journal {self.path}: {error}") from (
                error
            )

    def close(self) -> None:
        """Close the file; the write-ahead log is folded in."""
        self._con.close()

    def write_back_elsewhere(self, moving: threading.Lock) -> None:
        """Leave it to somebody else to move the write-ahead log into the file, as long
        as that keeps up. `moving` is held while he does."""
        self._moving = moving
        self._con.execute(f"PRAGMA wal_autocheckpoint={AT_THE_LATEST}")

    def fold(self) -> bool:
        """Fold the write-ahead log into the file and cut it off: what was deleted is
        left in neither then. False where it has to be tried again, because other steps
        share the commit. What somebody else reads at this moment stays until the next
        time; the lanes wait for nobody."""
        if self._in_company:
            return False
        with self._moving or nullcontext(), _unwritable():
            self._con.execute("PRAGMA busy_timeout=0")
            try:
                self._con.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                self._con.execute(f"PRAGMA busy_timeout={PATIENCE}")
        return True

    # -- schema -----------------------------------------------------------------

    def _migrate(self) -> None:
        """Bring the file to the newest schema; each numbered script runs once."""
        scripts = sorted(
            (entry.name, entry.read_text("utf-8"))
            for entry in (resources.files(__package__) / "migrations").iterdir()
            if entry.name.endswith(".sql")
        )
        known = int(scripts[-1][0][:4])
        current: int = self._con.execute("PRAGMA user_version").fetchone()[0]
        if current > known:
            self._con.close()
            raise JournalError(
                f"the journal {self.path} has schema {current}, this program knows "
                f"{known}: it was written by a newer version"
            )
        for name, script in scripts:
            number = int(name[:4])
            if number <= current:
                continue
            with self._alone():
                for statement in _statements(script):
                    self._con.execute(statement)
                self._con.execute(f"PRAGMA user_version={number}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk at the end of `together` or, outside of it,
        at once."""
        if self._in_company:
            if self._lost:
                raise JournalUnwritable("what was written before is lost")
            if not self._con.in_transaction:
                self._con.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                # half of it may be written: none of the company is kept
                self._lost = True
                raise
            return
        try:
            with self._alone():
                yield
                self.local.store.write_pools()
        except BaseException:
            self.local.store.forget_cached()
            raise

    @contextmanager
    def _alone(self) -> Iterator[None]:
        with _unwritable(), self._numbers():
            self._con.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._keep_seq()
                self._con.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is on the disk at the end, by one commit, or none of
        it: when one write fails, also if its caller bears it. Raises JournalUnwritable
        then."""
        self._in_company, self._lost = True, False
        try:
            with self._numbers():
                yield
                with _unwritable():
                    if self._lost:
                        raise JournalUnwritable("the disk took none of it")
                    if self._con.in_transaction:
                        self._keep_seq()
                        self.local.store.write_pools()
                        self._con.execute("COMMIT")
        except BaseException:
            self._roll_back()
            self.local.store.reload()
            raise
        finally:
            self._in_company = False

    def _roll_back(self) -> None:
        self._parts.clear()
        if self._con.in_transaction:
            self._con.execute("ROLLBACK")

    # -- small pieces, inside a transaction ---------------------------------------

    def _next_seq(self) -> int:
        self.newest_seq += 1
        return self.newest_seq

    def _keep_seq(self) -> None:
        """Write the counter down, once a commit, where no fact has the number."""
        if self.newest_seq != self._kept_seq:
            self._write_seq()

    def _write_seq(self) -> None:
        self._con.execute("UPDATE counter SET seq = ?", (self.newest_seq,))
        self._kept_seq = self.newest_seq

    @contextmanager
    def _numbers(self) -> Iterator[None]:
        """A step that fails uses up no number."""
        before = self.newest_seq, self._kept_seq
        try:
            yield
        except BaseException:
            self.newest_seq, self._kept_seq = before
            raise

    def _row(self, request_id: str, *states: str) -> Row:
        """The admission, which must be in one of `states`."""
        row = self._con.execute(
            "SELECT lane, direction, state, code_hash, passes, issued, passed,"
            " credential FROM journal WHERE request_id = ?",
            (request_id,),
        ).fetchone()
        if row is None or row[2] not in states:
            found = "missing" if row is None else row[2]
            raise JournalError(
                f"admission {request_id} is {found}, expected {' or '.join(states)}"
            )
        lane, direction, state, code_hash, passes, issued, passed, shown = row
        return Row(
            lane,
            Direction(direction),
            state,
            code_hash,
            passes,
            issued,
            passed,
            None if shown is None else json.loads(shown),
        )

    def _set(self, request_id: str, at: str, **values: str | int | None) -> None:
        columns = ", ".join(f"{name} = ?" for name in values)
        self._con.execute(
            f"UPDATE journal SET {columns}, changed_at = ? WHERE request_id = ?",
            (*values.values(), at, request_id),
        )

    def _enqueue(
        self,
        lane: str,
        kind: str,
        at: str,
        *,
        direction: Direction,
        request_id: str | None = None,
        count: int | None = 1,
        assumed: bool = False,
        note: str = "",
        event_id: str | None = None,
        credential: Mapping[str, str] | None = None,
        extra: Mapping[str, object] | None = None,
        on_the_wire: bool = False,
        moves: Sequence[Move] = (),
    ) -> str:
        """Queue one fact for the server, and move the own counts with it. An annulment
        with count None is of all that is reserved. `on_the_wire`: the request_id is the
        one that the server knows. `credential`: what people showed who left, kind and
        value. `moves`: people who are on their way in by it. Returns the event_id."""
        event_id = event_id or new_id()
        if request_id is not None and not on_the_wire:
            request_id = self._wire_id(request_id)
        seq = self._next_seq()
        event: dict[str, object] = {
            "event_id": event_id,
            "seq": seq,
            "lane": lane,
            "type": kind,
            "direction": direction.value,
            "at": at,
            "note": note[:LONGEST_NOTE],
        }
        if kind in COUNTED:
            event["assumed"] = assumed
            if count is not None:
                event["count"] = count
        if request_id is not None:
            event["request_id"] = request_id
        if credential is not None:
            event["credential"] = dict(credential)
        event |= extra or {}
        if kind in COUNTED:
            counted = event.get("count")
            moves = self.local.reported(
                kind,
                lane,
                direction,
                request_id,
                counted if isinstance(counted, int) else None,
                datetime.fromisoformat(at),
                credential,
            )
        self._con.execute(
            "INSERT INTO outbox (event_id, seq, lane, body, created_at, moves)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (
                event_id,
                seq,
                lane,
                to_json(event),
                at,
                to_json(moves) if moves else None,
            ),
        )
        self.outbox_touched = True
        self._kept_seq = seq
        return event_id

    def _wire_id(self, request_id: str) -> str:
        """The id under which the server knows an admission."""
        row = self._con.execute(
            "SELECT wire_id FROM journal WHERE request_id = ?", (request_id,)
        ).fetchone()
        return request_id if row is None or row[0] is None else str(row[0])

    def _log(self, lane: str, at: str, log: Log) -> None:
        decision = log.decision
        line = self._con.execute(
            "INSERT INTO lane_log (at, lane, phase, request_id, direction, code_hash,"
            " code, text_en, text_zh, remedy_en, remedy_zh, product, count, assumed,"
            " note, photo)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                at,
                lane,
                log.phase,
                log.request_id,
                log.direction.value if log.direction else None,
                log.code_hash,
                decision.code if decision else "",
                decision.text.en if decision else "",
                decision.text.zh if decision else "",
                decision.remedy.en if decision else "",
                decision.remedy.zh if decision else "",
                decision.product if decision else "",
                log.count,
                int(log.assumed),
                log.note,
                log.photo,
            ),
        ).lastrowid
        assert line is not None
        part = line >> PART
        if self._parts.get(lane) != part:
            self._con.execute(
                "INSERT OR IGNORE INTO lane_log_part (lane, part) VALUES (?, ?)",
                (lane, part),
            )
            self._parts[lane] = part

    def _give_back(self, request_id: str, row: Row, stamp: str, note: str) -> None:
        """Annul a request whose answer is unknown, and with it all the entries that
        the server may have reserved for it, however many."""
        self._enqueue(
            row.lane,
            "annulled",
            stamp,
            direction=row.direction,
            request_id=request_id,
            count=None,
            note=note,
        )


@contextmanager
def _unwritable() -> Iterator[None]:
    try:
        yield
    except (sqlite3.IntegrityError, sqlite3.ProgrammingError) as error:
        # a rule of the tables is broken: to try again helps nothing
        raise JournalError(f"the journal does not take this: {error}") from error
    except sqlite3.Error as error:
        raise JournalUnwritable(f"cannot write the journal: {error}") from error


def _statements(script: str) -> Iterator[str]:
    """The single statements of a migration script."""
    pending = ""
    for line in script.splitlines(keepends=True):
        pending += line
        if sqlite3.complete_statement(pending):
            yield pending
            pending = ""
    if pending.strip():
        raise JournalError(f"unfinished statement in a migration: {pending.strip()}")
