"""How bytes get to and from a device."""

from __future__ import annotations

import os
from typing import Annotated, Literal

from pydantic import Field

from .base import Model


class SerialSettings(Model):
    """A serial port."""

    kind: Literal["serial"] = "serial"
    port: Annotated[str, Field(min_length=1)]
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 9600

    @property
    def place(self) -> str:
        """The port, by one name whatever link names it."""
        return os.path.realpath(self.port)

    @property
    def shown(self) -> str:
        """The port as the file names it."""
        return self.port


class TcpSettings(Model):
    """A TCP connection: the device itself, or a serial server in raw mode."""

    kind: Literal["tcp"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)]

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """The same, for people."""
        return self.place


TransportSettings = Annotated[SerialSettings | TcpSettings, Field(discriminator="kind")]
