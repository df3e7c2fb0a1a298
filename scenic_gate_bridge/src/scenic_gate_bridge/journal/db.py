"""The journal's tables and the only statements that touch them.

Everything here is synchronous and belongs to one thread. Each public method that
writes is one transaction with `synchronous=FULL`: when it returns, its state change,
its outbox rows and its log row are on the disk together; when it raises, none is.
"""

from __future__ import annotations

import json
import sqlite3
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path

from ..local.decider import LocalDecider
from ..local.outcome import DecidedBy, Outcome
from ..local.reads import Read
from ..local.store import Store, to_json
from ..model import (
    AfterCrash,
    Decision,
    Direction,
    LaneMode,
    ModeSource,
    PlannedMode,
    Scan,
    Verdict,
    iso,
)

COUNTED = ("passed", "annulled", "exit", "entry")  # the others are alarms, not persons
LONGEST_NOTE = 200
IN_MEMORY = Path(":memory:")
OPEN_STATES = "('asking', 'authorised', 'opening')"


class JournalError(Exception):
    """The journal cannot be read or written, or was asked for an impossible step."""


class JournalUnwritable(JournalError):
    """The disk does not take it: no room, not writable, broken. Nothing was kept, and
    the same step may be tried again."""


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One fact that the server has not confirmed yet."""

    id: int
    event_id: str
    lane: str
    event: dict[str, object]


@dataclass(frozen=True, slots=True)
class LogRow:
    """One line of the lane log."""

    id: int
    at: str
    lane: str
    phase: str
    request_id: str | None
    direction: str | None
    code_hash: str
    code: str
    text_en: str
    text_zh: str
    remedy_en: str
    remedy_zh: str
    product: str
    count: int
    assumed: int
    note: str


@dataclass(frozen=True, slots=True)
class Recovered:
    """What was done with one admission that a crash had left open. Of one that was
    still asking, only the server knows how many entries were annulled: 0 here."""

    request_id: str
    lane: str
    was: str
    passed: int
    annulled: int


@dataclass(slots=True)
class LaneState:
    """What a lane remembers over a restart."""

    mode: LaneMode = LaneMode.CONTROLLED
    emergency: bool = False
    plan: tuple[PlannedMode, ...] = ()


@dataclass(frozen=True, slots=True)
class _Row:
    """The part of a journal row that decides about its next step."""

    lane: str
    direction: Direction
    state: str
    code_hash: str
    passes: int
    issued: int
    passed: int


@dataclass(slots=True)
class _Log:
    """What goes into the lane log beside time and lane."""

    phase: str
    request_id: str | None = None
    direction: Direction | None = None
    code_hash: str = ""
    decision: Decision | None = None
    count: int = 1
    assumed: bool = False
    note: str = ""


@dataclass(slots=True)
class JournalDb:
    """An open journal file."""

    path: Path
    outbox_touched: bool = False
    newest_seq: int = field(default=0, init=False)  # message number, drawn last
    local: LocalDecider = field(init=False)
    _con: sqlite3.Connection = field(init=False)
    _in_company: bool = field(default=False, init=False)
    _lost: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        try:
            self._con = sqlite3.connect(self.path, isolation_level=None)
            self._con.execute("PRAGMA journal_mode=WAL")
            self._con.execute("PRAGMA synchronous=FULL")
            self._con.execute("PRAGMA busy_timeout=5000")
            self._migrate()
            row = self._con.execute("SELECT seq FROM counter").fetchone()
            self.newest_seq = int(row[0])
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
            with self._transaction():
                for statement in _statements(script):
                    self._con.execute(statement)
                self._con.execute(f"PRAGMA user_version={number}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, and on the disk at the end of `together` or, outside of it,
        at once."""
        if self._in_company:
            with self._part():
                yield
            return
        with _unwritable(), self._numbers():
            self._con.execute("BEGIN IMMEDIATE")
            try:
                before = self.newest_seq
                yield
                if self.newest_seq != before:
                    self._keep_seq()
                self._con.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    @contextmanager
    def _part(self) -> Iterator[None]:
        with _unwritable(), self._numbers():
            if not self._con.in_transaction:
                if self._lost:
                    raise JournalUnwritable("what was written before is lost")
                self._con.execute("BEGIN IMMEDIATE")
            self._con.execute("SAVEPOINT part")
            try:
                yield
                self._con.execute("RELEASE part")
            except BaseException:
                if self._con.in_transaction:
                    self._con.execute("ROLLBACK TO part")
                    self._con.execute("RELEASE part")
                else:
                    # a full disk undoes all of the transaction, not only this part
                    self._lost = True
                raise

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is on the disk at the end, by one commit. Each write
        inside is all or nothing for itself. Raises JournalUnwritable if none is kept.
        """
        self._in_company, self._lost = True, False
        try:
            with self._numbers():
                yield
                with _unwritable():
                    if self._lost:
                        raise JournalUnwritable("the disk took none of it")
                    if self._con.in_transaction:
                        self._keep_seq()
                        self._con.execute("COMMIT")
        except BaseException:
            self._roll_back()
            self.local.store.reload()
            raise
        finally:
            self._in_company = False

    def _roll_back(self) -> None:
        if self._con.in_transaction:
            self._con.execute("ROLLBACK")

    # -- small pieces, inside a transaction ---------------------------------------

    def _next_seq(self) -> int:
        self.newest_seq += 1
        return self.newest_seq

    def _keep_seq(self) -> None:
        """Write the counter down, once a commit."""
        self._con.execute("UPDATE counter SET seq = ?", (self.newest_seq,))

    @contextmanager
    def _numbers(self) -> Iterator[None]:
        """A step that fails uses up no number."""
        before = self.newest_seq
        try:
            yield
        except BaseException:
            self.newest_seq = before
            raise

    def _row(self, request_id: str, *states: str) -> _Row:
        """The admission, which must be in one of `states`."""
        row = self._con.execute(
            "SELECT lane, direction, state, code_hash, passes, issued, passed"
            " FROM journal WHERE request_id = ?",
            (request_id,),
        ).fetchone()
        if row is None or row[2] not in states:
            found = "missing" if row is None else row[2]
            raise JournalError(
                f"admission {request_id} is {found}, expected {' or '.join(states)}"
            )
        return _Row(row[0], Direction(row[1]), row[2], row[3], row[4], row[5], row[6])

    def _set(self, request_id: str, at: str, **values: str | int) -> None:
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
        extra: Mapping[str, object] | None = None,
        on_the_wire: bool = False,
    ) -> str:
        """Queue one fact for the server, and move the own counts with it. An annulment
        with count None is of all that is reserved. `on_the_wire`: the request_id is the
        one that the server knows. Returns the event_id."""
        event_id = event_id or str(uuid.uuid4())
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
        event |= extra or {}
        self._con.execute(
            "INSERT INTO outbox (event_id, seq, lane, body, created_at)"
            " VALUES (?, ?, ?, ?, ?)",
            (event_id, seq, lane, to_json(event), at),
        )
        self.outbox_touched = True
        counted = event.get("count")
        self.local.reported(
            event_id,
            kind,
            lane,
            direction,
            request_id,
            counted if isinstance(counted, int) else None,
            datetime.fromisoformat(at),
        )
        return event_id

    def _wire_id(self, request_id: str) -> str:
        """The id under which the server knows an admission."""
        row = self._con.execute(
            "SELECT wire_id FROM journal WHERE request_id = ?", (request_id,)
        ).fetchone()
        return request_id if row is None or row[0] is None else str(row[0])

    def _log(self, lane: str, at: str, log: _Log) -> None:
        decision = log.decision
        self._con.execute(
            "INSERT INTO lane_log (at, lane, phase, request_id, direction, code_hash,"
            " code, text_en, text_zh, remedy_en, remedy_zh, product, count, assumed,"
            " note)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
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
            ),
        )

    def _give_back(self, request_id: str, row: _Row, stamp: str, note: str) -> None:
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

    # -- the steps of an admission --------------------------------------------------

    def ask(self, request_id: str, scan: Scan, at: datetime) -> int:
        """asking: written before the server is asked. Returns the message's seq."""
        with self._transaction():
            seq = self._next_seq()
            self._ask(request_id, scan, at, seq, state="asking")
        return seq

    def _ask(
        self,
        request_id: str,
        scan: Scan,
        at: datetime,
        seq: int,
        **values: str | int,
    ) -> None:
        columns = "".join(f", {name}" for name in values)
        self._con.execute(
            "INSERT INTO journal (request_id, seq, lane, direction, code_hash,"
            f" scanned_at, changed_at{columns})"
            f" VALUES (?, ?, ?, ?, ?, ?, ?{', ?' * len(values)})",
            (
                request_id,
                seq,
                scan.lane,
                scan.direction.value,
                scan.code.digest,
                iso(scan.at),
                iso(at),
                *values.values(),
            ),
        )

    def _is_known(self, request_id: str) -> bool:
        row = self._con.execute(
            "SELECT 1 FROM journal WHERE request_id = ?", (request_id,)
        ).fetchone()
        return row is not None

    def deny(
        self, request_id: str, decision: Decision, at: datetime, scan: Scan
    ) -> None:
        """asking, or never asked, → denied. Without an answer the request is annulled
        at the server, so that a reservation that did happen is given back."""
        stamp = iso(at)
        with self._transaction():
            if self._decided_here(request_id, "denied"):
                return
            if not self._is_known(request_id):
                self._ask(request_id, scan, at, self._next_seq(), state="asking")
            row = self._row(request_id, "asking")
            self._set(request_id, stamp, state="denied", reason=decision.code)
            if decision.verdict is Verdict.UNSURE:
                self._give_back(request_id, row, stamp, f"no answer: {decision.code}")
            self._log(
                row.lane,
                stamp,
                _Log("denied", request_id, row.direction, row.code_hash, decision),
            )

    def authorise(self, request_id: str, decision: Decision, at: datetime) -> None:
        """asking → authorised: the server has reserved `decision.passes` entries."""
        stamp = iso(at)
        with self._transaction():
            if self._decided_here(request_id, "authorised"):
                return
            row = self._row(request_id, "asking")
            self._set(request_id, stamp, state="authorised", passes=decision.passes)
            self.local.admitted_by_server(
                request_id, row.lane, row.direction, decision, at
            )
            self._log(
                row.lane,
                stamp,
                _Log(
                    "admitted",
                    request_id,
                    row.direction,
                    row.code_hash,
                    decision,
                    count=decision.passes,
                ),
            )

    def _decided_here(self, request_id: str, state: str) -> bool:
        """Whether `decide_here` has written this step already."""
        row = self._con.execute(
            "SELECT 1 FROM journal WHERE request_id = ? AND state = ? AND decided_here",
            (request_id, state),
        ).fetchone()
        return row is not None

    def decide_here(
        self,
        request_id: str,
        scan: Scan,
        read: Read,
        at: datetime,
        by: DecidedBy,
        *,
        unanswered: str | None = None,
    ) -> Outcome:
        """asking, or never asked, → authorised or denied by the local rule, in one
        transaction with the reservation and the fact for the server. `unanswered`: why
        the server, which may have reserved entries for this request, gave no answer;
        they are annulled, and the local decision gets an id of its own."""
        stamp = iso(at)
        with self._transaction():
            wire_id = request_id
            if unanswered is not None:
                row = self._row(request_id, "asking")
                self._give_back(request_id, row, stamp, f"no answer: {unanswered}")
                wire_id = str(uuid.uuid4())
            outcome = self.local.decide_within(
                read, scan.lane, scan.direction, at, wire_id, by
            )
            decision = outcome.decision
            admitted = decision.verdict is Verdict.ADMIT
            result = {
                "state": "authorised" if admitted else "denied",
                "passes": decision.passes,
                "reason": "" if admitted else decision.code,
                "wire_id": wire_id,
                "decided_here": 1,
            }
            if unanswered is None:
                # the message about it, and so its number, is the fact of the decision
                self._ask(request_id, scan, at, self.newest_seq, **result)
            else:
                self._set(request_id, stamp, **result)
            self._log(
                scan.lane,
                stamp,
                _Log(
                    "admitted" if admitted else "denied",
                    request_id,
                    scan.direction,
                    scan.code.digest,
                    decision,
                    count=decision.passes if admitted else 1,
                    note=by.value,
                ),
            )
        return outcome

    def open(self, request_id: str, at: datetime) -> None:
        """authorised → opening: on the disk before the first release is sent."""
        with self._transaction():
            self._row(request_id, "authorised")
            self._set(request_id, iso(at), state="opening", issued=1)

    def passed(
        self,
        request_id: str,
        at: datetime,
        *,
        release: bool = False,
        assumed: bool = False,
    ) -> None:
        """One person passed (`assumed`: where no sensor can see it). While persons are
        left the state stays opening, and `release` writes down in the same step that
        the next one will be released; after the last person opening → passed."""
        stamp = iso(at)
        with self._transaction():
            row = self._row(request_id, "opening")
            self._set(
                request_id,
                stamp,
                state="opening" if row.passed + 1 < row.passes else "passed",
                passed=row.passed + 1,
                issued=row.issued + int(release),
            )
            self._outcome(request_id, row, stamp, passed=1, assumed=assumed)

    def close_admission(
        self, request_id: str, reason: str, at: datetime, *, assume: bool = False
    ) -> tuple[int, int]:
        """End an admission that is not used up: authorised or opening → annulled, or
        passed where somebody went through. `assume`: count the released person as
        passed without proof. Returns how many were assumed passed and annulled."""
        with self._transaction():
            row = self._row(request_id, "authorised", "opening")
            return self._close(request_id, row, reason, iso(at), assume)

    def _close(
        self, request_id: str, row: _Row, reason: str, stamp: str, assume: bool
    ) -> tuple[int, int]:
        assumed = 1 if assume and row.issued > row.passed else 0
        left = row.passes - row.passed - assumed
        passed = row.passed + assumed
        self._set(
            request_id,
            stamp,
            state="passed" if passed else "annulled",
            # a release that nobody used counts as never issued
            issued=passed,
            passed=passed,
            annulled=left,
            reason=reason,
        )
        if assumed:
            self._outcome(request_id, row, stamp, passed=1, note=reason, assumed=True)
        if left:
            self._outcome(request_id, row, stamp, annulled=left, note=reason)
        return assumed, left

    def _outcome(
        self,
        request_id: str,
        row: _Row,
        stamp: str,
        *,
        passed: int = 0,
        annulled: int = 0,
        note: str = "",
        assumed: bool = False,
    ) -> None:
        kind, count = ("passed", passed) if passed else ("annulled", annulled)
        self._enqueue(
            row.lane,
            kind,
            stamp,
            direction=row.direction,
            request_id=request_id,
            count=count,
            assumed=assumed,
            note=note,
        )
        self._log(
            row.lane,
            stamp,
            _Log(
                kind,
                request_id,
                row.direction,
                row.code_hash,
                count=count,
                assumed=assumed,
                note=note,
            ),
        )

    def recover(self, rules: Mapping[str, AfterCrash], at: datetime) -> list[Recovered]:
        """Resolve what a crash left open, each row once. Never opened: annulled.
        Opening: by the lane's rule (assumed passed where the lane is unknown)."""
        done: list[Recovered] = []
        stamp = iso(at)
        open_ids = [
            row[0]
            for row in self._con.execute(
                f"SELECT request_id FROM journal WHERE state IN {OPEN_STATES}"
                " ORDER BY seq"
            )
        ]
        for request_id in open_ids:
            with self._transaction():
                row = self._row(request_id, "asking", "authorised", "opening")
                if row.state == "asking":
                    note = "restart: no answer"
                    self._set(request_id, stamp, state="annulled", reason="restart")
                    self._give_back(request_id, row, stamp, note)
                    self._log(
                        row.lane,
                        stamp,
                        _Log(
                            "annulled",
                            request_id,
                            row.direction,
                            row.code_hash,
                            count=0,
                            note=note,
                        ),
                    )
                    passed, annulled = 0, 0
                else:
                    rule = rules.get(row.lane, AfterCrash.ASSUMED_PASSED)
                    passed, annulled = self._close(
                        request_id,
                        row,
                        "restart",
                        stamp,
                        assume=rule is AfterCrash.ASSUMED_PASSED,
                    )
            done.append(Recovered(request_id, row.lane, row.state, passed, annulled))
        return done

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
        extra: Mapping[str, object],
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
            extra=extra,
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
    ) -> None:
        """An exit, a free entry, an alarm or a change of a link: recorded and
        reported. `count` persons, where the kind counts persons."""
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
            )
            self._log(
                lane, stamp, _Log(kind, request_id, direction, count=count, note=note)
            )

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
                _Log(
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
            self._log(lane, stamp, _Log("mode", note=note))

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
            self._log(lane, stamp, _Log(kind))

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
            self._con.executemany(
                "UPDATE outbox SET answer = ?, answered_at = ?,"
                " body = json_remove(body, '$.credential')"
                " WHERE event_id = ? AND answer IS NULL",
                [(code, stamp, event_id) for event_id, code in answers],
            )
            self.local.store.confirmed(event_id for event_id, _code in answers)
            self.local.store.keep_conflicts(
                [(first, stamp, *rest) for first, *rest in conflicts]
            )

    def counts(self) -> tuple[int, int]:
        """How many facts wait for the server; how many admissions are not finished."""
        outbox: int = self._con.execute(
            "SELECT count(*) FROM outbox WHERE answer IS NULL"
        ).fetchone()[0]
        unresolved: int = self._con.execute(
            f"SELECT count(*) FROM journal WHERE state IN {OPEN_STATES}"
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
        rows = self._con.execute(
            "SELECT id, at, lane, phase, request_id, direction, code_hash, code,"
            " text_en, text_zh, remedy_en, remedy_zh, product, count, assumed, note"
            " FROM lane_log WHERE lane = ? ORDER BY id DESC LIMIT ?",
            (lane, limit),
        )
        return [LogRow(*row) for row in rows]

    def prune(self, days: int, at: datetime) -> int:
        """Forget finished admissions, answered facts and log lines older than `days`.
        Nothing that still has to reach the server is touched."""
        before = iso(at.astimezone(UTC) - timedelta(days=days))
        with self._transaction():
            gone = 0
            for statement in (
                f"DELETE FROM journal WHERE changed_at < ? AND state NOT IN"
                f" {OPEN_STATES}",
                "DELETE FROM outbox WHERE answered_at < ? AND answer IS NOT NULL",
                "DELETE FROM lane_log WHERE at < ?",
            ):
                gone += self._con.execute(statement, (before,)).rowcount
            gone += self.local.store.prune(before, at)
        return gone


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
