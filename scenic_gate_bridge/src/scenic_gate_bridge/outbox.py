"""Brings the facts of the outbox to the server: in order, as often as it takes."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from .backoff import Backoff
from .journal import Journal, JournalUnwritable, OutboxRow
from .metrics import Metrics
from .model import utc_now
from .rpc import (
    KeyInvalid,
    RequestRefused,
    RpcClient,
    RpcError,
    ServerFault,
    ToldToWait,
)
from .status import ServerStatus
from .watchdog import Beat, no_beat

BATCH = 100
TIMEOUT = 10.0
LOOK_AGAIN = 60.0
SLACK = 10.0  # seconds that a turn may take beside
PARKED_FOR = 3600.0


class OutboxSender:
    """One sender for all lanes; each request repeats until the server confirms it.

    A fact that the server calls malformed is set aside for an hour, so that it does not
    hold up those behind it; it is never thrown away, and health counts it.
    """

    def __init__(
        self,
        journal: Journal,
        rpc: RpcClient,
        status: ServerStatus,
        metrics: Metrics,
        backoff_max: float,
    ) -> None:
        self._journal = journal
        self._rpc = rpc
        self._status = status
        self._metrics = metrics
        self._backoff = Backoff(cap=backoff_max)
        self._parked: dict[str, float] = {}
        self._limit = BATCH
        self.turns: Beat = no_beat
        self._log = structlog.get_logger()

    @property
    def parked(self) -> int:
        """How many facts are set aside."""
        return len(self._parked)

    async def run(self) -> None:
        """Send for ever."""
        longest = 2 * TIMEOUT + max(self._backoff.cap, LOOK_AGAIN) + SLACK
        while True:
            self.turns(longest)
            self._journal.outbox_ready.clear()
            try:
                more = await self.send_once()
            except (RpcError, JournalUnwritable) as error:
                wait = self._backoff.next()
                if isinstance(error, KeyInvalid):
                    wait = max(wait, self._backoff.cap)
                if isinstance(error, ToldToWait):
                    # that it answers others is no reason to ask again
                    await asyncio.sleep(error.retry_after)
                else:
                    await self._nap(wait)
                continue
            self._backoff.reset()
            if not more:
                await self._wait_for_facts()

    async def send_once(self) -> bool:
        """Send one batch. Returns whether there was anything to send; raises RpcError
        when it stays in the outbox."""
        now = asyncio.get_running_loop().time()
        self._parked = {key: end for key, end in self._parked.items() if end > now}
        limit, skip = self._limit, list(self._parked)
        rows = await self._journal.call(lambda db: db.waiting(limit, skip))
        if not rows:
            return False
        try:
            result = await self._rpc.call(
                "report", {"events": [row.event for row in rows]}, TIMEOUT
            )
            answers = read_answers(result, rows)
        except RequestRefused as error:
            if len(rows) > 1:
                self._limit = len(rows) // 2
            else:
                self._log.error(
                    "the server finds a fact malformed; it is set aside",
                    event_id=rows[0].event_id,
                    reason=str(error),
                )
                self._parked[rows[0].event_id] = now + PARKED_FOR
                self._limit = BATCH
            return True
        at = utc_now()
        conflicts = read_conflicts(result, rows)
        await self._journal.call(lambda db: db.answered(answers, at, conflicts))
        self._limit = min(BATCH, self._limit * 2)
        for event_id, code in answers:
            self._metrics.reported.labels(code).inc()
            if code not in ("OK", "REPEAT"):
                self._log.warning(
                    "fact kept with a remark", event_id=event_id, code=code
                )
        return True

    async def _nap(self, seconds: float) -> None:
        """Wait, but not much longer than the server stays away."""
        least = min(seconds, 1.0)
        await asyncio.sleep(least)
        self._status.came_back.clear()
        try:
            async with asyncio.timeout(seconds - least):
                await self._status.came_back.wait()
        except TimeoutError:
            pass

    async def _wait_for_facts(self) -> None:
        try:
            async with asyncio.timeout(LOOK_AGAIN):
                await self._journal.outbox_ready.wait()
        except TimeoutError:
            pass


def read_answers(
    result: dict[str, Any], rows: list[OutboxRow]
) -> list[tuple[str, str]]:
    """(event_id, code) for each row; ServerFault when the answer does not fit."""
    results = result.get("results")
    if not isinstance(results, list) or len(results) != len(rows):
        raise ServerFault("report: not as many results as events")
    answers = []
    for item, row in zip(results, rows, strict=True):
        if not isinstance(item, dict) or item.get("event_id") != row.event_id:
            raise ServerFault("report: a result for another event")
        code = item.get("code")
        if not isinstance(code, str) or not code:
            raise ServerFault("report: a result without code")
        answers.append((row.event_id, code[:32]))
    return answers


def read_conflicts(
    result: dict[str, Any], rows: list[OutboxRow]
) -> list[tuple[str | int, ...]]:
    """What the server could not reconcile: event_id, lane, why, ticket, persons, value,
    currency of each."""
    found: list[tuple[str | int, ...]] = []
    for item, row in zip(result["results"], rows, strict=True):
        told = item.get("conflict")
        # a repeat tells the conflict again: the first answer may have been lost
        if item.get("code") != "CONFLICT" and told is None:
            continue
        if not isinstance(told, dict):
            told = {}
        persons = told.get("persons")
        texts = [
            told[name][:64] if isinstance(told.get(name), str) else ""
            for name in ("why", "ticket", "value", "currency")
        ]
        found.append(
            (
                row.event_id,
                row.lane,
                *texts[:2],
                persons if type(persons) is int else 0,
                *texts[2:],
            )
        )
    return found
