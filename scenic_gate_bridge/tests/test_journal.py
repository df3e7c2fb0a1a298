"""The journal: each step once, state and outbox together, nothing forgotten."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from scenic_gate_bridge import refusals
from scenic_gate_bridge.bridge import StateDirError, state_dir_lock
from scenic_gate_bridge.journal import Journal, JournalDb, JournalError
from scenic_gate_bridge.journal.rows import LaneState
from scenic_gate_bridge.journal.tables import OPEN
from scenic_gate_bridge.model import (
    AfterCrash,
    Code,
    Decision,
    Direction,
    LaneMode,
    ModeSource,
    PlannedMode,
    Scan,
    Text,
    Verdict,
)

OLD = "2026-11-30T01:02:03.000Z"
AT = datetime(2026, 12, 1, 1, 2, 3, tzinfo=UTC)
SCAN = Scan("L1", Direction.IN, Code("SECRETCODE123"), AT)
ASSUME = {"L1": AfterCrash.ASSUMED_PASSED}
ANNUL = {"L1": AfterCrash.ANNUL}


def admit(passes: int = 1) -> Decision:
    return Decision(Verdict.ADMIT, "ADMIT", Text("Welcome", "欢迎"), passes=passes)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite"


@pytest.fixture
def db(path: Path) -> Any:
    opened = JournalDb(path)
    yield opened
    opened.close()


def opened(db: JournalDb, request_id: str = "r1", passes: int = 1) -> None:
    db.ask(request_id, SCAN, AT)
    db.authorise(request_id, admit(passes), AT)
    db.open(request_id, AT)


def events(db: JournalDb) -> list[tuple[Any, ...]]:
    return [
        tuple(row.event.get(name) for name in ("type", "count", "assumed", "note"))
        for row in db.waiting(100)
    ]


def state(db: JournalDb, request_id: str = "r1") -> Any:
    return db._con.execute(
        "SELECT state, passes, issued, passed, annulled FROM journal"
        " WHERE request_id = ?",
        (request_id,),
    ).fetchone()


def test_whole_way(db: JournalDb) -> None:
    assert db.ask("r1", SCAN, AT) == 1
    assert state(db)[0] == "asking"
    db.authorise("r1", admit(), AT)
    assert state(db) == ("authorised", 1, 0, 0, 0)
    db.open("r1", AT)
    assert state(db) == ("opening", 1, 1, 0, 0)
    db.passed("r1", AT)
    assert state(db) == ("passed", 1, 1, 1, 0)
    (row,) = db.waiting(10)
    assert row.event == {
        "event_id": row.event_id,
        "seq": 2,
        "lane": "L1",
        "type": "passed",
        "request_id": "r1",
        "count": 1,
        "direction": "in",
        "assumed": False,
        "at": "2026-12-01T01:02:03.000Z",
        "note": "",
    }
    assert [line.phase for line in db.recent("L1", 9)] == ["passed", "admitted"]


STEPS: list[tuple[str, Any]] = [
    ("authorise", lambda db: db.authorise("r1", admit(), AT)),
    ("open", lambda db: db.open("r1", AT)),
    ("passed", lambda db: db.passed("r1", AT)),
    ("close", lambda db: db.close_admission("r1", "x", AT)),
]


@pytest.mark.parametrize(("name", "step"), STEPS)
def test_no_step_twice_and_none_after_the_end(
    db: JournalDb, name: str, step: Any
) -> None:
    with pytest.raises(JournalError, match="missing"):
        step(db)
    opened(db)
    db.close_admission("r1", "timeout", AT)
    before = events(db), state(db)
    with pytest.raises(JournalError, match="is annulled, expected"):
        step(db)
    assert (events(db), state(db)) == before


def test_a_refusal_may_come_before_the_question_but_not_twice(db: JournalDb) -> None:
    db.deny("r1", refusals.OFFLINE, AT, SCAN)
    assert state(db) == ("denied", 0, 0, 0, 0)
    with pytest.raises(JournalError, match="is denied, expected"):
        db.deny("r1", refusals.OFFLINE, AT, SCAN)
    assert events(db) == []


def test_a_request_id_is_used_once(db: JournalDb) -> None:
    db.ask("r1", SCAN, AT)
    with pytest.raises(JournalError, match="UNIQUE"):
        db.ask("r1", SCAN, AT)
    # the failed step has not used up a number
    assert db.next_seq() == 2


def test_state_and_outbox_are_one_step(db: JournalDb) -> None:
    opened(db)
    db._con.execute(
        "CREATE TRIGGER full BEFORE INSERT ON outbox"
        " BEGIN SELECT RAISE(ABORT, 'disk full'); END"
    )
    with pytest.raises(JournalError, match="disk full"):
        db.passed("r1", AT)
    assert state(db)[0] == "opening"
    assert [line.phase for line in db.recent("L1", 9)] == ["admitted"]
    db._con.execute("DROP TRIGGER full")
    db.passed("r1", AT)
    assert len(events(db)) == 1


@pytest.mark.parametrize("rules", [ASSUME, ANNUL, {}])
def test_recovery(path: Path, rules: dict[str, AfterCrash]) -> None:
    db = JournalDb(path)
    db.ask("asking", SCAN, AT)
    db.ask("authorised", SCAN, AT)
    db.authorise("authorised", admit(4), AT)
    opened(db, "opening")
    opened(db, "group", passes=5)
    db.passed("group", AT, release=True)
    db.passed("group", AT, release=True)
    opened(db, "rested", passes=3)
    db.passed("rested", AT)
    opened(db, "done")
    db.passed("done", AT)
    before = len(events(db))
    db.close()

    db = JournalDb(path)
    done = {each.request_id: each for each in db.recover(rules, AT)}
    assume = rules.get("L1") is not AfterCrash.ANNUL
    ends = {key: (each.passed, each.annulled) for key, each in done.items()}
    assert ends == {
        "asking": (0, 0),
        "authorised": (0, 4),
        "opening": (1, 0) if assume else (0, 1),
        "group": (1, 2) if assume else (0, 3),
        "rested": (0, 2),
    }
    assert state(db, "asking") == ("annulled", 0, 0, 0, 0)
    assert state(db, "authorised") == ("annulled", 4, 0, 0, 4)
    assert state(db, "group")[0] == "passed"
    news = events(db)[before:]
    # how many were reserved is not known here: all of them
    assert news[0] == ("annulled", None, False, "restart: no answer")
    assert None not in [count for _kind, count, *_rest in news[1:]]
    assert sum(assumed for _kind, _count, assumed, _note in news) == 2 * assume
    assert all(note.startswith("restart") for *_rest, note in news)
    # once
    assert db.recover(rules, AT) == []
    db.close()
    db = JournalDb(path)
    assert db.recover(rules, AT) == []
    assert len(events(db)) == before + len(news)
    db.close()


def test_refusal_without_answer_is_annulled_at_the_server(db: JournalDb) -> None:
    for number, decision in enumerate(
        (refusals.OFFLINE_UNSURE, refusals.OFFLINE, refusals.SERVER_REFUSED)
    ):
        db.ask(f"r{number}", SCAN, AT)
        db.deny(f"r{number}", decision, AT, SCAN)
    (row,) = db.waiting(9)
    assert "count" not in row.event
    assert events(db) == [("annulled", None, False, "no answer: OFFLINE")]


def test_outbox_keeps_order_and_skips(db: JournalDb) -> None:
    for number in range(5):
        db.lane_event("L1", "exit", Direction.OUT, AT, note=str(number))
    rows = db.waiting(3)
    assert [row.event["note"] for row in rows] == ["0", "1", "2"]
    rest = db.waiting(2, [rows[0].event_id])
    assert [row.event["note"] for row in rest] == ["1", "2"]
    db.answered([(rows[1].event_id, "OK"), (rows[0].event_id, "REPEAT")], AT)
    assert [row.event["note"] for row in db.waiting(9)] == ["2", "3", "4"]
    assert db.counts() == (3, 0)
    seqs: list[Any] = [row.event["seq"] for row in db.waiting(9)]
    assert seqs == sorted(seqs)


def test_numbers_rise_over_restarts(path: Path) -> None:
    seen: list[int] = []
    for _ in range(3):
        db = JournalDb(path)
        seen += [db.next_seq(), db.ask(str(len(seen)), SCAN, AT)]
        db.close()
    assert seen == sorted(set(seen))


def test_a_number_that_only_a_fact_has_is_not_given_again(path: Path) -> None:
    """The counter is written only where no fact that waits has the number."""
    with closing(JournalDb(path)) as db:
        db.lane_event("L1", "exit", Direction.OUT, AT)
        db.ask("r1", SCAN, AT)
        db.lane_event("L1", "exit", Direction.OUT, AT)
        assert db.newest_seq == 3
    with closing(JournalDb(path)) as db:
        assert db.newest_seq == 3
        with pytest.raises(ZeroDivisionError), db.transaction():
            db._enqueue("L1", "exit", OLD, direction=Direction.OUT)
            raise ZeroDivisionError
        # the number of the fact that came to nothing, this time by no fact
        assert db.next_seq() == 4
        db.lane_event("L1", "exit", Direction.OUT, AT)
    with closing(JournalDb(path)) as db:
        facts = db.waiting(9)
        assert [row.event["seq"] for row in facts] == [1, 3, 5]
        db.answered([(row.event_id, "OK") for row in facts], AT)
        db.prune(30, AT + timedelta(days=31))
        assert db._con.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    with closing(JournalDb(path)) as db:
        assert db.next_seq() == 6


def test_the_log_of_a_lane_over_many_parts(path: Path) -> None:
    def notes(db: JournalDb, lane: str, limit: int = 9) -> list[str]:
        return [line.note for line in db.recent(lane, limit)]

    with closing(JournalDb(path)) as db:
        assert notes(db, "L1") == []
        with db.together():
            for number in range(600):
                lane = "quiet" if number in (3, 4, 300) else "L1"
                db.note(lane, "note", AT, note=str(number))
        assert notes(db, "quiet") == ["300", "4", "3"]
        assert notes(db, "quiet", 2) == ["300", "4"]
        assert notes(db, "L1", 598)[::596] == ["599", "0"]
        assert notes(db, "L1", 600)[299:301] == ["299", "298"]
        # the first line of a part, in a step that comes to nothing
        with pytest.raises(JournalError), db.together():
            db.note("quiet", "note", AT, note="lost")
            db.open("r1", AT)
        db.note("quiet", "note", AT, note="kept")
        assert notes(db, "quiet", 1) == ["kept"]
        db.note("L1", "note", AT + timedelta(days=31), note="new")
        db.prune(30, AT + timedelta(days=31))
        assert (notes(db, "quiet"), notes(db, "L1")) == ([], ["new"])
        parts = "SELECT lane, part FROM lane_log_part"
        assert db._con.execute(parts).fetchall() == [("L1", 2), ("quiet", 2)]
        db.prune(30, AT + timedelta(days=90))
        assert db._con.execute(parts).fetchall() == []
        # numbers of lines begin anew, twice in the same part
        for note in ("once", "again"):
            db.prune(30, AT + timedelta(days=90))
            db.note("quiet", "note", AT, note=note)
            assert notes(db, "quiet") == [note]
    with closing(JournalDb(path)) as db:
        assert notes(db, "quiet") == ["again"]


def test_settings_of_a_lane_survive(path: Path) -> None:
    db = JournalDb(path)
    assert db.lane_states() == {}
    db.set_mode("L1", LaneMode.FREE, ModeSource.SERVER, Direction.IN, AT)
    db.set_emergency("L1", True, Direction.IN, AT)
    db.close()
    db = JournalDb(path)
    assert db.lane_states()["L1"].mode is LaneMode.FREE
    assert db.lane_states()["L1"].emergency
    db.close()


def test_no_code_on_the_disk(path: Path) -> None:
    db = JournalDb(path)
    opened(db)
    db.note("L1", "denied", AT, scan=SCAN, decision=refusals.BUSY)
    db.close()
    content = b"".join(each.read_bytes() for each in path.parent.iterdir())
    assert SCAN.code.value.encode() not in content
    assert SCAN.code.digest.encode() in content
    assert SCAN.code.value not in f"{SCAN} {SCAN.code!r} {SCAN.code!s}"


def test_prune_forgets_only_what_is_settled(db: JournalDb) -> None:
    opened(db, "old")
    db.passed("old", AT)
    opened(db, "open")
    later = AT + timedelta(days=31)
    db.prune(30, later)
    assert state(db, "old") is None
    assert state(db, "open") is not None
    assert len(events(db)) == 1
    (row,) = db.waiting(9)
    db.answered([(row.event_id, "OK")], AT)
    db.prune(30, later)
    assert db._con.execute("SELECT count(*) FROM outbox").fetchone() == (0,)
    assert db.recent("L1", 9) == []


def test_journal_of_a_newer_version_is_left_alone(path: Path) -> None:
    con = sqlite3.connect(path)
    con.execute("PRAGMA user_version=99")
    con.close()
    with pytest.raises(JournalError, match="newer version"):
        JournalDb(path)


def test_not_a_database(path: Path) -> None:
    path.write_bytes(b"this is no database, it is a text" * 100)
    with pytest.raises(JournalError, match="cannot open the journal"):
        JournalDb(path)


def test_durability_settings(db: JournalDb) -> None:
    assert db._con.execute("PRAGMA synchronous").fetchone() == (2,)
    assert db._con.execute("PRAGMA journal_mode").fetchone() == ("wal",)


async def test_thread_serves_many_callers_and_wakes_the_outbox(path: Path) -> None:
    async with Journal(path) as journal:
        seqs = await asyncio.gather(
            *(journal.call(lambda db: db.next_seq()) for _ in range(50))
        )
        assert sorted(seqs) == list(range(1, 51))
        assert not journal.outbox_ready.is_set()
        await journal.call(
            lambda db: db.lane_event("L1", "exit", Direction.OUT, AT, note="")
        )
        assert journal.outbox_ready.is_set()
    with pytest.raises(RuntimeError, match="closed"):
        await journal.call(lambda db: db.next_seq())


async def test_broken_journal_fails_on_entry(tmp_path: Path) -> None:
    with pytest.raises(JournalError):
        async with Journal(tmp_path / "nowhere" / "journal.sqlite"):
            pass


def test_state_dir_is_for_one_bridge(tmp_path: Path) -> None:
    state_dir = tmp_path / "a" / "b"
    with state_dir_lock(state_dir):
        assert stat.S_IMODE(os.stat(state_dir).st_mode) == 0o700
        with pytest.raises(StateDirError, match="another bridge"):
            with state_dir_lock(state_dir):
                pass
    with state_dir_lock(state_dir):
        pass
    (tmp_path / "file").write_text("")
    with pytest.raises(StateDirError, match="cannot use"):
        with state_dir_lock(tmp_path / "file"):
            pass


def test_journal_of_the_first_schema_keeps_its_lanes(path: Path) -> None:
    """An older bridge's file: modes are kept, and the new ones can be stored."""
    script = resources.files("scenic_gate_bridge.journal") / "migrations"
    with closing(sqlite3.connect(path)) as old:
        old.executescript((script / "0001_initial.sql").read_text("utf-8"))
        old.execute("INSERT INTO lane_state VALUES ('L1', 'locked', 1)")
        old.execute("PRAGMA user_version=1")
        old.commit()
    db = JournalDb(path)
    assert db.lane_states()["L1"] == LaneState(LaneMode.LOCKED, True)
    db.set_mode("L1", LaneMode.EXIT, ModeSource.SCHEDULE, Direction.OUT, AT)
    db.set_plan("L1", [PlannedMode(AT, LaneMode.FREE)])
    state = LaneState(LaneMode.EXIT, True, (PlannedMode(AT, LaneMode.FREE),))
    assert db.lane_states()["L1"] == state
    db.close()


