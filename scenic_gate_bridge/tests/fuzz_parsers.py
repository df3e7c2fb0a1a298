"""Coverage-guided fuzzing of everything that takes bytes from a device (atheris).

`python tests/fuzz_parsers.py -max_total_time=600` runs until then, or until something
breaks; libFuzzer's other options work, too. `test_fuzz.py` runs it for a moment.

Whatever comes in, in whatever pieces: no parser raises, keeps more than one frame, or
misses a true frame after the line was quiet.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

import atheris

with atheris.instrument_imports(include=["scenic_gate_bridge"]):
    from scenic_gate_bridge.biometric import r30x_codec
    from scenic_gate_bridge.drivers import catrax_codec, tpw_codec
    from scenic_gate_bridge.framing import LineFramer, parse_framing
    from scenic_gate_bridge.readers import ic_codec, pcsc_codec, sdt_codec
    from scenic_gate_bridge.readers.card_number import without_parity

Pieces = list[bytes]
FRAMINGS = ("cr", "lf", "crlf", "stx-etx", "idle:50ms", "fixed:8")


def line(pieces: Pieces, choice: int) -> None:
    framer = LineFramer(parse_framing(FRAMINGS[choice % len(FRAMINGS)]), 32, "alnum")
    now = 1.0
    for piece in pieces:
        for found in framer.feed(piece, now):
            assert found.text.isalnum() and len(found.text) <= 32
        assert len(framer._buffer) <= 34
        now += 0.02
    now += 5
    framer.flush(now)
    name = FRAMINGS[choice % len(FRAMINGS)]
    good = {"crlf": b"GOODCODE\r\n", "lf": b"GOODCODE\n", "cr": b"GOODCODE\r"}.get(
        name, b"\x02GOODCODE\x03" if name == "stx-etx" else b"GOODCODE"
    )
    codes = framer.feed(good, now) + framer.flush(now + 1)
    assert [each.text for each in codes] == ["GOODCODE"]


def ic(pieces: Pieces, choice: int) -> None:
    parser: ic_codec.NumberParser = (
        ic_codec.AsciiParser() if choice % 2 else ic_codec.BinaryParser()
    )
    for piece in pieces:
        for number in parser.feed(piece):
            assert 3 <= len(number) <= 10
    parser.flush()
    assert not parser.pending
    card = b"\x01\x02\x03\x04\x05"
    frame = (
        ic_codec.encode_ascii(card)
        if choice % 2
        else ic_codec.encode_binary(card, ic_codec.TYPE_EM)
    )
    assert parser.feed(frame) == [card]


def sdt(pieces: Pieces, choice: int) -> None:
    parser = sdt_codec.FrameParser()
    for piece in pieces:
        for body in parser.feed(piece):
            sdt_codec.document_number(body)
        assert len(parser._buffer) < sdt_codec.HEAD + sdt_codec.LENGTHS[-1]
    sdt_codec.document_number(b"".join(pieces))
    parser.reset()
    assert parser.feed(sdt_codec.encode(b"\0\0\x9f")) == [b"\0\0\x9f"]


def numbers(pieces: Pieces, choice: int) -> None:
    data = b"".join(pieces)
    number = without_parity(choice, data)
    assert number is None or 3 <= len(number) <= 10
    uid = pcsc_codec.uid(data)
    assert uid is None or len(uid) in (4, 7, 10)


def catrax(pieces: Pieces, choice: int) -> None:
    known = catrax_codec.FROM_LANE if choice % 2 else catrax_codec.FROM_HOST
    parser = catrax_codec.FrameParser(known)
    for piece in pieces:
        parser.feed(piece)
        assert len(parser._buffer) <= 64


def tpw(pieces: Pieces, choice: int) -> None:
    parser = tpw_codec.FrameParser(tpw_codec.FROM_GATE, choice if choice % 2 else None)
    for piece in pieces:
        parser.feed(piece)
        assert len(parser._buffer) <= 64


def r30x(pieces: Pieces, choice: int) -> None:
    parser = r30x_codec.PacketParser()
    for piece in pieces:
        for packet in parser.feed(piece):
            assert 1 <= len(packet.payload) <= r30x_codec.LONGEST
        assert len(parser._buffer) < r30x_codec.HEAD + r30x_codec.LENGTHS[-1]
    r30x_codec.packet_size(b"".join(pieces))
    parser.reset()
    true = r30x_codec.Packet(r30x_codec.ACK, bytes([choice]))
    assert parser.feed(r30x_codec.encode(true.kind, true.payload)) == [true]


TARGETS: tuple[Callable[[Pieces, int], None], ...] = (
    line,
    ic,
    sdt,
    numbers,
    catrax,
    tpw,
    r30x,
)


def one(data: bytes) -> None:
    """The first byte chooses the parser, the second its settings; the third says into
    how long pieces the rest is cut."""
    if len(data) < 3:
        return
    size = data[2] or 1
    rest = data[3:]
    pieces = [rest[at : at + size] for at in range(0, len(rest), size)]
    TARGETS[data[0] % len(TARGETS)](pieces, data[1])


def main() -> None:
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
