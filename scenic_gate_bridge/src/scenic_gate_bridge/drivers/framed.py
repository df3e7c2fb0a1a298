"""What turnstiles have in common that answer each command frame with a plain yes or no.

Such protocols have no message numbers: an answer can only be told apart by its place.
Three rules make a double opening impossible all the same:

* A release is written at most once for one person. When its answer is missing or a no,
  it is never sent again: the lane is brought to rest instead, and the visitor scans
  again.
* What brings a lane to rest may be repeated, since doing it twice is doing it once. A
  rest counts as accepted only when more answers came back than could belong to earlier
  commands that were never answered (`_debt`), so a late answer to a release is not
  taken for the answer to the rest that takes it back.
* When even that fails, the link is given up; its next start begins with a rest.

Commands go out one at a time.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

import structlog

from ..model import NONE, Direction
from ..settings import SerialSettings, TcpSettings
from ..transport import PortError, open_port, read_some
from ..watchdog import DEVICE_TURN, Beat, no_beat
from .base import (
    Accepted,
    CommandRefused,
    CommandUnanswered,
    Emit,
    LinkDown,
    LinkLost,
    LinkUp,
    Noise,
)

STALE = 2.0  # seconds after which an answer can no longer be on its way
EXTRA_TRIES = 3


class FramedDriver(ABC):
    """The link, the commands and their answers; a make of turnstile fills in the rest.
    See `LaneDriver`."""

    def __init__(
        self,
        link: SerialSettings | TcpSettings,
        ack_timeout: float,
        lane: str,
        device: str,
    ) -> None:
        self.turns: Beat = no_beat
        self._link = link
        self._ack_timeout = ack_timeout
        self._log = structlog.get_logger().bind(lane=lane, device=device)
        self._free = NONE
        self._released: Direction | None = None
        self._lock = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._answer: asyncio.Future[bool] | None = None
        self._debt = 0
        self._debt_since = 0.0
        self._releasing = False
        self._broken: asyncio.Future[str] | None = None

    # -- what a make fills in --------------------------------------------------------

    @abstractmethod
    def _reading(self, data: bytes, emit: Emit) -> int:
        """Take bytes of the device; how many of them belonged to no frame. Hands each
        yes or no to `_answered`."""

    @abstractmethod
    def _begin(self) -> None:
        """Forget what an earlier link said."""

    @abstractmethod
    async def _release(self, direction: Direction) -> bool:
        """Release one person, with the lock held, and remember it in `_released`;
        whether the device said yes."""

    @abstractmethod
    async def _bring_to_rest(self) -> None:
        """Take back any release and set `_free`, with the lock held; raises
        CommandUnanswered."""

    @abstractmethod
    async def _look_after(self, emit: Emit) -> None:
        """Look after a lane that rests, for ever, and tell `turns` of each look; raises
        CommandUnanswered."""

    # -- LaneDriver ------------------------------------------------------------------

    async def run(self, emit: Emit) -> None:
        """See `LaneDriver.run`."""
        loop = asyncio.get_running_loop()
        reason = "stopped"
        try:
            async with open_port(self._link, self.turns) as (reader, writer):
                self._writer = writer
                self._broken = loop.create_future()
                # answers to a process before this one may still be on the line
                self._debt, self._debt_since = 1, loop.time()
                self._released = None
                self._begin()
                pump = asyncio.create_task(self._pump(reader, emit))
                session = asyncio.create_task(self._session(emit))
                try:
                    ends: set[asyncio.Future[Any]] = {pump, session, self._broken}
                    await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                    for task in (pump, session):
                        if task.done():
                            task.result()
                    raise LinkLost(self._broken.result())
                finally:
                    self._writer = None
                    self._fail_answer()
                    for task in (pump, session):
                        task.cancel()
                    await asyncio.gather(pump, session, return_exceptions=True)
        except (PortError, LinkLost) as error:
            reason = str(error)
            raise LinkLost(reason) from error
        finally:
            emit(LinkDown(reason))

    async def allow(self, direction: Direction) -> None:
        """See `LaneDriver.allow`."""
        async with self._lock:
            if self._writer is None:
                raise LinkLost("no link")
            if not await self._release(direction):
                raise CommandRefused("the turnstile refused the release")

    async def rest(self, free: frozenset[Direction]) -> None:
        """See `LaneDriver.rest`."""
        self._free = free
        async with self._lock:
            if self._writer is None:
                raise LinkLost("no link")
            try:
                await self._bring_to_rest()
            except CommandUnanswered as error:
                self._give_up(str(error))
                raise LinkLost(str(error), sent=True) from error

    # -- the session -----------------------------------------------------------------

    async def _session(self, emit: Emit) -> None:
        """Bring the lane to rest, report the link, then look after it for ever."""
        try:
            async with self._lock:
                await self._bring_to_rest()
            emit(LinkUp())
            await self._look_after(emit)
        except CommandUnanswered as error:
            raise LinkLost(str(error)) from error

    async def _pump(self, reader: asyncio.StreamReader, emit: Emit) -> None:
        while True:
            noise = self._reading(await read_some(reader), emit)
            if noise:
                self._log.debug("noise", bytes=noise)
                emit(Noise())

    def _answered(self, yes: bool, emit: Emit) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(yes)
            if self._releasing and yes:
                emit(Accepted())
        else:
            # too late for its command, and now no longer in the way of the next one
            self._debt = max(0, self._debt - 1)

    # -- commands, with the lock held ------------------------------------------------

    async def _command(self, frame: bytes, *, release: bool = False) -> bool:
        """Write one frame and wait for its answer."""
        loop = asyncio.get_running_loop()
        self.turns(self._ack_timeout + DEVICE_TURN)
        self._answer = loop.create_future()
        self._releasing = release
        try:
            self._write(frame)
            async with asyncio.timeout(self._ack_timeout):
                return await self._answer
        except TimeoutError:
            self._debt += 1
            self._debt_since = loop.time()
            raise CommandUnanswered("the turnstile does not answer") from None
        finally:
            self._answer = None
            self._releasing = False

    def _write(self, frame: bytes) -> None:
        if self._writer is None:
            raise LinkLost("link lost", sent=True)
        self._writer.write(frame)

    async def _repeat(self, frame: bytes, *, sure: bool) -> None:
        """Send a harmless command until it is accepted; `sure`: beyond the doubt that
        older answers leave."""
        loop = asyncio.get_running_loop()
        if self._debt and loop.time() - self._debt_since > STALE:
            self._debt = 0
        debt = self._debt
        needed = debt + 1 if sure else 1
        sent = answers = accepted = 0
        while accepted < needed:
            if sent == needed + EXTRA_TRIES:
                raise CommandUnanswered("the turnstile does not answer")
            sent += 1
            with suppress(CommandUnanswered):
                accepted += await self._command(frame)
                answers += 1
        if debt or answers < sent:
            self._debt = max(0, debt + sent - answers)

    def _give_up(self, reason: str) -> None:
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(reason)

    def _fail_answer(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LinkLost("link lost", sent=True))