@contextmanager
def journal_of_schema(path: Path, number: int) -> Iterator[sqlite3.Connection]:
    """A journal as an older program left it."""
    scripts = resources.files("scenic_gate_bridge.journal") / "migrations"
    older = sorted(each.name for each in scripts.iterdir())[:number]
    assert older[-1].startswith(f"{number:04d}")
    with closing(sqlite3.connect(path)) as old:
        for name in older:
            old.executescript((scripts / name).read_text("utf-8"))
        yield old
        old.execute(f"PRAGMA user_version={number}")


def test_journal_of_an_older_schema_goes_on(path: Path) -> None:
    """What was under way, what waits, what was logged and what was decided stays."""
    with journal_of_schema(path, 7) as old:
        old.executescript(
            f"""
            UPDATE counter SET seq = 4;
            INSERT INTO journal (request_id, seq, lane, direction, code_hash, state,
                passes, issued, passed, scanned_at, changed_at, wire_id, decided_here)
            VALUES ('r1', 2, 'L1', 'in', 'c', 'opening', 3, 2, 1, '{OLD}', '{OLD}',
                'w1', 1), ('r0', 1, 'L1', 'in', 'c', 'denied', 0, 0, 0, '{OLD}',
                '{OLD}', NULL, 0);
            INSERT INTO outbox (id, event_id, seq, lane, body, created_at, answer)
            VALUES (7, 'e1', 3, 'L1', '{{"type": "admitted"}}', '{OLD}', NULL),
                (6, 'e0', 1, 'L1', '{{"type": "exit"}}', '{OLD}', 'OK');
            INSERT INTO lane_log (at, lane, phase, text_zh, photo)
            VALUES ('{OLD}', 'L1', 'admitted', '欢迎', 'p.jpg');
            INSERT INTO own_decision (request_id, at, lane, direction, right, passes,
                passed, counted) VALUES ('w1', '{OLD}', 'L1', 'in', 5, 3, 1, 1);
            INSERT INTO own_right (id, ticket, used, held) VALUES (5, 9, 1, 2);
            """
        )
    with closing(JournalDb(path)) as db:
        assert state(db) == ("opening", 3, 2, 1, 0)
        assert state(db, "r0")[0] == "denied"
        assert db.has_fact("e0")
        assert [(row.id, row.event_id) for row in db.waiting(9)] == [(7, "e1")]
        (line,) = db.recent("L1", 9)
        assert (line.text_zh, line.photo) == ("欢迎", "p.jpg")
        db.passed("r1", AT)
        own = db.local.store.own(5)
        assert (own.used, own.held) == (2, 1)
        fact = db.waiting(9)[-1].event
        assert (fact["type"], fact["request_id"], fact["seq"]) == ("passed", "w1", 5)
        assert [each.request_id for each in db.recover(ASSUME, AT)] == ["r1"]
        assert state(db) == ("passed", 3, 2, 2, 1)


