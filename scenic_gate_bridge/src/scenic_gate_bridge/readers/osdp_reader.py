"""A card reader that speaks OSDP (IEC 60839-11-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..model import CredentialKind
from ..settings import ConfigError, OsdpReaderSettings
from ..transport import PortError
from .base import Desk
from .card_number import card_number, without_parity


class OsdpReader:
    """A reader, see `Reader`. libosdp works on threads; everything they tell comes in
    here through the loop."""

    def __init__(self, settings: OsdpReaderSettings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk

    async def run(self, linked: Callable[[bool], None]) -> None:
        """See `Reader.run`. Linked is a device on line, with a key in its secure
        channel."""
        # libosdp is there only where the extra is installed; the settings made sure
        from .osdp_link import Card, Lost, OsdpLink, Up

        try:
            key = self._settings.secure_channel_key()
        except ConfigError as error:
            raise PortError(f"key_file: {error}") from error
        loop = asyncio.get_running_loop()
        told: asyncio.Queue[Up | Card | Lost | Exception] = asyncio.Queue()
        link = OsdpLink(
            self._settings,
            key,
            lambda what: loop.call_soon_threadsafe(told.put_nowait, what),
        )
        self._desk.feedback = link.show
        link.start()
        try:
            while True:
                match await told.get():
                    case Up():
                        linked(True)
                    case Card(bits, data):
                        self._card(bits, data)
                    case Lost(reason):
                        raise PortError(reason)
                    case Exception() as fault:
                        raise fault
        finally:
            self._desk.feedback = None
            linked(False)
            await asyncio.shield(loop.run_in_executor(None, link.stop))

    def _card(self, bits: int, data: bytes) -> None:
        raw = without_parity(bits, data)
        if raw is None:
            self._desk.reject("frame")
            return
        now = asyncio.get_running_loop().time()
        number = card_number(raw, self._settings)
        self._desk.read(number, CredentialKind.IC_CARD, now)
