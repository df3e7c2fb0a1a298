"""What all readers share: from a reading to a scan, and back from the decision."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Protocol

import structlog

from ..model import Code, CredentialKind, Decision, Direction, Scan, Verdict, utc_now
from ..watchdog import Beat

REMEMBERED = 16  # codes kept to tell a repetition
GUESSES = 10  # different unknown codes …
GUESSES_WITHIN = 60.0  # … in these seconds mute a reader
MUTED_FOR = 60.0
UNKNOWN = frozenset({"UNKNOWN", "FORGED"})


class Reader(Protocol):
    """One reader of one lane. What it reads goes to its desk."""

    turns: Beat

    async def run(self, linked: Callable[[bool], None]) -> None:
        """Read until the device is lost, then raise PortError; a supervisor starts it
        again. `linked` is told when the device is there, and when it is not; `turns`,
        with each turn of its loop, when the next one comes at the latest."""
        ...


class RepeatFilter:
    """A code shown for long is read many times; that is one read. The window begins
    anew with every repetition, so a phone left on the glass stays one read."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._seen: OrderedDict[Code, float] = OrderedDict()

    def fresh(self, code: Code, now: float) -> bool:
        """Whether this is a new showing of the code."""
        last = self._seen.pop(code, None)
        self._seen[code] = now
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return last is None or now - last > self._window


class Guard:
    """Stops somebody who tries codes until one fits: ten different codes within a
    minute that nobody knows mute the reader for a minute."""

    def __init__(self) -> None:
        self._unknown: dict[Code, float] = {}
        self._until = float("-inf")

    def muted(self, now: float) -> bool:
        """Whether nothing is to be read at this moment."""
        return now < self._until

    def unknown(self, code: Code, now: float) -> bool:
        """Count a code that nobody knows; true when that mutes the reader."""
        if self.muted(now):
            return False
        self._unknown[code] = now
        self._unknown = {
            each: at for each, at in self._unknown.items() if now - at < GUESSES_WITHIN
        }
        if len(self._unknown) < GUESSES:
            return False
        self._unknown.clear()
        self._until = now + MUTED_FOR
        return True


class Desk:
    """Where the readings of one reader come in. `muted` and `feedback` are set by
    those who want to know: that the reader was muted, and whether the visitor whose
    code it read last may pass."""

    def __init__(
        self,
        lane: str,
        reader: str,
        direction: Direction,
        repeat_after: float,
        submit: Callable[[Scan], None],
        rejected: Callable[[str], None],
    ) -> None:
        self._lane = lane
        self._direction = direction
        self._submit = submit
        self._rejected = rejected
        self._repeats = RepeatFilter(repeat_after)
        self._guard = Guard()
        self.muted: Callable[[], None] | None = None
        self.feedback: Callable[[bool], None] | None = None
        self.log = structlog.get_logger().bind(lane=lane, device=reader)

    def read(self, value: str, kind: CredentialKind, began: float) -> None:
        """Somebody showed this; `began` is the monotonic time of its first byte."""
        now = asyncio.get_running_loop().time()
        code = Code(value)
        if not self._repeats.fresh(code, now):
            self._rejected("repeat")
            return
        if self._guard.muted(now):
            self._rejected("muted")
            self._tell(False)
            return
        self.log.info("code read", code=repr(code), kind=kind.value, length=len(value))
        at = utc_now() - timedelta(seconds=now - began)
        self._submit(
            Scan(
                self._lane,
                self._direction,
                code,
                at,
                kind,
                lambda decision: self._answered(code, decision),
            )
        )

    def reject(self, reason: str, count: int = 1) -> None:
        """Something came that is no code."""
        for _ in range(count):
            self._rejected(reason)
        if count:
            self.log.warning("code rejected", reason=reason, count=count)

    def _answered(self, code: Code, decision: Decision) -> None:
        self._tell(decision.verdict is Verdict.ADMIT)
        now = asyncio.get_running_loop().time()
        if decision.code in UNKNOWN and self._guard.unknown(code, now):
            self.log.warning("muted: too many unknown codes", seconds=MUTED_FOR)
            if self.muted is not None:
                self.muted()

    def _tell(self, ok: bool) -> None:
        if self.feedback is not None:
            self.feedback(ok)
