"""A contactless card reader of PC/SC. Experimental, see docs/devices.md."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from ..model import CredentialKind
from ..settings import PcscReaderSettings
from ..watchdog import Beat, no_beat
from .base import Desk
from .card_number import card_number
from .pcsc_codec import uid
from .threads import on_thread


class PcscReader:
    """A reader, see `Reader`. A card that lies there is read once."""

    def __init__(self, settings: PcscReaderSettings, desk: Desk) -> None:
        self._settings = settings
        self._desk = desk
        self.turns: Beat = no_beat

    async def run(self, linked: Callable[[bool], None]) -> None:
        """See `Reader.run`."""
        # pyscard is there only where the extra is installed; the settings made sure
        from .pcsc_link import PcscLink

        def heard(answer: bytes | None) -> None:
            if answer is None:
                linked(True)
            else:
                self._card(answer)

        link = PcscLink(self._settings.reader, self.turns)
        try:
            await on_thread("pcsc", link.work, heard)
        finally:
            linked(False)

    def _card(self, answer: bytes) -> None:
        raw = uid(answer)
        if raw is None:
            self._desk.reject("card")
            return
        now = asyncio.get_running_loop().time()
        number = card_number(raw, self._settings)
        self._desk.read(number, CredentialKind.IC_CARD, now)