def test_a_journal_with_an_index_of_lines_and_moves_apart_goes_on(path: Path) -> None:
    day = AT.date()
    with journal_of_schema(path, 8) as old:
        old.executescript(
            f"""
            UPDATE counter SET seq = 4;
            INSERT INTO outbox (id, event_id, seq, lane, body, created_at, answer)
            VALUES (6, 'e0', 1, 'L1', '{{}}', '{OLD}', 'OK'),
                (7, 'e1', 3, 'L1', '{{}}', '{OLD}', NULL),
                (8, 'e2', 4, 'L1', '{{}}', '{OLD}', NULL);
            INSERT INTO pool_move (event_id, pool, day, inside, held)
            VALUES ('e1', 1, '{day}', 0, 3), ('e1', 2, '{day}', -1, 0),
                ('e2', 1, '{day}', 2, -2);
            INSERT INTO lane_log (id, at, lane, phase)
            VALUES (5, '{OLD}', 'L1', 'old'), (700, '{OLD}', 'L1', 'new');
            """
        )
    with closing(JournalDb(path)) as db:
        store = db.local.store
        assert db.next_seq() == 5
        assert [line.phase for line in db.recent("L1", 9)] == ["new", "old"]
        assert store.unconfirmed(1, day) == (2, 1)
        assert store.unconfirmed(2, day) == (-1, 0)
        db.answered([("e1", "OK")], AT)
        assert store.unconfirmed(1, day) == (2, -2)
        assert store.unconfirmed(2, day) == (0, 0)


