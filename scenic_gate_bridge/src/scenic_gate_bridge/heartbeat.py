"""Tells the server that the device lives; its answer sets the lanes' modes."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog

from . import __version__
from .journal import Journal
from .lane import Lane
from .metrics import Metrics
from .model import LaneMode
from .rpc import RpcClient, RpcError

TIMEOUT = 5.0


class Heartbeat:
    """Beats at once and then every `interval` seconds."""

    def __init__(
        self,
        journal: Journal,
        rpc: RpcClient,
        lanes: dict[str, Lane],
        metrics: Metrics,
        interval: float,
    ) -> None:
        self._journal = journal
        self._rpc = rpc
        self._lanes = lanes
        self._metrics = metrics
        self._interval = interval
        self._log = structlog.get_logger()
        self.problems: list[str] = []
        self.device = ""
        self.names: dict[str, str] = {}

    async def run(self) -> None:
        """Beat for ever."""
        while True:
            try:
                await self.beat()
            except RpcError as error:
                self._log.debug("heartbeat failed", reason=str(error))
            await asyncio.sleep(self._interval)

    async def beat(self) -> None:
        """One heartbeat; raises RpcError."""
        seq = await self._journal.call(lambda db: db.next_seq())
        outbox, unresolved = await self._journal.call(lambda db: db.counts())
        self._metrics.outbox.set(outbox)
        self._metrics.unresolved.set(unresolved)
        answer = await self._rpc.call(
            "heartbeat",
            {
                "seq": seq,
                "version": __version__,
                "outbox": outbox,
                "unresolved": unresolved,
                "lanes": [lane.counters() for lane in self._lanes.values()],
            },
            TIMEOUT,
        )
        self._apply(answer)

    def _apply(self, answer: dict[str, Any]) -> None:
        if isinstance(answer.get("device"), str):
            self.device = answer["device"][:100]
        told = answer.get("lanes")
        problems: list[str] = []
        missing = set(self._lanes)
        for item in told if isinstance(told, list) else []:
            code = item.get("lane") if isinstance(item, dict) else None
            lane = self._lanes.get(code) if isinstance(code, str) else None
            if lane is None:
                continue
            missing.discard(lane.code)
            self.names[lane.code] = str(item.get("name") or "")[:100]
            mode, direction = item.get("mode"), item.get("direction")
            try:
                lane.set_mode(LaneMode(mode))
            except ValueError:
                problems.append(f"lane {lane.code}: the server names an unknown mode")
            if direction != lane.machine.rules.direction.value:
                problems.append(
                    f"lane {lane.code}: direction is {direction} at the server,"
                    f" {lane.machine.rules.direction.value} in the settings"
                )
        problems += [
            f"lane {code}: the server does not know it" for code in sorted(missing)
        ]
        for problem in problems:
            # a lasting problem is said once
            if problem not in self.problems:
                self._log.warning(problem)
        self.problems = problems
