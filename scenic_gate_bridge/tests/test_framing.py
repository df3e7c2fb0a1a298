"""Cutting a hostile stream into codes."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenic_gate_bridge.framing import LineFramer, parse_framing

codes = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=1, max_size=130)
NAMES = ["cr", "lf", "crlf", "stx-etx", "idle:50ms", "fixed:8"]


def framer(name: str, most: int = 130, charset: str = "alnum") -> LineFramer:
    return LineFramer(parse_framing(name), most, charset)


def wrap(name: str, code: str) -> bytes:
    raw = code.encode()
    ends = {"cr": b"\r", "lf": b"\n", "crlf": b"\r\n"}
    if name in ends:
        return raw + ends[name]
    return b"\x02" + raw + b"\x03" if name == "stx-etx" else raw


@pytest.mark.parametrize(
    "text", ["", "crcr", "idle:50", "idle:2ms", "idle:9999ms", "fixed:1", "fixed:999"]
)
def test_unknown_framing(text: str) -> None:
    with pytest.raises(ValueError, match="one of|between"):
        parse_framing(text)


@pytest.mark.parametrize("name", ["cr", "lf", "crlf", "stx-etx"])
@given(
    codes=st.lists(codes, max_size=6), cuts=st.lists(st.integers(0, 900), max_size=20)
)
def test_any_chunking_gives_the_same_codes(
    name: str, codes: list[str], cuts: list[int]
) -> None:
    data = b"".join(wrap(name, code) for code in codes)
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    cutter = framer(name)
    lines = []
    for a, b in itertools.pairwise(edges):
        lines += cutter.feed(data[a:b], now=5.0)
    assert [line.text for line in lines] == codes


@pytest.mark.parametrize("name", NAMES)
@given(
    pieces=st.lists(
        st.tuples(
            st.one_of(
                st.binary(max_size=300),
                st.sampled_from([b"\r", b"\n", b"\r\n", b"\x02", b"\x03", b"A" * 40]),
            ),
            st.floats(0, 2, allow_nan=False),
        ),
        max_size=12,
    )
)
def test_noise_never_gives_a_bad_code_and_passes_away(
    name: str, pieces: list[tuple[bytes, float]]
) -> None:
    cutter = framer(name, 32)
    now = 10.0
    lines = []
    for data, wait in pieces:
        now += wait
        lines += cutter.flush(now)
        lines += cutter.feed(data, now)
    for line in lines:
        assert 1 <= len(line.text) <= 32
        assert line.text.isascii()
        assert line.text.isalnum()
        assert line.began <= now
    # after a pause, a true code is read whatever came before
    now += 5
    cutter.flush(now)
    good = cutter.feed(wrap(name, "GOODCODE"), now)
    good += cutter.flush(now + 1)
    assert [line.text for line in good] == ["GOODCODE"]


def test_idle_ends_a_code_and_keeps_the_time_of_its_first_byte() -> None:
    cutter = framer("idle:50ms")
    assert cutter.flush_at is None
    assert cutter.feed(b"ABC", 1.0) == []
    assert cutter.feed(b"DEF", 1.04) == []
    assert cutter.flush_at == pytest.approx(1.09)
    assert cutter.flush(1.08) == []
    (line,) = cutter.flush(1.10)
    assert (line.text, line.began) == ("ABCDEF", 1.0)
    # the next byte ends it, too, when nobody called flush
    cutter.feed(b"GHI", 2.0)
    (line,) = cutter.feed(b"JKL", 2.2)
    assert line.text == "GHI"


def test_too_long_is_refused_once_and_costs_no_memory() -> None:
    cutter = framer("cr", 16)
    for _ in range(1000):
        assert cutter.feed(b"X" * 1000, 1.0) == []
    assert len(cutter._buffer) <= 17
    assert cutter.feed(b"\r", 1.0) == []
    assert cutter.rejected["length"] == 1
    assert [line.text for line in cutter.feed(b"OK12\r", 1.0)] == ["OK12"]


def test_exactly_the_longest() -> None:
    for name in ("cr", "crlf", "stx-etx", "idle:50ms"):
        cutter = framer(name, 16)
        lines = cutter.feed(wrap(name, "Y" * 16), 1.0) + cutter.flush(2.0)
        assert [line.text for line in lines] == ["Y" * 16]
        lines = cutter.feed(wrap(name, "Y" * 17), 3.0) + cutter.flush(4.0)
        assert lines == []
        assert cutter.rejected["length"] == 1


@pytest.mark.parametrize(
    "raw", [b"AB CD", b"AB\x1bCD", b"AB\xffCD", "全角ＡＢ".encode(), b"A\0B"]
)
def test_a_strange_character_refuses_the_whole_code(raw: bytes) -> None:
    cutter = framer("cr")
    assert cutter.feed(raw + b"\r", 1.0) == []
    assert cutter.rejected["charset"] == 1


def test_printable_takes_punctuation_and_cr_swallows_a_line_feed() -> None:
    cutter = framer("cr", charset="printable")
    lines = cutter.feed(b"A-B/C d\r\nE:F\r\n", 1.0)
    assert [line.text for line in lines] == ["A-B/C d", "E:F"]


def test_half_a_line_does_not_spoil_the_next() -> None:
    cutter = framer("cr")
    assert cutter.feed(b"NOISE", 1.0) == []
    assert [line.text for line in cutter.feed(b"GOOD\r", 9.0)] == ["GOOD"]
    assert cutter.rejected["stale"] == 1


def test_fixed_lines_may_come_together() -> None:
    cutter = framer("fixed:4")
    lines = cutter.feed(b"AAAABBBBCC", 1.0) + cutter.feed(b"CC", 1.1)
    assert [line.text for line in lines] == ["AAAA", "BBBB", "CCCC"]
