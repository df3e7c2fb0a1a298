"""A receipt printer on a real TCP port: what tests see is its paper."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType

from PIL import Image

WIDTH = 576
ROW = WIDTH // 8
NO_PAPER, COVER_OPEN = 0x20, 0x04
SENSOR_NO_PAPER = 0x60


@dataclass
class ReceiptPrinter:
    """Understands what a ticket needs of ESC/POS, and nothing else: `ESC @`, `GS v 0`,
    `GS V`, `GS r`, and `DLE EOT`, which is answered at once, whatever it is doing.

    papers: the pieces that were cut off, as pictures
    rows: how many rows of dots are left on the roll; None is enough
    mute: it answers nothing
    stray: bytes that are no command
    """

    papers: list[Image.Image] = field(default_factory=list)
    rows: int | None = None
    cover_open: bool = False
    mute: bool = False
    stray: bytes = b""
    _paper: bytearray = field(default_factory=bytearray)
    _server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    @property
    def paper_on_the_way(self) -> int:
        """Rows that are printed and not cut off."""
        return len(self._paper) // ROW

    async def start(self, port: int = 0) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port)

    async def stop(self) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def __aenter__(self) -> ReceiptPrinter:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.stop()

    # -- bytes -------------------------------------------------------------------------

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        def answer(byte: int) -> None:
            if not self.mute:
                writer.write(bytes((byte,)))

        todo: asyncio.Queue[Callable[[], object]] = asyncio.Queue()
        working = asyncio.create_task(self._work(todo))
        try:
            while True:
                await self._command(reader, answer, todo.put_nowait)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            # what it was told it prints, connected or not
            if not self._stands_still:
                await todo.join()
            working.cancel()
            writer.close()

    async def _command(
        self,
        reader: asyncio.StreamReader,
        answer: Callable[[int], None],
        later: Callable[[Callable[[], object]], None],
    ) -> None:
        head = await reader.readexactly(2)
        if head == b"\x10\x04":
            [what] = await reader.readexactly(1)
            answer(self._status(what))
        elif head == b"\x1b@":
            later(self._paper.clear)
        elif head == b"\x1dv":
            mode = await reader.readexactly(6)
            width = int.from_bytes(mode[2:4], "little")
            assert mode[:2] == b"0\x00" and width == ROW
            for _row in range(int.from_bytes(mode[4:6], "little")):
                row = await reader.readexactly(width)
                later(partial(self._feed, row))
        elif head == b"\x1dV":
            assert await reader.readexactly(2) == b"\x42\x00"
            later(self._cut)
        elif head == b"\x1dr":
            assert await reader.readexactly(1) == b"\x01"
            later(lambda: answer(0))
        else:
            self.stray += head

    def _status(self, what: int) -> int:
        no_paper = self.rows == 0
        if what == 2:
            cause = NO_PAPER * no_paper | COVER_OPEN * self.cover_open
            return 0x12 | cause
        assert what == 4
        return 0x12 | SENSOR_NO_PAPER * no_paper

    # -- paper -------------------------------------------------------------------------

    @property
    def _stands_still(self) -> bool:
        return self.rows == 0 or self.cover_open

    async def _work(self, todo: asyncio.Queue[Callable[[], object]]) -> None:
        while True:
            work = await todo.get()
            while self._stands_still:
                await asyncio.sleep(0.01)
            work()
            todo.task_done()

    def _feed(self, row: bytes) -> None:
        if self.rows is not None:
            self.rows -= 1
        self._paper += row

    def _cut(self) -> None:
        size = WIDTH, len(self._paper) // ROW
        # a set bit is black to the printer and white to Pillow
        dots = bytes(byte ^ 0xFF for byte in self._paper)
        self.papers.append(Image.frombytes("1", size, dots).convert("L"))
        self._paper.clear()
