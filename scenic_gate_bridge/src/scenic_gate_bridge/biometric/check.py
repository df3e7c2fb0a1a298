"""What a lane with a sensor asks of a member beside the card."""

from __future__ import annotations

import asyncio

import structlog

from .. import refusals
from ..model import Decision
from .base import Biometric, Match, SensorFault
from .members import Members

TOGETHER = 20.0  # seconds for all presses of one person


class FingerCheck:
    """Asks for the finger of who agreed and enrolled here; everybody else walks as at
    any other lane. Who does not fit, or whose finger the sensor cannot read, is sent
    to the attendant with card and document: there is always a way without a finger."""

    def __init__(self, lane: str, biometric: Biometric, members: Members) -> None:
        self._biometric = biometric
        self._members = members
        self._log = structlog.get_logger().bind(lane=lane)
        self.problem = ""  # why the sensor was of no use the last time

    async def wanted(self, decision: Decision) -> str | None:
        """Whose finger this admission needs, or None."""
        try:
            return await self._members.enrolled(decision.ticket)
        except OSError as error:
            self.problem = str(error)
            self._log.error("a template cannot be read", reason=self.problem)
            return None

    async def refusal(self, member: str) -> Decision | None:
        """Compare; why the admitted person may not walk, or None."""
        try:
            async with asyncio.timeout(TOGETHER):
                match = await self._biometric.verify(member)
            self.problem = ""
        except TimeoutError:
            match = Match.NOBODY
        except (SensorFault, OSError) as error:
            self.problem = str(error)
            self._log.error("nobody could be compared", reason=self.problem)
            return refusals.FINGER
        self._log.info("finger compared", match=match.value)
        return None if match in (Match.YES, Match.UNKNOWN) else refusals.FINGER

    async def enrol(self, ticket: str) -> bool:
        """Enrol the holder of a ticket; False where no consent is known. Raises
        EnrolFailed, SensorFault, OSError."""
        member = self._members.agreed(ticket)
        if member is None:
            return False
        await self._biometric.enrol(member)
        self._log.info("finger enrolled")
        return True
