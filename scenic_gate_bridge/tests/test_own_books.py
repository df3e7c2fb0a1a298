"""What this device did: with the admission where a lane decided, apart where not."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from local_world import at, limited, qr, ticket
from scenic_gate_bridge.journal import JournalDb
from scenic_gate_bridge.local.outcome import DecidedBy
from scenic_gate_bridge.model import Code, Direction, Scan

DAY = at().date()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def db(path: Path) -> Iterator[JournalDb]:
    with closing(JournalDb(path)) as opened:
        opened.local.load_config(limited(capacity=10))
        opened.local.load_feed([ticket(1)])
        yield opened


def decide(db: JournalDb, number: int, request_id: str = "r1", **more: Any) -> Any:
    scan = Scan("L1", Direction.IN, Code(qr(number)), at())
    read = db.local.read("auto", scan.code.value)
    outcome = db.decide_here(request_id, scan, read, at(), DecidedBy.SITE, **more)
    return outcome.decision


def apart(db: JournalDb) -> int:
    """Decisions that have a row of their own."""
    return int(db._con.execute("SELECT count(*) FROM own_decision").fetchone()[0])


def test_an_admission_has_one_row(db: JournalDb, path: Path) -> None:
    decision = decide(db, 1)
    assert (decision.code, apart(db)) == ("ADMIT", 0)
    own = db.local.store.own(decision.right)
    assert (own.held, own.used) == (1, 0)
    kept = db.local.store.decision("r1")
    assert kept is not None
    assert (kept.lane, kept.right, kept.left) == ("L1", decision.right, 1)
    db.open("r1", at())
    with closing(JournalDb(path)) as again:
        again.passed("r1", at())
        own = again.local.store.own(decision.right)
        assert (own.held, own.used) == (0, 1)
        assert again.local.store.decision("r1").left == 0  # type: ignore[union-attr]
        assert again.local.people_inside(at()) == {1: (1, 0)}


def test_what_is_annulled_comes_back(db: JournalDb) -> None:
    decision = decide(db, 1)
    db.close_admission("r1", "timeout", at())
    own = db.local.store.own(decision.right)
    assert (own.held, own.used) == (0, 0)
    assert db.local.people_inside(at()) == {1: (0, 0)}
    assert decide(db, 1, "r2").code == "ADMIT"


def test_a_refusal_reserves_nothing(db: JournalDb) -> None:
    decide(db, 1)
    assert decide(db, 1, "r2").code == "IN_USE"
    assert db.local.store.decision("r2") is None
    assert apart(db) == 0


def test_after_a_question_without_answer_the_decision_is_apart(db: JournalDb) -> None:
    scan = Scan("L1", Direction.IN, Code(qr(1)), at())
    db.ask("r1", scan, at())
    decision = decide(db, 1, asked=True, unanswered="SERVER_ERROR")
    assert apart(db) == 1
    # the server has none of it, and a pass of the lane's id counts for the other one
    assert db.local.store.decision("r1") is None
    db.open("r1", at())
    db.passed("r1", at())
    own = db.local.store.own(decision.right)
    assert (own.held, own.used) == (0, 1)


def test_after_a_question_that_came_to_nothing_it_is_with_the_admission(
    db: JournalDb,
) -> None:
    scan = Scan("L1", Direction.IN, Code(qr(1)), at())
    db.ask("r1", scan, at())
    decision = decide(db, 1, asked=True)
    assert apart(db) == 0
    db.open("r1", at())
    db.passed("r1", at())
    assert db.local.store.own(decision.right).used == 1


def test_a_code_alone_is_apart(db: JournalDb) -> None:
    """It has no right yet: the ticket is not in the copy."""
    decision = decide(db, 99)
    assert (decision.code, decision.right, apart(db)) == ("ADMIT", None, 1)
    db.open("r1", at())
    db.passed("r1", at())
    assert db.local.store.own_of_number(99).used == 1


def test_a_device_that_forgets_counts_only_people(db: JournalDb) -> None:
    decision = decide(db, 1)
    db.open("r1", at())
    db.local.begin("now")
    db.local.forget_copy()
    db.passed("r1", at())
    assert db.local.store.own(decision.right).used == 0
    assert db.local.people_inside(at())[1][0] == 1


def test_what_the_server_does_not_know_of_people_inside(
    db: JournalDb, path: Path
) -> None:
    def told(other: JournalDb, inside: int, held: int = 0) -> tuple[int, int]:
        other.local.told_inside({"1": {"inside": inside, "held": held}}, at())
        return other.local.people_inside(at())[1]

    decide(db, 1)
    assert told(db, 4) == (4, 1)
    db.open("r1", at())
    db.passed("r1", at())
    assert told(db, 4) == (5, 0)
    with closing(JournalDb(path)) as again:
        assert told(again, 4) == (5, 0)
        facts = [row for row in again.waiting(9) if row.event["type"] == "admitted"]
        again.answered([(row.event_id, "OK") for row in facts], at())
        # the server has reserved, and waits to hear of the pass
        assert told(again, 4, 1) == (5, 0)
        # the same answer a second time, after the first was lost
        again.answered([(row.event_id, "OK") for row in facts], at())
        assert told(again, 4, 1) == (5, 0)
        again.answered([(row.event_id, "OK") for row in again.waiting(9)], at())
        assert told(again, 5) == (5, 0)


def test_a_step_that_fails_moves_nothing_that_waits(db: JournalDb) -> None:
    store = db.local.store
    assert store.unconfirmed(1, DAY) == (0, 0)
    with pytest.raises(ZeroDivisionError), db.transaction():
        db._enqueue("L1", "entry", at().isoformat(), direction=Direction.IN)
        assert store.unconfirmed(1, DAY) == (1, 0)
        raise ZeroDivisionError
    assert store.unconfirmed(1, DAY) == (0, 0)
