"""A reader for second-generation identity cards."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..model import CredentialKind
from ..settings import IdCardReaderSettings
from ..transport import PortError, drain, open_port, read_some
from ..watchdog import DEVICE_TURN, Beat, no_beat
from . import sdt_codec as sdt
from .base import Desk

ANSWER = 1.0  # seconds; a read of text and photo has 113 ms on the line
TRIES = 3  # bad answers in a row before a reset, and again before the reader is lost
SW_BYTES = 3


class BadAnswer(Exception):
    """The reader did not answer, or not what fits the command."""


class _Line:
    """One command, one answer. An answer does not say to which command it belongs, so
    after a bad one the line is left alone until nothing comes any more."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = sdt.FrameParser()

    async def ask(self, command: bytes) -> tuple[int, bytes]:
        """The status (SW3) and the data of the answer."""
        self._parser.reset()
        bad = self._parser.bad
        self._writer.write(sdt.encode(command))
        try:
            async with asyncio.timeout(ANSWER):
                while True:
                    answers = self._parser.feed(await read_some(self._reader))
                    if answers and len(answers[-1]) >= SW_BYTES:
                        answer = answers[-1]
                        return answer[SW_BYTES - 1], answer[SW_BYTES:]
                    if self._parser.bad != bad:
                        raise BadAnswer("a damaged frame")
        except TimeoutError:
            raise BadAnswer("no answer") from None

    async def settle(self) -> None:
        """Leave the line alone until nothing comes any more."""
        await drain(self._reader)


class IdCardReader:
    """A reader, see `Reader`. Only the number leaves this module: name, address and
    photo of a card are neither kept nor written anywhere."""

    def __init__(self, settings: IdCardReaderSettings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk
        self.turns: Beat = no_beat
        self._rejected = False  # the card that lies there has been rejected

    async def run(self, linked: Callable[[bool], None]) -> None:
        """See `Reader.run`. Linked is a reader that answers."""
        async with open_port(self._settings.transport, self.turns) as (reader, writer):
            line = _Line(reader, writer)
            bad, up = 0, False
            try:
                while True:
                    self.turns(DEVICE_TURN)
                    try:
                        if bad == TRIES:
                            await line.ask(sdt.RESET)
                        await self._look(line)
                    except BadAnswer as error:
                        bad += 1
                        self._desk.reject("frame")
                        if bad == 2 * TRIES:
                            raise PortError(f"identity card reader: {error}") from None
                        await line.settle()
                        continue
                    bad = 0
                    if not up:
                        up = True
                        linked(True)
                    await asyncio.sleep(self._settings.poll)
            finally:
                linked(False)

    async def _look(self, line: _Line) -> None:
        """Read the card that has been put there. One that stays is not found again."""
        status, _ = await line.ask(sdt.FIND)
        if status == sdt.NO_CARD:
            self._rejected = False
            return
        if status != sdt.FOUND:
            raise BadAnswer(f"status {status:02X} to find")
        began = asyncio.get_running_loop().time()
        status, _ = await line.ask(sdt.SELECT)
        if status == sdt.SELECT_FAILED:
            self._reject("card")
            return
        if status != sdt.OK:
            raise BadAnswer(f"status {status:02X} to select")
        status, data = await line.ask(sdt.READ)
        if status == sdt.READ_FAILED:
            self._reject("card")
            return
        if status != sdt.OK:
            raise BadAnswer(f"status {status:02X} to read")
        number = sdt.document_number(data)
        if number is None:
            self._reject("number")
        else:
            self._desk.read(number, CredentialKind.ID_DOCUMENT, began)

    def _reject(self, reason: str) -> None:
        """A card that is held badly is tried again; that is one rejection."""
        if not self._rejected:
            self._desk.reject(reason)
        self._rejected = True
