"""Keeps the copy of the tickets and the config like the server's."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

import structlog

from ..backoff import Backoff
from ..journal import Journal, JournalDb, JournalUnwritable
from ..model import iso, utc_now
from ..rpc import KeyShared, RpcClient, RpcError, ServerFault, ToldToWait, Unanswered
from ..watchdog import Beat, no_beat
from .feed import FeedError

TIMEOUT = 60.0
SLACK = 60.0  # seconds that a turn may take beside
MOST = 1000  # tickets a page
LEAST = 10
AT_ONCE = 100  # tickets a transaction: lanes that decide meanwhile wait for one


async def _nothing() -> None:
    """Nobody wants to know."""


class SyncPuller:
    """Pulls tickets every `interval` seconds, and the config at the start and when the
    server names another version of it. A page is kept together with its cursor, so that
    a bridge that was killed goes on where it was."""

    def __init__(
        self,
        journal: Journal,
        rpc: RpcClient,
        interval: float,
        settled: Callable[[], Awaitable[None]] = _nothing,
    ) -> None:
        """`settled` is called when the settings are like the server's."""
        self._journal = journal
        self._rpc = rpc
        self._interval = interval
        self._settled = settled
        self._limit = MOST
        self._backoff = Backoff(cap=60.0)
        self.turns: Beat = no_beat
        self._log = structlog.get_logger()
        self.problem = ""  # why the last try came to nothing
        self._begun_anew = False  # the copy, since the last that was complete
        self._asked = False  # for the config, since the start
        self._newest: str | None = None  # version of the config, by a heartbeat

    def told_config(self, version: str) -> None:
        """The server's config has this version now."""
        self._newest = version

    async def run(self) -> None:
        """Pull for ever."""
        while True:
            self._turn()
            wait = self._interval
            try:
                await self.pull()
                self._backoff.reset()
                self.problem = ""
            except (RpcError, JournalUnwritable) as error:
                wait = max(wait, self._backoff.next())
                if isinstance(error, ToldToWait):
                    wait = max(wait, error.retry_after)
                if str(error) != self.problem:
                    # a lasting problem is said once
                    self.problem = str(error)
                    self._log.warning("sync failed", reason=self.problem)
            await asyncio.sleep(wait)

    def _turn(self) -> None:
        """A call, and then a pause, at most."""
        self.turns(2 * TIMEOUT + max(self._interval, self._backoff.cap) + SLACK)

    async def pull(self) -> None:
        """Bring config and tickets up to date; raises RpcError."""
        decides = await self._config()
        await self._settled()
        if decides == "no":
            await self._journal.call(_forget)
            return
        self._begun_anew = False
        while await self._page():
            pass

    async def _config(self) -> str:
        known, begun, decides = await self._journal.call(_known)
        if begun and self._asked and self._newest in (None, known):
            return decides
        answer = await self._rpc.call("config", {"version": known}, TIMEOUT)
        if answer.get("unchanged") is True and begun:
            self._asked = True
            return decides
        if answer.get("unchanged") is True:
            # killed before the journal began: only a whole answer tells the time
            answer = await self._rpc.call("config", {"version": None}, TIMEOUT)
        at = _time(answer.get("server_time"))
        try:
            await self._journal.call(lambda db: db.local.load_config(answer))
        except FeedError as error:
            raise ServerFault(str(error)) from error
        self._asked = True
        return await self._journal.call(lambda db: _begin(db, at))

    async def _page(self) -> bool:
        """Pull one page. Returns whether more follow."""
        self._turn()
        cursor, born = await self._journal.call(
            lambda db: (db.local.store.meta("cursor"), db.local.store.meta("born"))
        )
        asked: dict[str, object] = {
            "cursor": cursor,
            "limit": self._limit,
            "born": born,
        }
        try:
            answer = await self._rpc.call("sync", asked, TIMEOUT)
        except KeyShared:
            await self._journal.call(lambda db: db.local.told_shared(True))
            raise
        except ToldToWait:
            raise
        except (Unanswered, ServerFault):
            # a slow line, or an answer too large: ask for less
            self._limit = max(LEAST, self._limit // 2)
            raise
        await self._journal.call(lambda db: db.local.told_shared(False))
        self._limit = min(MOST, self._limit * 2)
        next_cursor, more = answer.get("cursor"), answer.get("more")
        tickets, gone = answer.get("tickets"), answer.get("gone")
        if (
            not isinstance(next_cursor, str)
            or not isinstance(more, bool)
            or not isinstance(tickets, list)
            or not isinstance(gone, list)
            or not all(type(each) is int for each in gone)
        ):
            raise ServerFault("sync: not a page of tickets")
        at = _time(answer.get("server_time"))
        anew = answer.get("reset") is True
        if anew and self._begun_anew:
            # or this would go on for ever, without a pause
            raise ServerFault("sync: the copy begins anew again and again")
        self._begun_anew = anew or self._begun_anew
        if cursor is None or anew:
            await self._journal.call(_new_generation)
        try:
            for first in range(0, len(tickets), AT_ONCE):
                await self._keep(tickets[first : first + AT_ONCE])
            await self._journal.call(
                lambda db: db.local.end_page(next_cursor, gone, None if more else at)
            )
        except FeedError as error:
            raise ServerFault(f"sync: {error}") from error
        await self._journal.call(lambda db: db.local.told_time(at, utc_now()))
        if not more:
            await self._drop_stale()
        return more

    async def _keep(self, tickets: list[Any]) -> None:
        await self._journal.call(lambda db: db.local.load_feed(tickets))

    async def _drop_stale(self) -> None:
        while await self._journal.call(lambda db: db.local.drop_stale(AT_ONCE)):
            pass


def _known(db: JournalDb) -> tuple[str | None, bool, str]:
    """The version of the config, whether the journal counts as it must, and whether the
    device may decide."""
    config = db.local.config
    begun = config.decides == "no" or db.local.store.meta("born") is not None
    return config.version or None, begun, config.decides


def _begin(db: JournalDb, at: datetime) -> str:
    """From the first moment that the device may decide, its own journal counts."""
    decides = db.local.config.decides
    if decides != "no":
        db.local.begin(iso(at))
    return decides


def _forget(db: JournalDb) -> None:
    db.local.forget_copy()


def _new_generation(db: JournalDb) -> None:
    db.local.new_generation()


def _time(text: Any) -> datetime:
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        at = None
    if at is None or at.tzinfo is None:
        raise ServerFault("no server_time")
    return at
