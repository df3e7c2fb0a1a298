"""What is committed is moved into the file beside the lanes, and survives anything."""

from __future__ import annotations

import asyncio
import random
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scenic_gate_bridge.journal import Journal, JournalDb, tables, write_back
from scenic_gate_bridge.model import Direction

AT = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)
PAGE = 4096
WRITER = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from scenic_gate_bridge.journal import Journal, tables, write_back
from scenic_gate_bridge.model import Direction
write_back.PAUSE = write_back.LONGEST = 0.001
write_back.ANEW_AT = 32
tables.AT_THE_LATEST = 64
async def main():
    async with Journal(Path(sys.argv[1])) as journal:
        for number in range(100_000):
            await journal.call(lambda db: db.lane_event(
                f"L{number}", "exit", Direction.OUT, datetime.now(UTC)
            ))
            print(number, flush=True)
asyncio.run(main())
"""


def write(db: JournalDb) -> None:
    db.lane_event("L1", "exit", Direction.OUT, AT)


def in_the_file(path: Path, other: Path) -> int:
    """Facts that are in the file itself, without its log."""
    other.write_bytes(path.read_bytes())
    try:
        with closing(sqlite3.connect(other)) as con:
            con.execute("PRAGMA journal_mode=OFF")
            return int(con.execute("SELECT count(*) FROM outbox").fetchone()[0])
    except sqlite3.DatabaseError:
        return 0  # read in the middle of a write


async def test_it_is_moved_while_the_journal_stays_open(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal(path) as journal:
        for _ in range(10):
            await journal.call(write)
        async with asyncio.timeout(20):
            while in_the_file(path, tmp_path / "copy.sqlite") < 10:
                await asyncio.sleep(0.05)
        # and again, after a pause
        await journal.call(write)
        async with asyncio.timeout(20):
            while in_the_file(path, tmp_path / "copy.sqlite") < 11:
                await asyncio.sleep(0.05)


async def test_the_log_stays_small_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody moves anything: the commits do it themselves."""
    monkeypatch.setattr(write_back, "PAUSE", 1000.0)
    monkeypatch.setattr(tables, "AT_THE_LATEST", 64)
    path = tmp_path / "journal.sqlite"
    async with Journal(path) as journal:
        for _ in range(200):
            await journal.call(write)
        log = path.with_name(path.name + "-wal")
        assert log.stat().st_size < 2 * 64 * PAGE


async def test_the_log_begins_anew_without_a_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The commits move nothing themselves, and follow each other for ever."""
    monkeypatch.setattr(write_back, "PAUSE", 0.001)
    monkeypatch.setattr(write_back, "LONGEST", 0.002)
    monkeypatch.setattr(write_back, "ANEW_AT", 64)
    monkeypatch.setattr(tables, "AT_THE_LATEST", 10**6)
    path = tmp_path / "journal.sqlite"
    log = path.with_name(path.name + "-wal")
    number = 0

    async def until_it_begins_anew(journal: Journal) -> None:
        nonlocal number
        began = log.read_bytes()[:32]  # with a salt of its own each time
        while log.read_bytes()[:32] == began:
            await asyncio.gather(*(journal.call(write) for _ in range(4)))
            number += 4

    async with Journal(path) as journal:
        await journal.call(write)
        async with asyncio.timeout(60):
            for _ in range(3):
                await until_it_begins_anew(journal)
        assert await journal.call(lambda db: db.counts()) == (number + 1, 0)


async def test_what_is_cleared_is_cut_off_while_pages_are_moved(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_back, "PAUSE", 0.0)
    path = tmp_path / "journal.sqlite"
    log = path.with_name(path.name + "-wal")
    async with Journal(path) as journal:
        for _ in range(100):
            await journal.call(write)
            assert await journal.call(lambda db: (db.fold(), log.stat().st_size)) == (
                True,
                0,
            )


async def test_a_full_disk_ends_no_mover(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be moved stays in the log, and is moved when there is room."""
    path = tmp_path / "journal.sqlite"
    failed = asyncio.Event()
    loop = asyncio.get_running_loop()
    real = write_back.WriteBack._move

    def fails(self: write_back.WriteBack) -> None:
        loop.call_soon_threadsafe(failed.set)
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(write_back.WriteBack, "_move", fails)
    async with Journal(path) as journal:
        await journal.call(write)
        async with asyncio.timeout(20):
            await failed.wait()
        monkeypatch.setattr(write_back.WriteBack, "_move", real)
        await journal.call(write)
        async with asyncio.timeout(20):
            while in_the_file(path, tmp_path / "copy.sqlite") < 2:
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment(tmp_path: Path, seed: int) -> None:
    """Each fact whose write was answered is there, in a file that is whole."""
    path = tmp_path / "journal.sqlite"
    chance = random.Random(seed)
    answered = -1
    for _ in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            for _ in range(chance.randrange(20, 200)):
                answered = int(process.stdout.readline())
            process.send_signal(signal.SIGKILL)
            for line in process.stdout:
                if line.endswith("\n"):
                    answered = int(line)
        with closing(sqlite3.connect(path)) as con:
            assert con.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            lanes = {lane for (lane,) in con.execute("SELECT lane FROM outbox")}
        assert lanes >= {f"L{number}" for number in range(answered + 1)}
