"""A reader for identity cards as a pure model: bytes in, bytes out."""

from __future__ import annotations

from dataclasses import dataclass

from ..readers import sdt_codec as sdt

PHOTO = bytes(range(256)) * 4


@dataclass(frozen=True, slots=True)
class IdCard:
    """What is in the chip of a card. `flag`: see sdt_codec."""

    number: str
    flag: str = sdt.FLAG_RESIDENT
    name: str = "游客甲"
    address: str = "云溪市湖滨路一号"

    def text(self) -> bytes:
        """The 256 bytes of text."""
        birth = self.number[6:14] if len(self.number) == 18 else "19800101"
        fields: tuple[tuple[int, str], ...] = (
            (0, self.name),
            (30, "1"),
            (32, "01"),
            (36, birth),
            (52, self.address),
            (sdt.NUMBER_AT, self.number),
            (158, "云溪市公安局"),
            (188, "20200101"),
            (204, "20400101"),
            (sdt.FLAG_AT, self.flag),
        )
        text = bytearray(" ".encode("utf-16-le") * (sdt.TEXT_BYTES // 2))
        for at, value in fields:
            raw = value.encode("utf-16-le")
            text[at : at + len(raw)] = raw
        return bytes(text)


class SdtModel:
    """The reader with at most one card on it. A card that was read is not found again
    until it is taken away. `hold_badly` lets so many selections fail; `dumb` swallows
    answers."""

    def __init__(self) -> None:
        self._parser = sdt.FrameParser()
        self._card: IdCard | None = None
        self._selected = False
        self._read = False
        self.resets = 0
        self.reads = 0
        self.hold_badly = 0
        self.dumb = False

    def place(self, card: IdCard) -> None:
        """Put a card there."""
        self._card, self._selected, self._read = card, False, False

    def remove(self) -> None:
        """Take the card away."""
        self._card = None

    def feed(self, data: bytes) -> bytes:
        """What the reader answers to these bytes."""
        bad = self._parser.bad
        answer = b"".join(map(self._obey, self._parser.feed(data)))
        if self._parser.bad != bad:
            answer += _status(sdt.BAD_CHECKSUM)
        return b"" if self.dumb else answer

    def _obey(self, command: bytes) -> bytes:
        match command:
            case sdt.RESET:
                self.resets += 1
                self._selected = self._read = False
                return _status(sdt.OK)
            case sdt.STATUS:
                return _status(sdt.OK)
            case sdt.FIND:
                if self._card is None or self._read:
                    return _status(sdt.NO_CARD)
                return _status(sdt.FOUND, bytes(4))
            case sdt.SELECT:
                self._selected = self._card is not None and not self.hold_badly
                self.hold_badly = max(0, self.hold_badly - 1)
                if not self._selected:
                    return _status(sdt.SELECT_FAILED)
                return _status(sdt.OK, bytes(8))
            case sdt.READ:
                if self._card is None or not self._selected:
                    return _status(sdt.READ_FAILED)
                self._read = True
                self.reads += 1
                text = self._card.text()
                sizes = len(text).to_bytes(2, "big") + len(PHOTO).to_bytes(2, "big")
                return _status(sdt.OK, sizes + text + PHOTO)
            case _:
                return _status(sdt.BAD_COMMAND)


def _status(code: int, data: bytes = b"") -> bytes:
    return sdt.encode(bytes([0, 0, code]) + data)
