"""A reader that sends the number of each IC card by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..model import CredentialKind
from ..settings import IcReaderSettings
from ..transport import open_port, read_some
from ..watchdog import DEVICE_LOOK, DEVICE_TURN, Beat, no_beat
from .base import Desk
from .card_number import card_number
from .ic_codec import AsciiParser, BinaryParser, NumberParser

QUIET = 0.1  # seconds; at 9600 baud a frame takes 15 ms


class IcReader:
    """A reader, see `Reader`. A number proves nothing: it can be copied to another
    card, so it is only as good as the eyes of the staff."""

    def __init__(self, settings: IcReaderSettings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk
        self.turns: Beat = no_beat

    async def run(self, linked: Callable[[bool], None]) -> None:
        """See `Reader.run`."""
        loop = asyncio.get_running_loop()
        settings, desk = self._settings, self._desk
        parser: NumberParser = (
            AsciiParser() if settings.protocol == "ascii" else BinaryParser()
        )
        discarded = 0
        async with open_port(settings.transport, self.turns) as (reader, _writer):
            linked(True)
            try:
                while True:
                    self.turns(DEVICE_TURN)
                    quiet = QUIET if parser.pending else DEVICE_LOOK
                    try:
                        async with asyncio.timeout(quiet):
                            data = await read_some(reader)
                    except TimeoutError:
                        data = b""
                    for raw in parser.feed(data) if data else parser.flush():
                        number = card_number(raw, settings)
                        desk.read(number, CredentialKind.IC_CARD, loop.time())
                    if parser.discarded != discarded and not parser.pending:
                        desk.reject("frame")
                        discarded = parser.discarded
            finally:
                linked(False)
