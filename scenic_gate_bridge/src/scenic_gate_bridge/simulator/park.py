"""Simulated lanes and the people who walk through them."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ..model import Direction, LaneDirection
from .catrax_model import CatraxModel
from .pty_port import PtyPort

POLL = 0.01


class ParkError(Exception):
    """The simulator cannot be set up as asked."""


def parse_lanes(text: str) -> dict[str, LaneDirection]:
    """`L1:in,X1:out` → the lanes in that order."""
    lanes: dict[str, LaneDirection] = {}
    for part in text.split(","):
        code, _, direction = part.strip().partition(":")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", code):
            raise ParkError(f"--lanes: {part.strip()!r} has no lane code")
        if direction not in ("in", "out", "both"):
            raise ParkError(f"--lanes: {code}: the direction is in, out or both")
        if code in lanes:
            raise ParkError(f"--lanes: {code} is named twice")
        lanes[code] = LaneDirection(direction)
    return lanes


@dataclass(frozen=True, slots=True)
class Visit:
    """How a presented code ended for the visitors behind it."""

    released: bool
    passed: int


@dataclass(slots=True)
class Passage:
    """One person who went through. `who` is the code shown, empty without one. `sure`:
    the report that the lane made of it has certainly reached the bridge."""

    lane: str
    direction: Direction
    who: str
    at: float
    sure: bool


class SimLane:
    """A turnstile `CODE.lane` with a scanner `CODE.scanner` in the run directory."""

    def __init__(
        self, code: str, direction: LaneDirection, directory: Path, rng: random.Random
    ) -> None:
        self.code = code
        self.direction = direction
        self.model = CatraxModel()
        self.lane_port = PtyPort(directory / f"{code}.lane", self._from_host, rng)
        self.scanner_port = PtyPort(
            directory / f"{code}.scanner", lambda data: None, rng
        )
        self.ports = {"lane": self.lane_port, "scanner": self.scanner_port}
        self.stuck = False  # the sensor sees nobody
        self.fire = False  # the arm has dropped: everybody passes, nobody is seen
        self.unsure = False  # reports of passes may get lost at present
        self.on_passage: Callable[[Passage], None] = lambda passage: None

    def _from_host(self, data: bytes) -> None:
        self.lane_port.send(self.model.feed(data))

    def plug(self) -> None:
        """Put both devices on their ports."""
        for port in self.ports.values():
            port.plug()

    def unplug(self) -> None:
        """Take both devices away."""
        for port in self.ports.values():
            port.unplug()

    async def pull(self, device: str, seconds: float) -> None:
        """Pull the cable of one device for a while."""
        port = self.ports[device]
        port.unplug()
        await asyncio.sleep(seconds)
        if device == "lane":
            self.model.power_cycle()
        port.plug()

    # -- people ------------------------------------------------------------------------

    def show(self, code: str, ending: str = "\r") -> None:
        """Hold a code under the scanner."""
        self.scanner_port.send((code + ending).encode("latin-1", "replace"))

    async def wait_released(self, direction: Direction, patience: float) -> bool:
        """Wait in front of the arm; False when it stays shut."""
        end = asyncio.get_running_loop().time() + patience
        while not self.released(direction):
            if asyncio.get_running_loop().time() >= end:
                return False
            await asyncio.sleep(POLL)
        return True

    def released(self, direction: Direction) -> bool:
        """Whether a person would get through."""
        return self.fire or self.model.released(direction)

    def walk(self, direction: Direction, *, force: bool = False, who: str = "") -> bool:
        """One person pushes the arm; whether they got through."""
        report = b"" if self.fire else self.model.push(direction, force=force)
        if report is None:
            return False
        seen = not (self.fire or self.stuck)
        if seen:
            self.lane_port.send(report)
        now = asyncio.get_running_loop().time()
        sure = seen and not self.unsure
        self.on_passage(Passage(self.code, direction, who, now, sure))
        return True

    async def visit(
        self,
        code: str,
        direction: Direction,
        *,
        walk: str,
        people: int,
        delay: float,
        patience: float,
    ) -> Visit:
        """Show a code; then `people` walk (pass), or stand there until the arm is shut
        again (timeout), or go away at once (none)."""
        self.show(code)
        if walk == "none":
            return Visit(False, 0)
        passed = 0
        released = await self.wait_released(direction, patience)
        if walk == "timeout":
            while released and self.released(direction):
                await asyncio.sleep(POLL)
            return Visit(released, 0)
        for number in range(people):
            if number and not await self.wait_released(direction, patience):
                break
            await asyncio.sleep(delay)
            passed += self.walk(direction, who=code)
        return Visit(released, passed)

    def state(self) -> dict[str, object]:
        """For GET /lanes."""
        return {
            "lane": self.code,
            "direction": self.direction.value,
            "ports": {
                name: str(port.link) if port.plugged else None
                for name, port in self.ports.items()
            },
            "released": {each.value: self.model.released(each) for each in Direction},
            "free": {each.value: self.model.is_free(each) for each in Direction},
            "passed": {each.value: self.model.passed[each] for each in Direction},
            "releases": self.model.releases,
        }


class Park:
    """All simulated lanes. Use `async with`."""

    def __init__(
        self, directory: Path, lanes: dict[str, LaneDirection], seed: int
    ) -> None:
        rng = random.Random(seed)
        self._directory = directory
        self.lanes = {
            code: SimLane(code, direction, directory, rng)
            for code, direction in lanes.items()
        }

    async def __aenter__(self) -> Park:
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            for lane in self.lanes.values():
                lane.plug()
        except OSError as error:
            raise ParkError(f"cannot make the ports: {error}") from error
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for lane in self.lanes.values():
            lane.unplug()
