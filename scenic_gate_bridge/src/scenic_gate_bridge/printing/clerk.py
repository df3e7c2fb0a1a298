"""Fetches tickets from the server and has a printer make them, one after the other."""

from __future__ import annotations

import asyncio
import base64
import binascii
import math
import uuid
import zlib
from collections.abc import Iterator
from typing import Any

import structlog

from ..backoff import Backoff
from ..rpc import RpcClient, RpcError, ServerFault, ToldToWait
from ..settings import PrinterSettings
from ..watchdog import Beat
from .printer import PrinterFault, TicketPrinter
from .state import PrinterState

POLL = 0.5  # seconds between two questions
TIMEOUT = 5.0
LOOK = 10.0  # seconds after which an idle printer is looked at again
AFTER_FAULT = 1.0
SLACK = 30.0  # seconds that a turn may take beside
MOST_ROWS = 4096

PROBLEMS = {
    PrinterState.NO_PAPER: "no paper",
    PrinterState.COVER_OPEN: "cover open",
    PrinterState.ERROR: "fault",
    PrinterState.OFFLINE: "not reached",
}


class BadJob(Exception):
    """The server sent something that is no ticket."""


class PrintClerk:
    """Works for one printer. What became of a ticket is told until the server has
    answered; a ticket is never begun twice."""

    def __init__(
        self,
        settings: PrinterSettings,
        printer: TicketPrinter,
        rpc: RpcClient,
        turns: Beat,
    ) -> None:
        self.code = settings.code
        self.state = PrinterState.OFFLINE
        self.known = True  # by the server
        self._settings = settings
        self._printer = printer
        self._rpc = rpc
        self._turns = turns
        self._session = str(uuid.uuid4())
        self._told: dict[str, Any] = {}
        self._looked: float | None = None  # monotonic
        self._stop = asyncio.Event()
        self._backoff = Backoff(cap=10.0)
        self._log = structlog.get_logger().bind(printer=settings.code)

    def stop(self) -> None:
        """Finish the ticket in hand, and end."""
        self._stop.set()

    def problems(self) -> Iterator[str]:
        """What is wrong with the printer, for staff."""
        if not self.known:
            yield f"printer {self.code}: the server does not know it"
        if self.state in PROBLEMS:
            yield f"printer {self.code}: {PROBLEMS[self.state]}"

    async def run(self) -> None:
        """Print until it is stopped."""
        try:
            await self._run_on()
        finally:
            self._turns(math.inf)  # nobody waits for it any more

    async def _run_on(self) -> None:
        while not self._stop.is_set():
            self._turns(2 * TIMEOUT + self._settings.timeout + SLACK)
            try:
                wait = await self._turn()
                self._backoff.reset()
            except RpcError as error:
                wait = self._backoff.next()
                if isinstance(error, ToldToWait):
                    wait = max(wait, error.retry_after)
                self._log.debug("not asked", reason=str(error))
            try:
                async with asyncio.timeout(wait):
                    await self._stop.wait()
            except TimeoutError:
                pass
        if self._told:
            await self._leave()

    async def _turn(self) -> float:
        """Ask once, and print what there is; seconds to wait. Raises RpcError."""
        loop = asyncio.get_running_loop()
        if self._looked is None or loop.time() - self._looked > LOOK:
            self._see(await self._printer.look())
        answer = await self._rpc.call("print", self._question(), TIMEOUT)
        self._told = {}
        self.known = answer.get("known") is True
        job = answer.get("job")
        if job is None:
            return POLL
        return await self._print(job)

    def _question(self) -> dict[str, Any]:
        return {
            "printer": self.code,
            "session": self._session,
            "state": self.state.value,
            "width": self._settings.width,
            **self._told,
        }

    async def _print(self, job: Any) -> float:
        number = _number(job)
        outcome, found = "printed", PrinterState.READY
        try:
            height, dots = _dots(job, self._settings.width)
            await self._printer.print(height, dots)
        except BadJob as error:
            outcome, found = "unsure", self.state
            self._log.error("the server sent no ticket", job=number, reason=str(error))
        except PrinterFault as fault:
            outcome, found = "unsure" if fault.begun else "waiting", fault.state
        self._told = {"job": number, "outcome": outcome}
        self._see(found)
        return 0.0 if outcome == "printed" else AFTER_FAULT

    def _see(self, found: PrinterState) -> None:
        self._looked = asyncio.get_running_loop().time()
        if found is not self.state:
            self._log.info("printer", state=found.value)
        self.state = found

    async def _leave(self) -> None:
        try:
            question = self._question() | {"leaving": True}
            await self._rpc.call("print", question, TIMEOUT)
        except RpcError as error:
            self._log.warning("what was printed is not told", reason=str(error))


def _number(job: Any) -> int:
    number = job.get("job") if isinstance(job, dict) else None
    if not isinstance(number, int):
        raise ServerFault("a job without a number")
    return number


def _dots(job: dict[str, Any], width: int) -> tuple[int, bytes]:
    """Height and rows of a ticket; BadJob."""
    height = job.get("height")
    if job.get("width") != width or not isinstance(height, int):
        raise BadJob("not for this paper")
    if not 0 < height <= MOST_ROWS:
        raise BadJob(f"{height} rows")
    size = width // 8 * height
    try:
        packed = base64.b64decode(str(job.get("dots")), validate=True)
        # no more than the ticket takes, whatever is packed in there
        dots = zlib.decompressobj().decompress(packed, size + 1)
    except (binascii.Error, ValueError, zlib.error) as error:
        raise BadJob(str(error)) from error
    if len(dots) != size:
        raise BadJob("too few rows, or too many")
    return height, dots
