"""Packets of fingerprint sensors, cut out of a hostile stream."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenic_gate_bridge.biometric import r30x_codec as r30x
from scenic_gate_bridge.biometric.r30x_codec import (
    ACK,
    COMMAND,
    Code,
    Packet,
    PacketParser,
    encode,
    encode_data,
    packet_size,
)
from scenic_gate_bridge.simulator.r30x_model import R30xModel, features


@pytest.mark.parametrize(
    ("kind", "payload", "frame"),
    [
        (COMMAND, r30x.PASSWORD + bytes(4), "EF01FFFFFFFF 01 0007 1300000000 001B"),
        (COMMAND, r30x.PARAMETERS, "EF01FFFFFFFF 01 0003 0F 0013"),
        (COMMAND, r30x.TAKE_IMAGE, "EF01FFFFFFFF 01 0003 01 0005"),
        (COMMAND, r30x.MAKE_FEATURES + b"\x01", "EF01FFFFFFFF 01 0004 0201 0008"),
        (COMMAND, r30x.MAKE_FEATURES + b"\x02", "EF01FFFFFFFF 01 0004 0202 0009"),
        (COMMAND, r30x.COMPARE, "EF01FFFFFFFF 01 0003 03 0007"),
        (COMMAND, r30x.MAKE_TEMPLATE, "EF01FFFFFFFF 01 0003 05 0009"),
        (COMMAND, r30x.SEND_TEMPLATE + b"\x01", "EF01FFFFFFFF 01 0004 0801 000E"),
        (COMMAND, r30x.TAKE_TEMPLATE + b"\x02", "EF01FFFFFFFF 01 0004 0902 0010"),
        (COMMAND, r30x.EMPTY_LIBRARY, "EF01FFFFFFFF 01 0003 0D 0011"),
        (COMMAND, r30x.COUNT, "EF01FFFFFFFF 01 0003 1D 0021"),
        (ACK, bytes([Code.OK]), "EF01FFFFFFFF 07 0003 00 000A"),
        (ACK, bytes([Code.NO_FINGER]), "EF01FFFFFFFF 07 0003 02 000C"),
    ],
)
def test_frames_byte_for_byte(kind: int, payload: bytes, frame: str) -> None:
    assert encode(kind, payload) == bytes.fromhex(frame)
    assert PacketParser().feed(bytes.fromhex(frame)) == [Packet(kind, payload)]


def test_a_transfer_ends_with_the_last_packet() -> None:
    packets = PacketParser().feed(encode_data(bytes(512), 128))
    assert [packet.kind for packet in packets] == [2, 2, 2, 8]
    assert [len(packet.payload) for packet in packets] == [128] * 4


@pytest.mark.parametrize(("code", "size"), [(0, 32), (1, 64), (2, 128), (3, 256)])
def test_size_of_packets(code: int, size: int) -> None:
    model = R30xModel(size_code=code)
    model.feed(encode(COMMAND, r30x.PASSWORD + bytes(4)))
    (answer,) = PacketParser().feed(model.feed(encode(COMMAND, r30x.PARAMETERS)))
    assert packet_size(answer.payload[1:]) == size
    assert packet_size(answer.payload[1:-1]) is None


def test_a_sensor_answers_nothing_before_the_password() -> None:
    model = R30xModel(password=7)
    refused = encode(ACK, bytes([Code.WRONG_PASSWORD]))
    assert model.feed(encode(COMMAND, r30x.TAKE_IMAGE)) == refused
    assert model.feed(encode(COMMAND, r30x.PASSWORD + bytes(4))) == refused


packets = st.builds(
    Packet,
    st.sampled_from(sorted(r30x.KINDS)),
    st.binary(min_size=1, max_size=r30x.LONGEST),
)


@given(st.lists(packets, max_size=5), st.data())
def test_any_chunking(sent: list[Packet], data: st.DataObject) -> None:
    stream = b"".join(encode(packet.kind, packet.payload) for packet in sent)
    parser, found = PacketParser(), []
    while stream:
        cut = data.draw(st.integers(1, len(stream)))
        found += parser.feed(stream[:cut])
        stream = stream[cut:]
    assert (found, parser.bad) == (sent, 0)


@given(st.lists(st.binary(max_size=400), max_size=6), packets)
def test_a_true_packet_is_found_after_any_noise(
    noise: list[bytes], packet: Packet
) -> None:
    parser = PacketParser()
    for piece in noise:
        parser.feed(piece)
        assert len(parser._buffer) < r30x.HEAD + r30x.LENGTHS[-1]
    parser.reset()
    assert parser.feed(encode(packet.kind, packet.payload)) == [packet]


@given(packets, st.data())
def test_a_changed_bit_is_seen(packet: Packet, data: st.DataObject) -> None:
    frame = bytearray(encode(packet.kind, packet.payload))
    bit = data.draw(st.integers(0, len(frame) * 8 - 1))
    frame[bit // 8] ^= 1 << bit % 8
    assert packet not in PacketParser().feed(bytes(frame))


def test_features_are_of_the_finger() -> None:
    assert features("left thumb") == features("left thumb")
    assert features("left thumb") != features("right thumb")
    assert len(features("left thumb")) == r30x.TEMPLATE_BYTES
