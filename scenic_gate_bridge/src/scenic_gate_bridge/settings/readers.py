"""What a lane reads codes with."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from ..framing import Framing, parse_framing
from ..model import Direction
from .base import Model, Seconds
from .transport import TransportSettings


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


ReaderSettings = Annotated[
    LineReaderSettings | IcReaderSettings | IdCardReaderSettings,
    Field(discriminator="kind"),
]
