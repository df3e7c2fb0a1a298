"""What works a turnstile."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

from pydantic import Field, field_validator, model_validator

from ..model import Direction
from .base import Model, Seconds
from .transport import SerialSettings, TcpSettings, TransportSettings


class CatraxSettings(Model):
    """A Digicon Catrax turnstile, at a serial `port` or behind a `transport`. The
    manual contradicts itself on which side H is: watch which way the arm turns, and
    which report comes back, and set both here."""

    kind: Literal["catrax"]
    port: Annotated[str, Field(min_length=1)] | None = None
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 115200
    transport: TransportSettings | None = None
    release_in: Literal["H", "A"] = "H"
    pass_in: Literal["1A", "1B"] = "1A"
    ack_timeout: Seconds = 0.5
    poll: Seconds = 10.0

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the turnstile."""
        if self.transport is not None:
            return self.transport
        return SerialSettings(port=self.port or "", baud=self.baud)

    @model_validator(mode="after")
    def _one_way(self) -> CatraxSettings:
        if (self.port is None) is (self.transport is None):
            raise ValueError("set either port or transport")
        return self


class TpwSettings(Model):
    """A TPW-321ASP swing gate. It has no command for one person: a direction is set
    free, and back under control when the gate's own counter has gone up."""

    kind: Literal["tpw-321asp"]
    transport: TransportSettings
    address: Annotated[int, Field(ge=0, le=255)] | None = None  # on RS-232 and RS-485
    ack_timeout: Seconds = 0.5
    poll: Annotated[float, Field(ge=0.05, le=1)] = 0.1

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the gate."""
        return self.transport

    @field_validator("address")
    @classmethod
    def _told_apart(cls, address: int | None) -> int | None:
        if address == 4:
            raise ValueError("4 also ends a frame: give the gate another address")
        return address


Coil = Annotated[int, Field(ge=0, le=31)]
Input = Annotated[int, Field(ge=0, le=31)]


class BoardSettings(Model):
    """A board with relays and inputs on Modbus RTU or TCP."""

    transport: TransportSettings
    unit: Annotated[int, Field(ge=1, le=247)] = 1
    inverted: list[Input] = []  # inputs that are on at rest
    fire: Input | None = None
    answer_timeout: Annotated[float, Field(ge=0.02, le=0.25)] = 0.2
    # a linked input would work a relay by itself; boards come like that
    clear_links: bool = True

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the board."""
        return self.transport

    @property
    def wired_inputs(self) -> dict[str, int]:
        """The inputs in use, by the name of their setting."""
        values = {name: getattr(self, name) for name in self._INPUTS}
        return {name: value for name, value in values.items() if value is not None}

    _INPUTS: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _inputs_differ(self) -> Self:
        inputs = self.wired_inputs
        if len(set(inputs.values())) < len(inputs):
            raise ValueError("an input is named twice")
        if stray := set(self.inverted) - set(inputs.values()):
            raise ValueError(f"inverted: input {min(stray)} is not wired")
        return self


class ModbusSettings(BoardSettings):
    """A turnstile worked by dry contacts. `release_*` are relays of which a pulse
    releases one person (or, with `hold`, as long as they are on); `free_*` are relays
    that leave a direction open while they are on."""

    kind: Literal["modbus"]
    release_in: Coil | None = None
    release_out: Coil | None = None
    free_in: Coil | None = None
    free_out: Coil | None = None
    pulse: Annotated[float, Field(ge=0.1, le=60)] = 0.3
    hold: bool = False
    device_timeout: Seconds = 5.0
    pass_in: Input | None = None
    pass_out: Input | None = None
    tailgating: Input | None = None
    forced: Input | None = None
    wrong_direction: Input | None = None
    pinch: Input | None = None
    fault: Input | None = None
    poll: Annotated[float, Field(ge=0.01, le=0.05)] = 0.05

    _INPUTS: ClassVar[tuple[str, ...]] = (
        "pass_in",
        "pass_out",
        "tailgating",
        "forced",
        "wrong_direction",
        "pinch",
        "fault",
        "fire",
    )

    def release(self, direction: Direction) -> int | None:
        """The relay that releases one person that way."""
        return self.release_in if direction is Direction.IN else self.release_out

    def free(self, direction: Direction) -> int | None:
        """The relay that leaves that way open."""
        return self.free_in if direction is Direction.IN else self.free_out

    def passes(self, direction: Direction) -> int | None:
        """The input that tells a pass that way."""
        return self.pass_in if direction is Direction.IN else self.pass_out

    @property
    def relays(self) -> list[int]:
        """The relays in use; one that both releases and leaves open is named twice."""
        named = (self.release_in, self.release_out, self.free_in, self.free_out)
        return [coil for coil in named if coil is not None]

    @model_validator(mode="after")
    def _relays_differ(self) -> ModbusSettings:
        allowed = 0
        if self.hold:
            allowed = sum(
                self.release(way) is not None and self.release(way) == self.free(way)
                for way in Direction
            )
        if len(set(self.relays)) < len(self.relays) - allowed:
            raise ValueError(
                "a relay is named twice (free may be the same as release with hold)"
            )
        return self


class InfraredSettings(BoardSettings):
    """An exit without a barrier: two light beams across the way, on inputs of a Modbus
    board. `beam_a` is the one that people who leave reach first."""

    kind: Literal["infrared"]
    beam_a: Input
    beam_b: Input
    timeout: Seconds = 5.0
    poll: Annotated[float, Field(ge=0.01, le=0.05)] = 0.02

    _INPUTS: ClassVar[tuple[str, ...]] = ("beam_a", "beam_b", "fire")


class ManualSettings(Model):
    """No device: somebody stands there."""

    kind: Literal["manual"]


DriverSettings = Annotated[
    CatraxSettings | TpwSettings | ModbusSettings | InfraredSettings | ManualSettings,
    Field(discriminator="kind"),
]
