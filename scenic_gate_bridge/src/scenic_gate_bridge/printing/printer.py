"""One receipt printer at a TCP port."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..settings import PrinterSettings
from ..transport import PortError, open_port
from ..watchdog import Beat
from . import escpos
from .state import PrinterState

ANSWER = 2.0  # seconds for the state, which is answered at once
LOOK = 1.0  # seconds between two looks at a printer that works


class PrinterFault(Exception):
    """The ticket did not come out. `begun`: perhaps part of it did, or all."""

    def __init__(self, state: PrinterState, begun: bool) -> None:
        super().__init__(state.value)
        self.state = state
        self.begun = begun


class TicketPrinter:
    """Prints one ticket a connection: some printers serve one computer at a time."""

    def __init__(self, settings: PrinterSettings, turns: Beat) -> None:
        self._settings = settings
        self._turns = turns

    async def look(self) -> PrinterState:
        """The state of the printer."""
        try:
            async with self._line() as line:
                return await line.state()
        except PrinterFault as fault:
            return fault.state

    async def print(self, height: int, dots: bytes) -> None:
        """Print rows of dots and cut; PrinterFault. The printer has confirmed it when
        this returns."""
        begun = False
        # the lanes beside it must not wait for that
        work = await asyncio.to_thread(
            escpos.ticket, self._settings.width, height, dots
        )
        try:
            async with self._line() as line:
                found = await line.state()
                if found is not PrinterState.READY:
                    raise PrinterFault(found, begun=False)
                begun = True
                await self._send(line, work)
        except PrinterFault as fault:
            raise PrinterFault(fault.state, begun) from fault

    async def _send(self, line: _Line, work: bytes) -> None:
        found = PrinterState.ERROR
        try:
            async with asyncio.timeout(self._settings.timeout):
                await line.send(work)
                while not await line.is_done(LOOK):
                    found = await line.state()
        except TimeoutError:
            # the last look says why, if the printer says anything
            raise PrinterFault(_blame(found), begun=True) from None

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[_Line]:
        try:
            async with open_port(self._settings.link, self._turns) as (reader, writer):
                yield _Line(reader, writer)
        except (PortError, OSError, EOFError) as error:
            raise PrinterFault(PrinterState.OFFLINE, begun=False) from error


def _blame(found: PrinterState) -> PrinterState:
    return PrinterState.ERROR if found is PrinterState.READY else found


class _Line:
    """What is said to a printer, and what it answers."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._done = False

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def state(self) -> PrinterState:
        """Ask for the state; PrinterFault if it does not answer."""
        answers = []
        try:
            async with asyncio.timeout(ANSWER):
                for question in (escpos.ASK_OFFLINE, escpos.ASK_PAPER):
                    await self.send(question)
                    while not escpos.is_status(byte := await self._byte()):
                        pass
                    answers.append(byte)
        except TimeoutError:
            raise PrinterFault(PrinterState.OFFLINE, begun=False) from None
        return escpos.state(*answers)

    async def is_done(self, seconds: float) -> bool:
        """Whether all that was sent is on paper; waits so long for the answer."""
        try:
            async with asyncio.timeout(seconds):
                while not self._done:
                    await self._byte()
        except TimeoutError:
            pass
        return self._done

    async def _byte(self) -> int:
        [byte] = await self._reader.readexactly(1)
        self._done = self._done or escpos.is_done(byte)
        return byte
