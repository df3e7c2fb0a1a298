"""Writes that wait at the same moment share a commit; none depends on another."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from scenic_gate_bridge.journal import (
    Journal,
    JournalDb,
    JournalError,
    JournalUnwritable,
)
from scenic_gate_bridge.model import Direction

AT = datetime(2026, 12, 1, 1, 0, tzinfo=UTC)


def write(lane: str, db: JournalDb) -> int:
    db.lane_event(lane, "exit", Direction.OUT, AT)
    return db.counts()[0]


def lanes(path: Path) -> list[str]:
    """The lanes whose facts are on the disk."""
    db = JournalDb(path)
    try:
        return [row.lane for row in db.waiting(100)]
    finally:
        db.close()


@contextmanager
def no_room(path: Path) -> Iterator[None]:
    """No file may grow, as on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    wal = path.with_name(path.name + "-wal")
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_each_caller_gets_its_own_answer(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    commits: list[float] = []
    async with Journal(path, commits.append) as journal:
        names = [f"L{number}" for number in range(20)]
        calls = [
            journal.call(lambda db, name=name: write(name, db))  # type: ignore[misc]
            for name in names
        ]
        assert await asyncio.gather(*calls) == list(range(1, 21))
    assert lanes(path) == names
    # they came up in one turn of the loop
    assert len(commits) == 1


async def test_what_was_called_for_is_written_before_the_end(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal(path) as journal:
        call = asyncio.ensure_future(journal.call(lambda db: write("L1", db)))
        await asyncio.sleep(0)
        # the call has not been handed over yet
    assert await call == 1
    assert lanes(path) == ["L1"]


async def test_one_that_fails_takes_nobody_with_it(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"

    def fail(db: JournalDb) -> None:
        write("L2", db)
        # a step that cannot be: the row is not there; its own transaction alone is lost
        db.open("missing", AT)

    async with Journal(path) as journal:
        before, failed, after = await asyncio.gather(
            journal.call(lambda db: write("L1", db)),
            journal.call(fail),
            journal.call(lambda db: write("L3", db)),
            return_exceptions=True,
        )
    assert (before, after) == (1, 3)
    assert isinstance(failed, JournalError)
    assert not isinstance(failed, JournalUnwritable)
    assert lanes(path) == ["L1", "L2", "L3"]


async def test_a_full_disk_fails_all_of_them_and_keeps_none(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    async with Journal(path) as journal:
        await journal.call(lambda db: write("L1", db))
        with no_room(path):
            found = await asyncio.gather(
                *(journal.call(lambda db: write("L2", db)) for _ in range(5)),
                return_exceptions=True,
            )
            assert {type(each) for each in found} == {JournalUnwritable}
            # what was there can be read
            assert await journal.call(lambda db: db.counts()) == (1, 0)
        assert await journal.call(lambda db: write("L3", db)) == 2
    assert lanes(path) == ["L1", "L3"]


def test_in_company_nothing_is_kept_when_a_part_fails(tmp_path: Path) -> None:
    """Half of the part may be written, and it cannot be told from the rest."""
    db = JournalDb(tmp_path / "journal.sqlite")
    with pytest.raises(JournalUnwritable), db.together():
        write("L1", db)
        with pytest.raises(JournalError):
            db.open("missing", AT)
        with pytest.raises(JournalUnwritable):
            write("L2", db)
    write("L3", db)
    db.close()
    assert lanes(tmp_path / "journal.sqlite") == ["L3"]
