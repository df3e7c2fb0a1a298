"""One lane: a turnstile with its readers, and what does not go together."""

from __future__ import annotations

from enum import StrEnum

from pydantic import model_validator

from ..model import AfterCrash, Direction, LaneDirection
from .base import LaneCode, Model, Seconds
from .camera import CameraSettings
from .cautions import cautions
from .drivers import (
    DriverSettings,
    InfraredSettings,
    ModbusSettings,
)
from .fingerprint import FingerprintSettings
from .readers import ReaderSettings


class Profile(StrEnum):
    """What stands at a lane, for the people who walk through it."""

    TRIPOD = "tripod"
    FLAP = "flap"
    SWING = "swing"
    PUSH_BAR = "push-bar"
    INFRARED = "infrared"
    DOOR = "door"
    MANUAL = "manual"


class LaneSettings(Model):
    """One turnstile with its readers. `profile`, `outdoor` and `attended` only tell
    what to warn of."""

    code: LaneCode
    direction: LaneDirection = LaneDirection.IN
    driver: DriverSettings
    profile: Profile | None = None
    outdoor: bool = False
    attended: bool = False
    readers: list[ReaderSettings] = []
    camera: CameraSettings | None = None
    fingerprint: FingerprintSettings | None = None
    pass_timeout: Seconds = 5.0
    settle: Seconds = 1.0
    after_crash: AfterCrash = AfterCrash.ASSUMED_PASSED
    free_exit: bool | None = None

    @property
    def exits_freely(self) -> bool:
        """Whether people leave without a ticket: by default where a lane only leads
        out and has no reader."""
        if self.free_exit is None:
            return self.direction is LaneDirection.OUT and not self.readers
        return self.free_exit

    @property
    def warnings(self) -> list[str]:
        """What to know of this lane before it is used; one sentence each."""
        return list(cautions(self))

    def reader_direction(self, reader: ReaderSettings) -> Direction:
        """The direction that a reader's scans ask for."""
        if reader.direction is not None:
            return reader.direction
        return Direction(self.direction.value)

    @model_validator(mode="after")
    def _fits(self) -> LaneSettings:
        if self.exits_freely and Direction.OUT not in self.direction.served:
            raise ValueError("free_exit needs a lane of direction out or both")
        if self.fingerprint is not None and Direction.IN not in self.direction.served:
            raise ValueError("fingerprint needs a lane that leads in")
        self._profile_fits()
        self._driver_fits()
        for reader in self.readers:
            if reader.direction is None and self.direction is LaneDirection.BOTH:
                raise ValueError(
                    "a reader of a lane of direction both needs its own direction"
                )
            direction = self.reader_direction(reader)
            if direction not in self.direction.served:
                raise ValueError(
                    f"a reader of direction {direction} does not fit a lane of"
                    f" direction {self.direction}"
                )
            if self.exits_freely and direction is Direction.OUT:
                raise ValueError("a free exit needs no reader of direction out")
        return self

    def _profile_fits(self) -> None:
        exits = (Profile.PUSH_BAR, Profile.INFRARED)
        if self.profile in exits and not (
            self.direction is LaneDirection.OUT and self.exits_freely
        ):
            raise ValueError(
                f"a {self.profile} exit has direction out and neither readers nor"
                " free_exit = false"
            )
        made_for = {
            "infrared": (Profile.INFRARED,),
            "manual": (Profile.MANUAL, Profile.DOOR),
            "tpw-321asp": (Profile.SWING,),
            "catrax": (Profile.TRIPOD, Profile.PUSH_BAR),
            "modbus": tuple(set(Profile) - {Profile.INFRARED, Profile.MANUAL}),
        }[self.driver.kind]
        if self.profile is not None and self.profile not in made_for:
            raise ValueError(
                f"a {self.driver.kind} driver does not make a {self.profile} lane"
            )

    def _driver_fits(self) -> None:
        driver = self.driver
        if isinstance(driver, InfraredSettings) and not (
            self.direction is LaneDirection.OUT and self.exits_freely
        ):
            raise ValueError(
                "an infrared exit holds nobody back: its lane has direction out and"
                " neither readers nor free_exit = false"
            )
        if not isinstance(driver, ModbusSettings):
            return
        for reader in self.readers:
            direction = self.reader_direction(reader)
            if driver.release(direction) is None:
                raise ValueError(
                    f"a reader of direction {direction} needs a relay"
                    f" release_{direction}"
                )
        if self.exits_freely and driver.passes(Direction.OUT) is None:
            raise ValueError("a free exit needs an input pass_out to count by")
