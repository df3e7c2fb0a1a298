"""Frames of the manual byte for byte, and a parser that nothing puts out of step."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenic_gate_bridge.drivers import catrax_codec as codec

GOLDEN = [
    (codec.RELEASE_H, "02 02 00 48 48"),
    (codec.RELEASE_A, "02 02 00 41 41"),
    (codec.RELEASE_BOTH, "02 02 00 44 44"),
    (codec.CONTROLLED, "02 02 00 43 43"),
    (codec.FREE + codec.RELEASE_H, "02 03 00 4C 48 05"),
    (codec.FREE + codec.RELEASE_A, "02 03 00 4C 41 0C"),
    (codec.PROGRAM + codec.RELEASE_H, "02 03 00 53 48 1A"),
    (codec.ACK, "02 02 00 06 06"),
    (codec.NACK, "02 02 00 15 15"),
    (codec.RETURN_1, "02 02 00 1A 1A"),
    (codec.RETURN_2, "02 02 00 1B 1B"),
]
lane_commands = st.sampled_from(sorted(codec.FROM_LANE))
host_commands = st.sampled_from(sorted(codec.FROM_HOST))
# noise that likes the protocol's own bytes
noise = st.lists(
    st.one_of(
        st.binary(max_size=6),
        st.sampled_from([2, 0, 3, 6, 0x15, 0x1A, 0x1B]).map(lambda b: bytes([b])),
        lane_commands.map(codec.encode).map(lambda frame: frame[:-1]),
        host_commands.map(codec.encode).map(lambda frame: frame[:4]),
    ),
    max_size=8,
).map(b"".join)


@pytest.mark.parametrize(("command", "frame"), GOLDEN)
def test_golden_frames(command: bytes, frame: str) -> None:
    raw = bytes.fromhex(frame)
    assert codec.encode(command) == raw
    parser = codec.FrameParser(codec.FROM_LANE | codec.FROM_HOST)
    assert parser.feed(raw) == [command]
    assert parser.discarded == 0


@pytest.mark.parametrize("command", [b"", b"ABC"])
def test_commands_have_one_or_two_bytes(command: bytes) -> None:
    with pytest.raises(ValueError, match="one or two"):
        codec.encode(command)


def chunked(data: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(
    st.lists(st.tuples(noise, lane_commands), max_size=8),
    noise,
    st.lists(st.integers(0, 500), max_size=20),
)
def test_every_whole_frame_is_found_between_any_noise(
    parts: list[tuple[bytes, bytes]], tail: bytes, cuts: list[int]
) -> None:
    data = b"".join(before + codec.encode(command) for before, command in parts)
    parser = codec.FrameParser(codec.FROM_LANE)
    found: list[bytes] = []
    for chunk in chunked(data + tail, cuts):
        found += parser.feed(chunk)
    # noise may spell frames of its own; the true ones must all be there, in order
    rest = iter(found)
    assert all(command in rest for _before, command in parts)
    assert set(found) <= codec.FROM_LANE


@given(st.lists(host_commands, max_size=20), st.lists(st.integers(0, 99), max_size=9))
def test_clean_stream_gives_exactly_its_frames(
    commands: list[bytes], cuts: list[int]
) -> None:
    parser = codec.FrameParser(codec.FROM_HOST)
    found: list[bytes] = []
    for chunk in chunked(b"".join(map(codec.encode, commands)), cuts):
        found += parser.feed(chunk)
    assert found == commands
    assert parser.discarded == 0


@given(lane_commands, st.integers(0, 39))
def test_one_wrong_bit_is_no_frame(command: bytes, bit: int) -> None:
    frame = bytearray(codec.encode(command))
    frame[bit // 8] ^= 1 << bit % 8
    parser = codec.FrameParser(codec.FROM_LANE)
    assert parser.feed(bytes(frame) + codec.encode(codec.ACK)) == [codec.ACK]
    assert parser.discarded == 5


def test_a_megabyte_of_noise_leaves_nothing_behind() -> None:
    parser = codec.FrameParser(codec.FROM_LANE)
    junk = bytes(range(256)) * 4096
    assert parser.feed(junk + codec.encode(codec.RETURN_1)) == [codec.RETURN_1]
    assert parser.discarded == len(junk)
    assert parser.feed(codec.encode(codec.ACK)) == [codec.ACK]
