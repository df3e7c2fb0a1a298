"""Asks the server about scans.

A scan is sent at once. Only when four requests are under way does the next one wait,
and then all that wait go together. A visitor is answered within the time-out whatever
the server does; an answer that comes later is not looked at, for the journal has the
whole request annulled.
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field, replace
from typing import Any

import structlog

from . import refusals
from .model import Decision, Scan, Text, Verdict, iso
from .rpc import (
    KeyInvalid,
    RequestRefused,
    RpcClient,
    RpcError,
    ServerFault,
)

PARALLEL = 4
BATCH = 20
MOST_PASSES = 1000


@dataclass(frozen=True, slots=True)
class Request:
    """A scan with the ids under which the journal knows it."""

    request_id: str
    seq: int
    scan: Scan

    def params(self) -> dict[str, object]:
        """The scan as it goes over the wire."""
        return {
            "request_id": self.request_id,
            "seq": self.seq,
            "lane": self.scan.lane,
            "direction": self.scan.direction.value,
            "credential": {
                "kind": self.scan.kind.value,
                "value": self.scan.code.value,
            },
            "at": iso(self.scan.at),
        }


@dataclass(slots=True)
class _Pending:
    request: Request
    answer: asyncio.Future[Decision] = field(
        default_factory=lambda: asyncio.get_running_loop().create_future()
    )


class DecisionClient:
    """Its work runs in `group`."""

    def __init__(
        self, rpc: RpcClient, timeout: float, group: asyncio.TaskGroup
    ) -> None:
        self._rpc = rpc
        self._group = group
        self._timeout = timeout
        self._queue: deque[_Pending] = deque()
        self._busy = 0
        self._log = structlog.get_logger()

    async def decide(self, request: Request) -> Decision:
        """The decision, within the time-out. Never raises for a fault of the server."""
        pending = _Pending(request)
        self._queue.append(pending)
        self._pump()
        try:
            async with asyncio.timeout(self._timeout):
                return await asyncio.shield(pending.answer)
        except TimeoutError:
            if pending in self._queue:
                self._queue.remove(pending)
                return refusals.OFFLINE
            return refusals.OFFLINE_UNSURE

    def _pump(self) -> None:
        while self._queue and self._busy < PARALLEL:
            batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
            self._busy += 1
            self._group.create_task(self._send(batch))

    async def _send(self, batch: list[_Pending]) -> None:
        """Send a batch. A request that is overdue, as one that is repeated may be, no
        longer holds up others: its visitors have been answered."""
        try:
            asking = self._group.create_task(self._ask(batch))
            await asyncio.wait({asking}, timeout=self._timeout)
        finally:
            self._busy -= 1
            self._pump()

    async def _ask(self, batch: list[_Pending], settled: bool = True) -> None:
        """Fill in the answers of a batch. `settled`: nothing was done for these scans
        before."""
        scans = [pending.request.params() for pending in batch]
        try:
            result = await self._rpc.call("validate", {"scans": scans}, self._timeout)
            decisions = read_decisions(result, [p.request for p in batch])
        except RequestRefused as error:
            if len(batch) > 1:
                # one bad scan must not refuse the visitors of other lanes
                alone = (self._ask([one], error.settled) for one in batch)
                await asyncio.gather(*alone)
            else:
                self._settle(batch, error, settled)
        except RpcError as error:
            self._settle(batch, error, settled)
        else:
            for pending, decision in zip(batch, decisions, strict=True):
                pending.answer.set_result(decision)

    def _settle(self, batch: list[_Pending], error: RpcError, settled: bool) -> None:
        error.settled = error.settled and settled
        decision = refusal_for(error)
        self._log.warning("no decision", code=decision.code, reason=str(error))
        for pending in batch:
            pending.answer.set_result(decision)


def refusal_for(error: RpcError) -> Decision:
    """What a visitor is told when the call failed in this way."""
    if isinstance(error, KeyInvalid):
        decision = refusals.DEVICE_KEY_INVALID
    elif isinstance(error, RequestRefused):
        decision = refusals.SERVER_REFUSED
    elif isinstance(error, ServerFault):
        decision = refusals.SERVER_ERROR_UNSURE
    else:
        decision = refusals.OFFLINE
    verdict = Verdict.DENY if error.settled else Verdict.UNSURE
    return replace(decision, verdict=verdict)


def read_decisions(result: dict[str, Any], requests: list[Request]) -> list[Decision]:
    """The decisions of a validate answer; ServerFault when it does not fit the
    requests one by one."""
    results = result.get("results")
    if not isinstance(results, list) or len(results) != len(requests):
        raise ServerFault("validate: not as many results as scans")
    return [
        _read_decision(item, request)
        for item, request in zip(results, requests, strict=True)
    ]


def _read_decision(item: Any, request: Request) -> Decision:
    if not isinstance(item, dict) or item.get("request_id") != request.request_id:
        raise ServerFault("validate: a result for another scan")
    verdict, code, passes = item.get("decision"), item.get("code"), item.get("passes")
    if verdict not in ("admit", "deny") or not isinstance(code, str) or not code:
        raise ServerFault("validate: neither admitted nor denied")
    admit = verdict == "admit"
    if type(passes) is not int or (admit and not 1 <= passes <= MOST_PASSES):
        raise ServerFault("validate: impossible number of passes")
    ticket = item.get("ticket")
    if not isinstance(ticket, dict):
        ticket = {}
    right = ticket.get("right")
    return Decision(
        verdict=Verdict(verdict),
        code=code[:64],
        text=_text(item.get("text")),
        remedy=_text(item.get("remedy")),
        passes=passes if admit else 0,
        product=_short(ticket.get("product")),
        ticket=_short(ticket.get("name")),
        right=right if type(right) is int and admit else None,
        again=item.get("again") is True,
    )


def _text(value: Any) -> Text:
    if not isinstance(value, dict):
        return Text("", "")
    return Text(_short(value.get("en")), _short(value.get("zh")))


def _short(value: Any) -> str:
    return value[:300] if isinstance(value, str) else ""
