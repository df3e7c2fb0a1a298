"""The fingerprint sensor of a lane."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import Model
from .transport import SerialSettings, TcpSettings, TransportSettings


class FingerprintSettings(Model):
    """A sensor of the R30x family, 57600 baud as it comes. `timeout`: seconds for each
    press. `password`: the number that opens the sensor, 0 as it comes."""

    transport: TransportSettings
    timeout: Annotated[float, Field(ge=0.2, le=15)] = 5.0
    password: Annotated[int, Field(ge=0, le=0xFFFFFFFF)] = 0

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the sensor."""
        return self.transport
