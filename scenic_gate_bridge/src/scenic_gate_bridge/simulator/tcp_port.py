"""A device on a TCP port of this machine, at one address that outlives unplugging."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable

from .faults import Faults


class TcpPort:
    """`received` gets what the host writes. One host at a time, as at a serial server:
    a newer connection ends the older one."""

    def __init__(
        self, received: Callable[[bytes], None], rng: random.Random, port: int = 0
    ) -> None:
        self.port = port
        self.to_host = Faults()
        self.to_device = Faults()
        self._received = received
        self._rng = rng
        self._server: asyncio.Server | None = None
        self._writer: asyncio.StreamWriter | None = None

    @property
    def plugged(self) -> bool:
        """Whether the host can connect."""
        return self._server is not None

    async def plug(self) -> None:
        """Listen; the port number is kept from the first time on."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def unplug(self) -> None:
        """Pull the cable: whoever is connected is cut off."""
        if self._server is not None:
            self._server.close()
            self._drop()
            await self._server.wait_closed()
            self._server = None

    def send(self, data: bytes) -> None:
        """Send to the host, through the faults; nobody connected: lost."""
        for piece in self.to_host.apply(data, self._rng):
            if self._writer is not None:
                self._writer.write(piece)

    def _drop(self) -> None:
        if self._writer is not None:
            self._writer.transport.abort()
            self._writer = None

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._drop()
        self._writer = writer
        try:
            while data := await reader.read(4096):
                for piece in self.to_device.apply(data, self._rng):
                    self._received(piece)
        except OSError:
            pass
        finally:
            writer.transport.abort()
            if self._writer is writer:
                self._writer = None
