"""Ticket printers at the windows."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from .base import LaneCode, Model
from .transport import TcpSettings


class PrinterSettings(Model):
    """A receipt printer that understands ESC/POS at a TCP port. `code`: as in Odoo.
    `width`: dots of a line; 512 and 576 are paper of 80 mm. `timeout`: seconds that a
    ticket may take."""

    code: LaneCode
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)] = 9100
    width: Annotated[int, Field(ge=512, le=1024, multiple_of=8)] = 576
    timeout: Annotated[float, Field(gt=0, le=60)] = 10.0

    @property
    def link(self) -> TcpSettings:
        """The way to the printer."""
        return TcpSettings(kind="tcp", host=self.host, port=self.port)
