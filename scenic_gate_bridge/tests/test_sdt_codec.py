"""Frames of identity card readers, cut out of a hostile stream."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenic_gate_bridge.readers import sdt_codec as sdt
from scenic_gate_bridge.readers.sdt_codec import FrameParser, document_number, encode
from scenic_gate_bridge.simulator.sdt_model import PHOTO, IdCard, SdtModel

CITIZEN = "11010519491231002X"


def data_of(card: IdCard) -> bytes:
    return b"\x01\x00\x04\x00" + card.text() + PHOTO


@pytest.mark.parametrize(
    ("command", "frame"),
    [
        (sdt.FIND, "AAAAAA9669 0003 2001 22"),
        (sdt.SELECT, "AAAAAA9669 0003 2002 21"),
        (sdt.READ, "AAAAAA9669 0003 3001 32"),
        (sdt.STATUS, "AAAAAA9669 0003 11FF ED"),
        (bytes([0, 0, sdt.NO_CARD]), "AAAAAA9669 0004 000080 84"),
    ],
)
def test_published_frames(command: bytes, frame: str) -> None:
    assert encode(command) == bytes.fromhex(frame)
    assert FrameParser().feed(bytes.fromhex(frame)) == [command]


def test_a_card_is_found_selected_and_read_with_the_published_lengths() -> None:
    model = SdtModel()
    assert model.feed(encode(sdt.FIND)) == encode(bytes([0, 0, sdt.NO_CARD]))
    model.place(IdCard(CITIZEN))
    assert len(model.feed(encode(sdt.FIND))) == 15
    assert len(model.feed(encode(sdt.SELECT))) == 19
    answer = model.feed(encode(sdt.READ))
    assert len(answer) == 1295
    (body,) = FrameParser().feed(answer)
    assert document_number(body[3:]) == CITIZEN
    # it still lies there
    assert model.feed(encode(sdt.FIND)) == encode(bytes([0, 0, sdt.NO_CARD]))


def test_damaged_and_unknown_commands_are_told() -> None:
    model = SdtModel()
    damaged = encode(sdt.FIND)[:-1] + b"\x00"
    assert model.feed(damaged) == encode(bytes([0, 0, sdt.BAD_CHECKSUM]))
    assert model.feed(encode(b"\x77\x01")) == encode(bytes([0, 0, sdt.BAD_COMMAND]))
    assert model.feed(encode(sdt.READ)) == encode(bytes([0, 0, sdt.READ_FAILED]))


@pytest.mark.parametrize(
    ("card", "number"),
    [
        (IdCard(CITIZEN), CITIZEN),
        (IdCard("11010519491231002x"), CITIZEN),
        (IdCard("810000199408230021", "J"), "810000199408230021"),
        (IdCard("911124198108030024", "Y"), "911124198108030024"),
        (IdCard("USA110081080310", "I", name="GUEST, ANY"), "USA110081080310"),
        (IdCard("USA110081080310"), None),
        (IdCard("110105194912310"), None),
        (IdCard(""), None),
    ],
)
def test_number_of_a_document(card: IdCard, number: str | None) -> None:
    assert document_number(data_of(card)) == number


@given(st.one_of(st.binary(max_size=300), st.binary(min_size=1284, max_size=1284)))
def test_any_data_is_a_number_or_none(data: bytes) -> None:
    document_number(data)
    number = document_number(b"\x01\x00\x04\x00" + data[4:])
    assert number is None or number.isalnum()


bodies = st.binary(min_size=3, max_size=40)


@given(
    st.lists(bodies, max_size=5), st.lists(st.integers(0, 10_000), max_size=20)
)  # fmt: skip
def test_any_chunking_gives_the_same_answers(
    answers: list[bytes], cuts: list[int]
) -> None:
    stream = b"".join(map(encode, answers))
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in cuts)})
    parser = FrameParser()
    found = []
    for a, b in itertools.pairwise(edges):
        found += parser.feed(stream[a:b])
    assert found == answers
    assert parser.bad == 0


noise = st.lists(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from(
            [
                b"\xaa",
                b"\xaa\xaa",
                sdt.PREAMBLE,
                sdt.PREAMBLE + b"\xff\xff",
                b"\x96\x69",
            ]
        ),
        st.integers(0, 14).map(lambda cut: encode(bytes(8))[:cut]),
    ),
    max_size=8,
)


@given(noise, bodies)
def test_an_answer_after_noise_is_found(pieces: list[bytes], answer: bytes) -> None:
    parser = FrameParser()
    for piece in pieces:
        parser.feed(piece)
        assert len(parser._buffer) < sdt.HEAD + sdt.LENGTHS[-1]
    # what began in the noise may swallow one frame; when the line was quiet, none
    parser.reset()
    assert parser.feed(encode(answer)) == [answer]


@given(noise, bodies)
def test_noise_swallows_no_more_than_its_own_length(
    pieces: list[bytes], answer: bytes
) -> None:
    parser = FrameParser()
    found = parser.feed(b"".join(pieces))
    frame = encode(answer)
    for _ in range(sdt.LENGTHS[-1] // len(frame) + 2):
        found += parser.feed(frame)
    assert answer in found


@given(st.integers(0, 14 * 8 - 1))
def test_a_flipped_bit_is_no_other_answer(bit: int) -> None:
    frame = bytearray(encode(bytes([0, 0, sdt.FOUND, 1, 2, 3])))
    frame[bit // 8] ^= 1 << bit % 8
    assert not FrameParser().feed(bytes(frame))
