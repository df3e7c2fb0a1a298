"""Digicon Catrax over a serial line.

The protocol has no message numbers, so an answer can only be told apart by its place.
Three rules make a double opening impossible all the same:

* A release frame is written at most once for one person. When its answer is missing or
  a NACK, it is never sent again: the lane is brought to rest with `C` instead, and the
  visitor scans again.
* `C` and `L` may be repeated, since doing them twice is doing them once. A rest counts
  as accepted only when more ACKs came back than could belong to earlier commands that
  were never answered (`_debt`), so a late ACK of a release is not taken for the ACK of
  the `C` that takes it back.
* When even that fails, the link is given up; its next start begins with `C`.

Commands go out one at a time. A quiet lane is told its rest again every `poll` seconds,
which changes nothing and shows that the device is still there.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import structlog

from ..model import NONE, Direction
from ..settings import CatraxSettings
from ..transport import PortError, open_port, read_some
from . import catrax_codec as codec
from .base import (
    Accepted,
    CommandRefused,
    CommandUnanswered,
    Emit,
    LinkDown,
    LinkLost,
    LinkUp,
    Noise,
    Passed,
)

STALE = 2.0  # seconds after which an answer can no longer be on its way
EXTRA_TRIES = 3


class CatraxDriver:
    """A lane driver, see `LaneDriver`."""

    def __init__(self, settings: CatraxSettings, lane: str) -> None:
        self._settings = settings
        self._log = structlog.get_logger().bind(lane=lane, device="catrax")
        out = "A" if settings.release_in == "H" else "H"
        self._release = {
            Direction.IN: settings.release_in.encode(),
            Direction.OUT: out.encode(),
        }
        one, two = Direction.IN, Direction.OUT
        if settings.pass_in == "1B":
            one, two = two, one
        self._reports = {codec.RETURN_1: one, codec.RETURN_2: two}
        self._free = NONE
        self._lock = asyncio.Lock()
        self._writer: asyncio.StreamWriter | None = None
        self._answer: asyncio.Future[bool] | None = None
        self._debt = 0
        self._debt_since = 0.0
        self._released: Direction | None = None
        self._releasing = False
        self._broken: asyncio.Future[str] | None = None

    # -- LaneDriver ------------------------------------------------------------------

    async def run(self, emit: Emit) -> None:
        """See `LaneDriver.run`."""
        loop = asyncio.get_running_loop()
        reason = "stopped"
        try:
            async with open_port(self._settings.transport) as (reader, writer):
                self._writer = writer
                self._broken = loop.create_future()
                # answers to a process before this one may still be on the line
                self._debt, self._debt_since = 1, loop.time()
                self._released = None
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
            self._released = direction
            self._releasing = True
            try:
                accepted = await self._command(self._release[direction])
            finally:
                self._releasing = False
            if not accepted:
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
            while True:
                await asyncio.sleep(self._settings.poll)
                async with self._lock:
                    if self._released is None:
                        await self._set_free()
                        if not self._free:
                            await self._repeat(codec.CONTROLLED, sure=False)
        except CommandUnanswered as error:
            raise LinkLost(str(error)) from error

    async def _pump(self, reader: asyncio.StreamReader, emit: Emit) -> None:
        parser = codec.FrameParser(codec.FROM_LANE)
        discarded = 0
        while True:
            for command in parser.feed(await read_some(reader)):
                self._received(command, emit)
            if parser.discarded != discarded:
                self._log.debug("noise", bytes=parser.discarded - discarded)
                discarded = parser.discarded
                emit(Noise())

    def _received(self, command: bytes, emit: Emit) -> None:
        if command in self._reports:
            direction = self._reports[command]
            if direction is self._released:
                self._released = None
            emit(Passed(direction))
        elif self._answer is not None and not self._answer.done():
            self._answer.set_result(command == codec.ACK)
            if self._releasing and command == codec.ACK:
                emit(Accepted())
        else:
            # too late for its command, and now no longer in the way of the next one
            self._debt = max(0, self._debt - 1)

    # -- commands, with the lock held ------------------------------------------------

    async def _command(self, command: bytes) -> bool:
        """Write one frame and wait for its answer: True is ACK."""
        if self._writer is None:
            raise LinkLost("link lost", sent=True)
        loop = asyncio.get_running_loop()
        self._answer = loop.create_future()
        self._writer.write(codec.encode(command))
        try:
            async with asyncio.timeout(self._settings.ack_timeout):
                return await self._answer
        except TimeoutError:
            self._debt += 1
            self._debt_since = loop.time()
            raise CommandUnanswered("the turnstile does not answer") from None
        finally:
            self._answer = None

    async def _bring_to_rest(self) -> None:
        await self._repeat(codec.CONTROLLED, sure=True)
        self._released = None
        await self._set_free()

    async def _set_free(self) -> None:
        for direction in sorted(self._free):
            await self._repeat(codec.FREE + self._release[direction], sure=False)

    async def _repeat(self, command: bytes, *, sure: bool) -> None:
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
                accepted += await self._command(command)
                answers += 1
        if debt or answers < sent:
            self._debt = max(0, debt + sent - answers)

    def _give_up(self, reason: str) -> None:
        if self._broken is not None and not self._broken.done():
            self._broken.set_result(reason)

    def _fail_answer(self) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LinkLost("link lost", sent=True))
