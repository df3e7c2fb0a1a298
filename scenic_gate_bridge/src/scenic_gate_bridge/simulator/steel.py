"""What may stand at a simulated lane: the device's model, and how it is wired."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any, Protocol

from pydantic import TypeAdapter

from ..model import Direction
from ..settings import DriverSettings, InfraredSettings, ModbusSettings
from .board_model import BoardModel
from .catrax_model import CatraxModel
from .tpw_model import TpwModel


class LaneKind(StrEnum):
    """The drivers' names of the makes."""

    CATRAX = "catrax"
    TPW = "tpw-321asp"
    MODBUS = "modbus"
    INFRARED = "infrared"
    MANUAL = "manual"

    @property
    def polled(self) -> bool:
        """Whether the device says nothing of its own accord, so that the bridge has
        to look while somebody walks."""
        return self in (LaneKind.TPW, LaneKind.MODBUS, LaneKind.INFRARED)

    @property
    def headway(self) -> float:
        """Seconds that people who walk by themselves must keep, to be told apart."""
        return {LaneKind.INFRARED: 0.8, LaneKind.MODBUS: 0.5}.get(self, 0.05)

    @property
    def look_every(self) -> float:
        """Seconds between two looks of the bridge in which somebody may walk unseen;
        only on a machine that has too much to do are they so far apart."""
        gaps = {LaneKind.INFRARED: 0.14, LaneKind.MODBUS: 0.19}
        return gaps.get(self, float("inf"))


class Steel(Protocol):
    """A device as a pure model: bytes in, bytes out, persons walking. `refuse` and
    `swallow`: what is to become of its next commands; `blind`: it sees nobody walk."""

    passed: dict[Direction, int]
    releases: int
    refuse: int
    swallow: int
    blind: bool

    def feed(self, data: bytes) -> bytes:
        """What the device answers to these bytes."""

    def released(self, direction: Direction) -> bool:
        """Whether a person would get through."""

    def is_free(self, direction: Direction) -> bool:
        """Whether everybody gets through."""

    def push(self, direction: Direction, *, force: bool = False) -> bytes | None:
        """A person walks: None when they are held back, else what the device reports
        of its own accord. `force`: they get through all the same."""

    def power_cycle(self) -> None:
        """The current was away."""


class OpenWay:
    """No device at all: a person counts."""

    def __init__(self) -> None:
        self.passed = {Direction.IN: 0, Direction.OUT: 0}
        self.releases = self.refuse = self.swallow = 0
        self.blind = False

    def feed(self, data: bytes) -> bytes:
        """Nobody listens."""
        return b""

    def released(self, direction: Direction) -> bool:
        """Nothing holds anybody back."""
        return True

    is_free = released

    def push(self, direction: Direction, *, force: bool = False) -> bytes | None:
        """A person walks."""
        self.passed[direction] += 1
        return b""

    def power_cycle(self) -> None:
        """Nothing has current."""


def driver(kind: LaneKind, port: Path, device_timeout: float) -> dict[str, Any]:
    """The `driver` of the lane in a settings file. `device_timeout`: of a turnstile
    that shuts by itself."""
    serial = {"kind": "serial", "port": str(port)}
    match kind:
        case LaneKind.CATRAX:
            return {"kind": kind.value, "port": str(port), "poll": 2.0}
        case LaneKind.TPW:
            return {"kind": kind.value, "transport": serial}
        case LaneKind.MODBUS:
            return {
                "kind": kind.value,
                "transport": serial,
                "device_timeout": device_timeout,
                **{"release_in": 0, "release_out": 1, "free_in": 2, "free_out": 3},
                **{"pass_in": 0, "pass_out": 1, "fire": 2},
            }
        case LaneKind.INFRARED:
            return {
                "kind": kind.value,
                "transport": serial,
                "beam_a": 0,
                "beam_b": 1,
            }
        case LaneKind.MANUAL:
            return {"kind": kind.value}


def make_steel(driver: dict[str, Any], clock: Callable[[], float]) -> Steel:
    """The device that belongs to a `driver`."""
    settings: Any = TypeAdapter(DriverSettings).validate_python(driver)
    if isinstance(settings, ModbusSettings | InfraredSettings):
        return BoardModel(settings, clock)
    match LaneKind(settings.kind):
        case LaneKind.CATRAX:
            return CatraxModel()
        case LaneKind.TPW:
            return TpwModel()
        case _:
            return OpenWay()
