"""The line between a bridge and its server, as bad as wanted."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

CHUNK = 1024
PAGE = (
    b"HTTP/1.1 502 Bad Gateway\r\nContent-Type: text/html\r\nContent-Length: 20\r\n"
    b"Connection: close\r\n\r\n<h1>Bad Gateway</h1>"
)


@dataclass(slots=True)
class Answer:
    """How much of an answer a connection has carried."""

    size: int = 0


@dataclass(slots=True)
class Link:
    """A TCP relay on 127.0.0.1. Use `async with`; `url` then leads to the server.

    `delay` is one way, in seconds; `rate` is in bytes a second, shared by all
    connections of a direction. `refuse` cuts every connection at once. `bad_gateway`
    answers each request as a proxy whose server is gone. With `cut_after` the server
    gets the request, and a longer answer is cut after so many bytes (0: none comes);
    `cuts` counts these."""

    host: str
    port: int
    delay: float = 0.0
    rate: int | None = None
    refuse: bool = False
    bad_gateway: bool = False
    cut_after: int | None = None
    cuts: int = field(default=0, init=False)
    url: str = field(default="", init=False)
    _server: asyncio.Server | None = field(default=None, init=False)
    _open: set[asyncio.StreamWriter] = field(default_factory=set, init=False)
    _relays: set[asyncio.Task[None]] = field(default_factory=set, init=False)
    _free_at: list[float] = field(default_factory=lambda: [0.0, 0.0], init=False)

    async def __aenter__(self) -> Link:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        return self

    async def __aexit__(self, *_exc: object) -> None:
        assert self._server is not None
        self._server.close()
        self.cut()
        for relay in self._relays:
            relay.cancel()
        await asyncio.gather(*self._relays, return_exceptions=True)

    def cut(self) -> None:
        """Break every connection that is open."""
        for writer in list(self._open):
            writer.transport.abort()

    def heal(self) -> None:
        """A good line again."""
        self.delay = 0.0
        self.rate = self.cut_after = None
        self.refuse = self.bad_gateway = False

    def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        relay = asyncio.create_task(self._serve(reader, writer))
        self._relays.add(relay)
        relay.add_done_callback(self._relays.discard)

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._open.add(writer)
        try:
            with suppress(OSError):
                await self._relay(reader, writer)
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _relay(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        if self.refuse:
            return
        far_reader, far_writer = await asyncio.open_connection(self.host, self.port)
        self._open.add(far_writer)
        try:
            answer = Answer()
            pumps = [
                asyncio.create_task(self._pump(reader, far_writer, 0, writer, answer)),
                asyncio.create_task(self._pump(far_reader, writer, 1, writer, answer)),
            ]
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
        finally:
            self._open.discard(far_writer)
            far_writer.transport.abort()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        way: int,
        asker: asyncio.StreamWriter,
        answer: Answer,
    ) -> None:
        """Carry bytes one way (0: to the server) until an end closes or is cut."""
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if self.refuse:
                    return
                if way == 0 and self.bad_gateway:
                    asker.write(PAGE)
                    await asker.drain()
                    return
                await self._on_its_way(len(data), way)
                answer.size = answer.size + len(data) if way else 0
                if self.cut_after is not None and answer.size > self.cut_after:
                    self.cuts += 1
                    writer.write(data[: self.cut_after - answer.size])
                    await writer.drain()
                    return
                writer.write(data)
                await writer.drain()

    async def _on_its_way(self, size: int, way: int) -> None:
        if not self.rate and not self.delay:
            return
        now = asyncio.get_running_loop().time()
        sent = max(now, self._free_at[way])
        if self.rate:
            sent += size / self.rate
            self._free_at[way] = sent
        await asyncio.sleep(sent + self.delay - now)
