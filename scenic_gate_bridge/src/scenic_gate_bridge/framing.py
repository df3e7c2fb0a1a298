"""Cuts a scanner's bytes into codes. Everything that comes in is taken for hostile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

STALE = 1.0  # seconds after which a half line is no longer part of the next one

_CHARSETS = {
    "alnum": re.compile(rb"[0-9A-Za-z]+"),
    "printable": re.compile(rb"[\x20-\x7e]+"),
}
_IDLE = re.compile(r"idle:([0-9]{1,4})ms")
_FIXED = re.compile(r"fixed:([0-9]{1,3})")
_PAD = b" \t\r\n\0"


class FramingKind(StrEnum):
    """How the end of a code is told."""

    MARK = "mark"
    STX_ETX = "stx-etx"
    IDLE = "idle"
    FIXED = "fixed"


@dataclass(frozen=True, slots=True)
class Framing:
    """A parsed framing setting."""

    kind: FramingKind
    mark: bytes = b""
    idle: float = 0.0
    length: int = 0


_MARKS = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n"}


def parse_framing(text: str) -> Framing:
    """`cr`, `lf`, `crlf`, `stx-etx`, `idle:50ms` or `fixed:26`."""
    if text in _MARKS:
        return Framing(FramingKind.MARK, mark=_MARKS[text])
    if text == "stx-etx":
        return Framing(FramingKind.STX_ETX, mark=b"\x03")
    if match := _IDLE.fullmatch(text):
        idle = int(match[1])
        if 5 <= idle <= 1000:
            return Framing(FramingKind.IDLE, idle=idle / 1000)
        raise ValueError("idle: between 5ms and 1000ms")
    if match := _FIXED.fullmatch(text):
        length = int(match[1])
        if 4 <= length <= 512:
            return Framing(FramingKind.FIXED, length=length)
        raise ValueError("fixed: between 4 and 512 characters")
    raise ValueError("one of cr, lf, crlf, stx-etx, idle:50ms, fixed:26")


@dataclass(frozen=True, slots=True)
class Line:
    """One code as read; `began` is the monotonic time of its first byte."""

    text: str
    began: float


class LineFramer:
    """Feed it bytes with the time they came; it gives whole, clean codes.

    A code with a character outside the charset is refused as a whole: repairing it
    would make another code of it. Its memory is bounded by `max_length`.
    """

    def __init__(self, framing: Framing, max_length: int, charset: str) -> None:
        self._framing = framing
        self._max = framing.length or max_length
        self._charset = _CHARSETS[charset]
        self._buffer = bytearray()
        self._began = 0.0
        self._last = 0.0
        self._inside = False  # stx-etx: between the two
        self._overlong = False
        self.rejected: dict[str, int] = {"charset": 0, "length": 0, "stale": 0}

    @property
    def flush_at(self) -> float | None:
        """When `flush` should be called if no byte comes before."""
        if self._framing.kind is FramingKind.IDLE and (self._buffer or self._overlong):
            return self._last + self._framing.idle
        return None

    def feed(self, data: bytes, now: float) -> list[Line]:
        """The codes that end in `data`."""
        lines = self.flush(now)
        if (self._buffer or self._overlong) and now - self._last > STALE:
            self._drop("stale")
        if not data:
            return lines
        self._last = now
        kind = self._framing.kind
        if kind is FramingKind.IDLE:
            self._take(data, now)
        elif kind is FramingKind.FIXED:
            while data:
                want = self._framing.length - len(self._buffer)
                self._take(data[:want], now)
                data = data[want:]
                if len(self._buffer) == self._framing.length:
                    lines += self._finish()
        else:
            lines += self._marked(data, now)
        return lines

    def flush(self, now: float) -> list[Line]:
        """The code that a pause has ended, where the framing is `idle`."""
        due = self.flush_at
        return self._finish() if due is not None and now >= due else []

    def _marked(self, data: bytes, now: float) -> list[Line]:
        lines: list[Line] = []
        mark = self._framing.mark
        framed = self._framing.kind is FramingKind.STX_ETX
        for byte in data:
            if framed:
                if byte == 0x02:
                    self._reset()
                    self._inside = True
                    continue
                if not self._inside:
                    continue
            self._take(bytes([byte]), now)
            if byte != mark[-1]:
                continue
            if self._overlong or self._buffer.endswith(mark):
                if not self._overlong:
                    del self._buffer[-len(mark) :]
                lines += self._finish()
        return lines

    def _take(self, data: bytes, now: float) -> None:
        if self._overlong:
            return
        if not self._buffer:
            self._began = now
        self._buffer += data
        if len(self._buffer) > self._max + len(self._framing.mark):
            self._buffer.clear()
            self._overlong = True

    def _finish(self) -> list[Line]:
        overlong = self._overlong
        raw = bytes(self._buffer).strip(_PAD)
        began = self._began
        self._reset()
        if overlong or len(raw) > self._max:
            self.rejected["length"] += 1
        elif raw and not self._charset.fullmatch(raw):
            self.rejected["charset"] += 1
        elif raw:
            return [Line(raw.decode("ascii"), began)]
        return []

    def _drop(self, reason: str) -> None:
        self._reset()
        self.rejected[reason] += 1

    def _reset(self) -> None:
        self._buffer.clear()
        self._inside = False
        self._overlong = False
