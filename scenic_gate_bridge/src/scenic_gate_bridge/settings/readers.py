"""What a lane reads codes with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..framing import Framing, parse_framing
from ..model import Direction
from .base import ConfigError, Model, Seconds
from .secret import read_secret
from .transport import SerialSettings, TcpSettings, TransportSettings


def _framing(text: str) -> str:
    parse_framing(text)
    return text


FramingName = Annotated[str, AfterValidator(_framing)]


class _ReaderSettings(Model):
    """What every reader has. `direction`: needed at a lane for both ways only."""

    direction: Direction | None = None
    repeat_after: Seconds = 2.0


class _StreamReaderSettings(_ReaderSettings):
    transport: TransportSettings

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the reader."""
        return self.transport


class CardReaderSettings(_ReaderSettings):
    """How the number of a card is written; all readers of a park must agree, or one
    card has several numbers.

    `byte_order`: in which order this reader sends the bytes. `wiegand`: keep only as
    many bytes as a Wiegand line of 26 or 34 bits carries, where other readers of the
    park stand on such lines.
    """

    byte_order: Literal["msb", "lsb"] = "msb"
    wiegand: Literal[26, 34] | None = None


class LineReaderSettings(_StreamReaderSettings):
    """A scanner that sends each code as one line of text."""

    kind: Literal["line"]
    framing: FramingName = "cr"
    max_length: Annotated[int, Field(ge=4, le=512)] = 256
    charset: Literal["alnum", "printable"] = "alnum"

    @property
    def rule(self) -> Framing:
        """The parsed framing."""
        return parse_framing(self.framing)


class IcReaderSettings(_StreamReaderSettings, CardReaderSettings):
    """A reader that sends the number of each IC card by itself."""

    kind: Literal["ic"]
    protocol: Literal["ascii", "binary"]


class IdCardReaderSettings(_StreamReaderSettings):
    """A reader for second-generation identity cards (SDT). `poll`: seconds between two
    looks for a card."""

    kind: Literal["id_card"]
    poll: Annotated[float, Field(ge=0.05, le=5)] = 0.3


class OsdpReaderSettings(CardReaderSettings):
    """A card reader that speaks OSDP, alone on its serial line. `key_file`: 32 hex
    digits, the key of the secure channel (SCBK); without it whoever gets at the line
    can listen and speak."""

    kind: Literal["osdp"]
    transport: SerialSettings
    address: Annotated[int, Field(ge=0, le=126)] = 0
    key_file: Path | None = None

    @property
    def link(self) -> SerialSettings:
        """The way to the reader."""
        return self.transport

    def secure_channel_key(self) -> bytes | None:
        """The 16 bytes of the key. Raises ConfigError when the file is not usable."""
        if self.key_file is None:
            return None
        text = read_secret(self.key_file)
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", text):
            raise ConfigError([f"{self.key_file} does not hold 32 hex digits"])
        return bytes.fromhex(text)


@dataclass(frozen=True, slots=True)
class PcscName:
    """A reader of the PC/SC daemon: how its name begins, or the only one."""

    name: str | None

    @property
    def place(self) -> str:
        """What only one lane can use."""
        return self.shown

    @property
    def shown(self) -> str:
        """The same, for people."""
        return f"PC/SC reader {self.name or '(the only one)'}"


class PcscReaderSettings(CardReaderSettings):
    """A contactless card reader of the machine's PC/SC daemon (experimental).
    `reader`: how its name begins; needed when there are several."""

    kind: Literal["pcsc"]
    reader: Annotated[str, Field(min_length=1)] | None = None

    @property
    def link(self) -> PcscName:
        """The way to the reader."""
        return PcscName(self.reader)


ReaderSettings = Annotated[
    LineReaderSettings
    | IcReaderSettings
    | IdCardReaderSettings
    | OsdpReaderSettings
    | PcscReaderSettings,
    Field(discriminator="kind"),
]
