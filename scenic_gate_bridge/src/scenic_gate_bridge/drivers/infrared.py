"""An exit without a barrier: two light beams across the way. It only counts."""

from __future__ import annotations

import asyncio
from enum import Enum, auto

from ..model import Direction
from ..settings import InfraredSettings
from .base import Caps, CommandRefused, Emit, Fault, LinkLost, Passed, SteppedBack
from .board import BoardDriver


class Walk(Enum):
    """How a walk through the beams ended."""

    OUT = auto()
    IN = auto()
    BACK = auto()


class TwoBeams:
    """Tells walks from beams.

    A walk lasts from one look at which both beams are free to the next such look. Who
    was first seen in A, or in both, and last in B, or in both, went out; the reverse
    went in; who was first and last seen in the same went back. Two people so close
    behind each other that a beam is never free between them are one.
    """

    def __init__(self) -> None:
        self._first: tuple[bool, bool] | None = None
        self._last = (False, False)

    @property
    def crossing(self) -> bool:
        """Whether somebody stands in a beam."""
        return self._first is not None

    def see(self, a: bool, b: bool) -> Walk | None:
        """One look; what ended with it. True is an interrupted beam."""
        first, last = self._first, self._last
        if a or b:
            self._first, self._last = first or (a, b), (a, b)
            return None
        self._first = None
        if first is None or first == last:
            return None if first is None else Walk.BACK
        only_a, only_b = (True, False), (False, True)
        return Walk.OUT if first == only_a or last == only_b else Walk.IN


class InfraredDriver(BoardDriver):
    """A lane driver, see `LaneDriver`. Nothing holds anybody back here."""

    caps = Caps.PASS_DONE | Caps.FREE_IN | Caps.FREE_OUT

    def __init__(self, settings: InfraredSettings, lane: str) -> None:
        super().__init__(settings, lane)
        self._timeout = settings.timeout
        self._beams = TwoBeams()
        self._since = 0.0
        self._stuck = False

    async def allow(self, direction: Direction) -> None:
        """See `LaneDriver.allow`."""
        raise CommandRefused("an infrared exit lets nobody through by ticket")

    async def _set_relays(self) -> None:
        pass

    async def _looked_at(self) -> None:
        pass

    async def _unreleased(self) -> None:
        if self._emit is None:
            raise LinkLost("link lost", sent=True)

    def _changed(
        self, before: dict[str, bool] | None, now: dict[str, bool], emit: Emit
    ) -> None:
        time = asyncio.get_running_loop().time()
        if before is None:
            self._beams = TwoBeams()
        crossing = self._beams.crossing
        walk = self._beams.see(now["beam_a"], now["beam_b"])
        if not crossing:
            self._since = time
        stuck = self._beams.crossing and time - self._since > self._timeout
        if stuck is not self._stuck:
            self._stuck = stuck
            emit(Fault("beam blocked", stuck))
        if walk is None:
            return
        if time - self._since > self._timeout or walk is Walk.BACK:
            emit(SteppedBack())
        else:
            emit(Passed(Direction.OUT if walk is Walk.OUT else Direction.IN))