def test_what_is_open_is_found_by_its_index(path: Path) -> None:
    """A condition that the index does not have word for word reads every row."""
    with closing(JournalDb(path)), closing(sqlite3.connect(path)) as con:
        (plan,) = con.execute(f"EXPLAIN QUERY PLAN SELECT 1 FROM journal WHERE {OPEN}")
        assert "journal_open" in plan[-1]


def test_a_code_that_is_cleared_is_gone_from_the_disk(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where SQLite was built so that it leaves deleted bytes where they are."""
    connect = sqlite3.connect

    def careless(*place: Any, **options: Any) -> sqlite3.Connection:
        con: sqlite3.Connection = connect(*place, **options)
        con.execute("PRAGMA secure_delete=OFF")
        return con

    monkeypatch.setattr(sqlite3, "connect", careless)
    with closing(JournalDb(path)) as db:
        codes = [f"T1{hashlib.sha512(bytes([n])).hexdigest()}" for n in range(250)]

        def found() -> int:
            files = [path, path.with_name(path.name + "-wal")]
            raw = b"".join(file.read_bytes() for file in files)
            return sum(code.encode() in raw for code in codes)

        for number, code in enumerate(codes):
            scan = Scan("X1", Direction.OUT, Code(code), AT)
            db.let_out(f"r{number}", scan, admit(), AT)
            if number % 5:
                db.passed(f"r{number}", AT)
            else:
                db.close_admission(f"r{number}", "timeout", AT)
            opened(db, f"in{number}")
        assert found() >= 200  # those who went wait for the server
        while rows := db.waiting(20):
            db.answered([(row.event_id, "OK") for row in rows], AT)
        # not in the middle of a commit that others share
        with db.together():
            assert not db.fold()
            db.next_seq()
        assert db.fold()
        assert found() == 0


def test_who_reads_the_journal_does_not_hold_up_the_lanes(
    db: JournalDb, path: Path
) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM outbox").fetchall()
        opened(db)
        assert db.fold()
        assert path.with_name(path.name + "-wal").stat().st_size
    assert db.fold()
    assert not path.with_name(path.name + "-wal").stat().st_size
