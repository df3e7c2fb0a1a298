"""Frames of IC card readers, cut out of a hostile stream."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenic_gate_bridge.readers.card_number import card_number
from scenic_gate_bridge.readers.ic_codec import (
    TYPE_EM,
    TYPE_MIFARE,
    AsciiParser,
    BinaryParser,
    NumberParser,
    encode_ascii,
    encode_binary,
)
from scenic_gate_bridge.settings import IcReaderSettings

Encode = Callable[[bytes], bytes]
NAMES = ["ascii", "binary"]


def codec(name: str) -> tuple[NumberParser, Encode]:
    if name == "ascii":
        return AsciiParser(), encode_ascii
    return BinaryParser(), lambda number: encode_binary(number, TYPE_EM)


def test_published_frames() -> None:
    frame = b"\x02" + b"1000" + b"86F444" + b"26" + b"\x03"
    number = bytes.fromhex("100086F444")
    assert encode_ascii(number) == frame
    assert AsciiParser().feed(frame) == [number]
    frame = bytes.fromhex("020A0206008E6D5DB003")
    number = bytes.fromhex("06008E6D5D")
    assert encode_binary(number, TYPE_EM) == frame
    assert BinaryParser().feed(frame) == [number]


@pytest.mark.parametrize("length", [4, 7, 10])
def test_mifare_numbers(length: int) -> None:
    number = bytes(range(1, length + 1))
    assert BinaryParser().feed(encode_binary(number, TYPE_MIFARE)) == [number]


@pytest.mark.parametrize("name", NAMES)
@given(
    numbers=st.lists(st.binary(min_size=5, max_size=5), max_size=5),
    cuts=st.lists(st.integers(0, 90), max_size=20),
)
def test_any_chunking_gives_the_same_numbers(
    name: str, numbers: list[bytes], cuts: list[int]
) -> None:
    parser, encode = codec(name)
    data = b"".join(encode(number) for number in numbers)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    found = []
    for a, b in itertools.pairwise(edges):
        found += parser.feed(data[a:b])
    assert found == numbers
    assert (parser.pending, parser.discarded) == (False, 0)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_a_card_after_any_noise_is_read(name: str, data: st.DataObject) -> None:
    parser, encode = codec(name)
    good = bytes.fromhex("0102030405")
    pieces = st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"\x02", b"\x02\x0a", b"\x02\x0f\x01", b"\x03", b"\x02ABC"]),
        st.integers(0, 13).map(lambda cut: encode(b"\x02\x02\x0a\x03\x02")[:cut]),
    )
    for noise in data.draw(st.lists(pieces, max_size=8)):
        for number in parser.feed(noise):
            assert 3 <= len(number) <= 10
        assert len(parser._buffer) <= 15  # type: ignore[attr-defined]
    # the card comes at once, behind a frame that was broken off
    found = parser.feed(encode(good)) + parser.flush()
    assert found[-1:] == [good]
    assert not parser.pending


@pytest.mark.parametrize("name", NAMES)
@given(bit=st.integers(0, 79))
def test_a_flipped_bit_is_no_other_card(name: str, bit: int) -> None:
    parser, encode = codec(name)
    frame = bytearray(encode(bytes.fromhex("0102030405")))
    frame[bit // 8] ^= 1 << bit % 8
    found = parser.feed(bytes(frame)) + parser.flush()
    assert all(number == bytes.fromhex("0102030405") for number in found)


@pytest.mark.parametrize(
    ("raw", "order", "wiegand", "number"),
    [
        ("100086F444", "msb", None, "100086F444"),
        ("100086F444", "msb", 34, "0086F444"),
        ("100086F444", "msb", 26, "86F444"),
        ("A1B2C3D4", "lsb", None, "D4C3B2A1"),
        ("A1B2C3D4", "lsb", 26, "C3B2A1"),
        ("0000000A", "msb", None, "0000000A"),
    ],
)
def test_how_a_number_is_written(
    raw: str, order: str, wiegand: int | None, number: str
) -> None:
    settings = IcReaderSettings.model_validate(
        {
            "kind": "ic",
            "protocol": "binary",
            "byte_order": order,
            "wiegand": wiegand,
            "transport": {"kind": "serial", "port": "/dev/null"},
        }
    )
    assert card_number(bytes.fromhex(raw), settings) == number
