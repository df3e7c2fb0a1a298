"""A serial scanner that sends lines."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta

import structlog

from ..framing import Line, LineFramer
from ..model import Code, Direction, Scan, utc_now
from ..settings import LineReaderSettings
from ..transport import open_port, read_some

REMEMBERED = 16  # codes kept to tell a repetition


class RepeatFilter:
    """A code shown for long is read many times; that is one read. The window begins
    anew with every repetition, so a phone left on the glass stays one read."""

    def __init__(self, window: float) -> None:
        self._window = window
        self._seen: OrderedDict[Code, float] = OrderedDict()

    def fresh(self, code: Code, now: float) -> bool:
        """Whether this is a new showing of the code."""
        last = self._seen.pop(code, None)
        self._seen[code] = now
        if len(self._seen) > REMEMBERED:
            self._seen.popitem(last=False)
        return last is None or now - last > self._window


class LineReader:
    """One scanner of one lane."""

    def __init__(
        self,
        settings: LineReaderSettings,
        lane: str,
        direction: Direction,
        submit: Callable[[Scan], None],
        rejected: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._lane = lane
        self._direction = direction
        self._submit = submit
        self._rejected = rejected
        self._repeats = RepeatFilter(settings.repeat_after)
        self._log = structlog.get_logger().bind(
            lane=lane, device="scanner", port=settings.transport.port
        )

    async def run(self, linked: Callable[[bool], None]) -> None:
        """Read until the port is lost, then raise PortError."""
        loop = asyncio.get_running_loop()
        settings = self._settings
        framer = LineFramer(settings.rule, settings.max_length, settings.charset)
        counted = dict(framer.rejected)
        async with open_port(settings.transport) as (reader, _writer):
            linked(True)
            try:
                while True:
                    try:
                        async with asyncio.timeout_at(framer.flush_at):
                            data = await read_some(reader)
                    except TimeoutError:
                        data = b""
                    now = loop.time()
                    for line in framer.feed(data, now) if data else framer.flush(now):
                        self._read(line, now)
                    for reason, count in framer.rejected.items():
                        for _ in range(count - counted[reason]):
                            self._rejected(reason)
                            self._log.warning("code rejected", reason=reason)
                        counted[reason] = count
            finally:
                linked(False)

    def _read(self, line: Line, now: float) -> None:
        code = Code(line.text)
        if not self._repeats.fresh(code, now):
            self._rejected("repeat")
            return
        self._log.info("code read", code=repr(code), length=len(line.text))
        at = utc_now() - timedelta(seconds=now - line.began)
        self._submit(Scan(self._lane, self._direction, code, at))
