"""A contactless card in the virtual reader of the PC/SC daemon (vsmartcard's vpcd).

vpcd listens; a card connects. Each message is two bytes of length, the higher first,
and so many bytes: one byte is a control (0 off, 1 on, 2 reset, 4 asks for the ATR),
anything else a command for the card.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from ..readers.pcsc_codec import GET_UID

ATR = bytes.fromhex("3B8F8001804F0CA000000306030001000000006A")  # Mifare Classic 1K
_ASK_ATR = b"\x04"
_UNKNOWN = b"\x6d\x00"


class VpcdCard:
    """`await place()` puts it on the reader, `await remove()` takes it away."""

    def __init__(self, uid: bytes, port: int) -> None:
        self._number = uid
        self._port = port
        self._answering: asyncio.Task[None] | None = None

    async def place(self) -> None:
        """Connect, and answer until taken away."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._answering = asyncio.create_task(self._answer(reader, writer))

    async def remove(self) -> None:
        """Take it away."""
        if self._answering is not None:
            self._answering.cancel()
            await asyncio.gather(self._answering, return_exceptions=True)
            self._answering = None

    async def _answer(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            with suppress(asyncio.IncompleteReadError, OSError):
                while True:
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    message = await reader.readexactly(size)
                    if message == _ASK_ATR:
                        answer = ATR
                    elif size == 1:
                        continue
                    elif message == GET_UID:
                        answer = self._number + b"\x90\x00"
                    else:
                        answer = _UNKNOWN
                    writer.write(len(answer).to_bytes(2, "big") + answer)
        finally:
            writer.transport.abort()
