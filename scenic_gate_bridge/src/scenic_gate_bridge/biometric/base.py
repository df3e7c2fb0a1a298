"""What a lane asks of a biometric device, whatever it measures."""

from __future__ import annotations

from enum import StrEnum
from typing import Protocol


class SensorFault(Exception):
    """The sensor does not answer, or makes no sense: nobody can be compared."""


class EnrolFailed(Exception):
    """Nothing was kept; the text says why, and the person may try again."""


class Match(StrEnum):
    """How a comparison ended. Only NO is a reason to send somebody to the attendant
    because of who they are; NOBODY: no finger came in time; UNKNOWN: there is no
    template here, and the person walks as if there were no binding."""

    YES = "yes"
    NO = "no"
    NOBODY = "nobody"
    UNKNOWN = "unknown"


class Biometric(Protocol):
    """Compares one present person with one template. `member`: an opaque name under
    which the template lies here. One call at a time; both raise SensorFault."""

    async def enrol(self, member: str) -> None:
        """Take and keep a template, in place of an older one; EnrolFailed."""
        ...

    async def verify(self, member: str) -> Match:
        """Whether the person at the sensor is the one who enrolled."""
        ...
