"""The steps of an admission, from the scan to its end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from ..local.outcome import DecidedBy, Outcome
from ..local.reads import Read
from ..local.store import to_json
from ..model import (
    AfterCrash,
    Decision,
    Scan,
    Verdict,
    iso,
    new_id,
)
from .rows import Log, Recovered, Row
from .tables import OPEN, Tables


@cache
def _insert(more: tuple[str, ...]) -> str:
    """The statement that adds a row, with values for these columns beside those that
    each row has."""
    columns = "".join(f", {name}" for name in more)
    return (
        "INSERT INTO journal (request_id, seq, lane, direction, code_hash, scanned_at,"
        f" changed_at{columns}) VALUES (?, ?, ?, ?, ?, ?, ?{', ?' * len(more)})"
    )


@dataclass(slots=True)
class Steps(Tables):
    """Each step is one transaction: it is on the disk when it returns."""

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
        **values: str | int | None,
    ) -> None:
        self._con.execute(
            _insert(tuple(values)),
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
                Log("denied", request_id, row.direction, row.code_hash, decision),
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
                Log(
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
        asked: bool = False,
        unanswered: str | None = None,
    ) -> Outcome:
        """asking (`asked`), or never asked, → authorised or denied by the local rule,
        in one transaction with the reservation and the fact for the server.
        `unanswered`: why the server, which may have reserved entries for this request,
        gave no answer; they are annulled, and the local decision gets an id of its
        own. None: it has certainly done nothing."""
        stamp = iso(at)
        with self._transaction():
            wire_id = request_id
            if unanswered is not None:
                row = self._row(request_id, "asking")
                self._give_back(request_id, row, stamp, f"no answer: {unanswered}")
                wire_id = new_id()
            in_journal = wire_id == request_id
            outcome = self.local.decide_within(
                read,
                scan.lane,
                scan.direction,
                at,
                wire_id,
                by,
                repeats=False,
                in_journal=in_journal,
            )
            decision = outcome.decision
            admitted = decision.verdict is Verdict.ADMIT
            result = {
                "state": "authorised" if admitted else "denied",
                "passes": decision.passes,
                "reason": "" if admitted else decision.code,
                "wire_id": wire_id,
                "decided_here": 1,
                "right_id": decision.right if in_journal else None,
                "again": int(outcome.facts.again),
                "counted": int(outcome.counted),
            }
            if not asked:
                # the message about it, and so its number, is the fact of the decision
                self._ask(request_id, scan, at, self.newest_seq, **result)
            else:
                self._set(request_id, stamp, **result)
            self._log(
                scan.lane,
                stamp,
                Log(
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

    def let_out(
        self, request_id: str, scan: Scan, decision: Decision, at: datetime
    ) -> None:
        """Never asked → opening: somebody who showed a code may leave, one person by
        one release. When he has gone it is an exit with that code, which is kept until
        then."""
        stamp = iso(at)
        shown = {"kind": scan.kind.value, "value": scan.code.value}
        with self._transaction():
            self._ask(
                request_id,
                scan,
                at,
                self._next_seq(),
                state="opening",
                passes=1,
                issued=1,
                credential=to_json(shown),
            )
            self._log(
                scan.lane,
                stamp,
                Log("admitted", request_id, scan.direction, scan.code.digest, decision),
            )

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
                credential=None,
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
        self, request_id: str, row: Row, reason: str, stamp: str, assume: bool
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
            credential=None,
        )
        if assumed:
            self._outcome(request_id, row, stamp, passed=1, note=reason, assumed=True)
        if left:
            self._outcome(request_id, row, stamp, annulled=left, note=reason)
        return assumed, left

    def _outcome(
        self,
        request_id: str,
        row: Row,
        stamp: str,
        *,
        passed: int = 0,
        annulled: int = 0,
        note: str = "",
        assumed: bool = False,
    ) -> None:
        kind, count = ("passed", passed) if passed else ("annulled", annulled)
        if row.credential is None:
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
        elif passed:
            # the server was not asked, and need not know of one who did not go
            kind = "exit"
            self._enqueue(
                row.lane,
                kind,
                stamp,
                direction=row.direction,
                assumed=assumed,
                note=note,
                credential=row.credential,
            )
        self._log(
            row.lane,
            stamp,
            Log(
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
                f"SELECT request_id FROM journal WHERE {OPEN} ORDER BY seq"
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
                        Log(
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
