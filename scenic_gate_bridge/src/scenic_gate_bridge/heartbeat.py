"""Tells the server that the device lives; its answer sets the lanes' modes.

The server decides which mode a lane has, and names the changes that its schedule
brings in the coming day. While it answers, its word counts; while it does not, the
bridge carries out those changes by itself, on the server's clock.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any

import structlog

from . import __version__
from .journal import Journal, JournalDb, JournalUnwritable
from .lane import Lane
from .local.lane_modes import read_lanes, read_time
from .metrics import Metrics
from .model import PlannedMode, utc_now
from .rpc import RpcClient, RpcError, ToldToWait
from .watchdog import Beat, no_beat

TIMEOUT = 5.0
CUT = 3.0  # seconds and intervals without an answer after which the link counts as cut
SLACK = 10.0  # seconds that a turn may take beside
KEY_SHARED = (
    "server: another bridge uses the same key, or this one lost its journal: its"
    " message numbers are behind; give this bridge a new key in Odoo"
)
LOOK = 0.25  # seconds between two looks at the schedule


class Heartbeat:
    """Beats at once and then every `interval` seconds."""

    def __init__(
        self,
        journal: Journal,
        rpc: RpcClient,
        lanes: dict[str, Lane],
        metrics: Metrics,
        interval: float,
        others: Callable[[], list[dict[str, Any]]],
    ) -> None:
        """`others`: what clients of this site server say of their lanes."""
        self._journal = journal
        self._rpc = rpc
        self._lanes = lanes
        self._metrics = metrics
        self._interval = interval
        self._others = others
        self._log = structlog.get_logger()
        self.turns: Beat = no_beat
        self.on_config: Callable[[str], None] = lambda version: None
        self.problems: list[str] = []
        self.device = ""
        self.names: dict[str, str] = {}
        self._begun = asyncio.get_running_loop().time()  # monotonic, as the next
        self._answered: float | None = None  # monotonic
        self._waits = False  # because the server asked for it
        self._ahead = timedelta()  # of the server's clock, when it last answered

    async def run(self) -> None:
        """Beat for ever, and carry out the schedule while nobody answers."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._beat_on())
            group.create_task(self._follow())

    async def _beat_on(self) -> None:
        while True:
            self.turns(2 * TIMEOUT + SLACK)
            wait = self._interval
            try:
                await self.beat()
            except RpcError as error:
                self._log.debug("heartbeat failed", reason=str(error))
                if isinstance(error, ToldToWait):
                    wait = max(wait, error.retry_after)
            self._waits = wait > self._interval
            self.turns(wait + SLACK)
            await asyncio.sleep(wait)

    async def beat(self) -> None:
        """One heartbeat; raises RpcError."""
        try:
            seq = await self._journal.call(lambda db: db.next_seq())
        except JournalUnwritable:
            # the lanes' modes must reach the lanes all the same
            seq = await self._journal.call(lambda db: db.newest_seq)
        outbox, unresolved = await self._journal.call(lambda db: db.counts())
        copy = await self._journal.call(lambda db: db.local.state())
        self._metrics.outbox.set(outbox)
        self._metrics.unresolved.set(unresolved)
        answer = await self._rpc.call(
            "heartbeat",
            {
                "seq": seq,
                "version": __version__,
                "outbox": outbox,
                "unresolved": unresolved,
                **copy,
                "lanes": [
                    *(lane.counters() for lane in self._lanes.values()),
                    *self._others(),
                ],
            },
            TIMEOUT,
        )
        await self._apply(answer)

    @property
    def _silence(self) -> float:
        """Seconds without an answer; 0 while they are too few to matter."""
        last = self._begun if self._answered is None else self._answered
        seconds = asyncio.get_running_loop().time() - last
        return seconds if seconds > max(CUT, CUT * self._interval) else 0.0

    def troubles(self) -> list[str]:
        """What is wrong with what the server says of the lanes, and how old it is when
        it says nothing."""
        if not self._silence:
            return self.problems
        old = f"modes of the lanes: not heard from the server for {self._silence:.0f} s"
        return [*self.problems, old + (", it asked to wait" if self._waits else "")]

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(LOOK)
            if self._answered is None or self._silence:
                await self.follow_schedule(utc_now() + self._ahead)

    async def follow_schedule(self, now: datetime) -> None:
        """Set each lane to the newest mode that its plan brought until `now`."""
        for lane in self._lanes.values():
            due = list(takewhile(lambda planned: planned.at <= now, lane.plan))
            if due:
                await self._set_plan(lane, lane.plan[len(due) :])
                lane.follow_plan(due[-1].mode)

    async def _set_plan(self, lane: Lane, plan: tuple[PlannedMode, ...]) -> None:
        if plan != lane.plan:
            await self._keep(lambda db: db.set_plan(lane.code, plan))
            lane.plan = plan

    async def _keep(self, work: Callable[[JournalDb], None]) -> None:
        """Remember it over a restart, if the disk takes it."""
        try:
            await self._journal.call(work)
        except JournalUnwritable as error:
            self._log.debug("not kept", reason=str(error))

    async def _apply(self, answer: dict[str, Any]) -> None:
        loop = asyncio.get_running_loop()
        self._answered = loop.time()
        try:
            self._ahead = read_time(answer.get("server_time")) - utc_now()
        except ValueError:
            self._log.debug("the heartbeat's answer has no server_time")
        if isinstance(answer.get("config"), str):
            self.on_config(answer["config"])
        inside = answer.get("inside")
        if isinstance(inside, dict):
            at = utc_now()
            await self._keep(lambda db: db.local.told_inside(inside, at))
        if isinstance(answer.get("device"), str):
            self.device = answer["device"][:100]
        told = list(read_lanes(answer.get("lanes")))
        await self._keep(lambda db: db.local.told_lanes(told))
        problems: list[str] = []
        missing = set(self._lanes)
        for item in told:
            lane = self._lanes.get(item.lane)
            if lane is None:
                continue
            missing.discard(lane.code)
            self.names[lane.code] = item.name
            await self._set_plan(lane, item.plan)
            if item.mode is None:
                problems.append(f"lane {lane.code}: the server names an unknown mode")
            else:
                lane.set_mode(item.mode, item.by)
            if item.direction != lane.machine.rules.direction.value:
                problems.append(
                    f"lane {lane.code}: direction is {item.direction} at the server,"
                    f" {lane.machine.rules.direction.value} in the settings"
                )
        problems += [
            f"lane {code}: the server does not know it" for code in sorted(missing)
        ]
        behind = answer.get("behind") is True
        await self._keep(lambda db: db.local.told_behind(behind))
        if behind:
            problems.append(KEY_SHARED)
        for problem in problems:
            # a lasting problem is said once
            if problem not in self.problems:
                self._log.warning(problem)
        self.problems = problems
