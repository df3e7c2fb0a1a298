"""A card reader that speaks OSDP (IEC 60839-11-5)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..model import CredentialKind
from ..settings import ConfigError, OsdpReaderSettings
from ..transport import PortError
from ..watchdog import Beat, no_beat
from .base import Desk
from .card_number import card_number, without_parity
from .threads import on_thread

if TYPE_CHECKING:
    from .osdp_link import Card


class OsdpReader:
    """A reader, see `Reader`."""

    def __init__(self, settings: OsdpReaderSettings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk
        self.turns: Beat = no_beat

    async def run(self, linked: Callable[[bool], None]) -> None:
        """See `Reader.run`. Linked is a device on line, with a key in its secure
        channel."""
        # libosdp is there only where the extra is installed; the settings made sure
        from .osdp_link import OsdpLink

        def heard(card: Card | None) -> None:
            if card is None:
                linked(True)
            else:
                self._card(card)

        try:
            key = self._settings.secure_channel_key()
        except ConfigError as error:
            raise PortError(f"key_file: {error}") from error
        link = OsdpLink(self._settings, key, self.turns)
        self._desk.feedback = link.show
        try:
            await on_thread("osdp", link.work, heard)
        finally:
            self._desk.feedback = None
            linked(False)

    def _card(self, card: Card) -> None:
        raw = without_parity(card.bits, card.data)
        if raw is None:
            self._desk.reject("frame")
            return
        now = asyncio.get_running_loop().time()
        number = card_number(raw, self._settings)
        self._desk.read(number, CredentialKind.IC_CARD, now)
