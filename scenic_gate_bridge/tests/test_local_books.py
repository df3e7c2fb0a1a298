"""Whatever comes in whatever order, no entry is given twice and none is lost.

A decider on a journal file against the plain arithmetic of a ticket: entries, those
whom others let in, those under way, those who passed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    rule,
)

from local_world import at, config, qr, right, ticket
from scenic_gate_bridge.journal import JournalDb, JournalUnwritable
from scenic_gate_bridge.model import Direction

GROUP = 6


class Books(RuleBasedStateMachine):
    """One group ticket at the lanes of one device, and at others."""

    under_way = Bundle("under_way")

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "journal.sqlite"
        self.elsewhere = self.passed = self.refunded = 0
        self.held: dict[str, int] = {}
        self.requests: list[str] = []

    @initialize()
    def begin(self) -> None:
        self.db = JournalDb(self.path)
        self.db.local.load_config(config())
        self.tell()

    def teardown(self) -> None:
        self.db.close()
        self.folder.cleanup()

    @property
    def free(self) -> int:
        mine = self.passed + sum(self.held.values())
        return GROUP - self.elsewhere - self.refunded - mine

    def tell(self) -> None:
        """The feed: what others did, and what was given back in money."""
        counts: dict[str, Any] = {"used": self.elsewhere, "refunded": self.refunded}
        group = right(total=GROUP, **counts)
        self.db.local.load_feed([ticket(persons=GROUP, rights=[group])])

    @rule(target=under_way, lane=st.sampled_from(["L1", "L2"]))
    def scan(self, lane: str) -> Any:
        free = self.free
        read = self.db.local.read("auto", qr(1))
        outcome = self.db.local.decide(read, lane, Direction.IN, at())
        if free <= 0:
            assert outcome.decision.code in ("IN_USE", "USED", "REFUNDED")
            return multiple()
        assert (outcome.decision.code, outcome.decision.passes) == ("ADMIT", free)
        assert outcome.facts.left == 0
        self.held[outcome.request_id] = free
        self.requests.append(outcome.request_id)
        return outcome.request_id

    @rule(request_id=under_way, people=st.integers(1, GROUP))
    def walk(self, request_id: str, people: int) -> None:
        people = min(people, self.held.get(request_id, 0))
        if people:
            self.db.local.passed(request_id, people, at())
            self.held[request_id] -= people
            self.passed += people

    @rule(request_id=under_way, rest=st.booleans())
    def turn_back(self, request_id: str, rest: bool) -> None:
        left = self.held.get(request_id, 0)
        if left:
            self.db.local.annulled(request_id, None if rest else 1, at())
            self.held[request_id] -= left if rest else 1

    @rule(request_id=under_way)
    def ask_again(self, request_id: str) -> None:
        """A repeat reserves nothing and gets the first answer."""
        read = self.db.local.read("auto", qr(1))
        again = self.db.local.decide(read, "L1", Direction.IN, at(), request_id)
        assert again.repeat
        assert again.decision.code == "ADMIT"

    @rule(refund=st.booleans())
    def happens_elsewhere(self, refund: bool) -> None:
        if self.free > 0:
            self.refunded += refund
            self.elsewhere += not refund
            self.tell()

    @rule()
    def told_again(self) -> None:
        self.tell()

    @rule()
    def restart(self) -> None:
        self.db.close()
        self.db = JournalDb(self.path)

    @rule(request_id=under_way)
    def taken_back(self, request_id: str) -> None:
        """A step that fails takes its company with it, and the counts stay."""
        with pytest.raises(JournalUnwritable), self.db.together():
            self.db.lane_event("L1", "exit", Direction.OUT, at("12:00"))
            with pytest.raises(ZeroDivisionError), self.db.transaction():
                self.db.local.store.move_right(1, 1, used=3)
                raise ZeroDivisionError

    @invariant()
    def the_books_agree(self) -> None:
        if not hasattr(self, "db"):
            return
        own = self.db.local.store.own(1)
        assert own.used == self.passed
        assert own.held == sum(self.held.values())
        events = [row.event for row in self.db.waiting(1000)]
        told = {
            kind: sum(int(str(e["count"])) for e in events if e["type"] == kind)
            for kind in ("admitted", "passed", "annulled")
        }
        assert told["passed"] == self.passed
        assert told["admitted"] - told["passed"] - told["annulled"] == own.held


Books.TestCase.settings = settings(max_examples=40, stateful_step_count=25)
TestBooks = Books.TestCase
