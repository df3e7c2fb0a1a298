"""A scanner that sends lines, on a serial port or by TCP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..framing import LineFramer
from ..model import CredentialKind
from ..settings import LineReaderSettings
from ..transport import open_port, read_some
from ..watchdog import DEVICE_LOOK, DEVICE_TURN, Beat, no_beat
from .base import Desk


class LineReader:
    """A reader, see `Reader`."""

    def __init__(self, settings: LineReaderSettings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk
        self.turns: Beat = no_beat

    async def run(self, linked: Callable[[bool], None]) -> None:
        """See `Reader.run`."""
        loop = asyncio.get_running_loop()
        settings, desk = self._settings, self._desk
        framer = LineFramer(settings.rule, settings.max_length, settings.charset)
        counted = dict(framer.rejected)
        async with open_port(settings.transport, self.turns) as (reader, _writer):
            linked(True)
            try:
                while True:
                    self.turns(DEVICE_TURN)
                    idle = loop.time() + DEVICE_LOOK
                    try:
                        async with asyncio.timeout_at(framer.flush_at or idle):
                            data = await read_some(reader)
                    except TimeoutError:
                        data = b""
                    now = loop.time()
                    for line in framer.feed(data, now) if data else framer.flush(now):
                        desk.read(line.text, CredentialKind.AUTO, line.began)
                    for reason, count in framer.rejected.items():
                        desk.reject(reason, count - counted[reason])
                        counted[reason] = count
            finally:
                linked(False)
