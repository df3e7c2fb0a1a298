"""Simulated lanes and the people who walk through them."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from ..model import Direction, LaneDirection
from .pty_port import PtyPort
from .steel import LaneKind, driver, make_steel

POLL = 0.01
DEVICE_TIMEOUT = 1.5  # seconds after which a turnstile that shuts by itself does so
MISREAD = 6.0  # at a scanner: until whoever showed the next code has walked
ECHO = 1.0  # seconds for which damage to what was said may tell on what comes next
LOOK_BACK = 0.5  # the same backwards, where the bridge has to look


class ParkError(Exception):
    """The simulator cannot be set up as asked."""


@dataclass(frozen=True, slots=True)
class LaneSpec:
    """Which way a lane leads, and what stands there. `coded`: an exit with a reader,
    which lets out whoever shows a code."""

    direction: LaneDirection
    kind: LaneKind = LaneKind.CATRAX
    coded: bool = False


def parse_lanes(text: str) -> dict[str, LaneSpec]:
    """`L1:in,X1:out:infrared` → the lanes in that order; without a kind it is a Catrax
    turnstile."""
    lanes: dict[str, LaneSpec] = {}
    for part in text.split(","):
        code, _, rest = part.strip().partition(":")
        direction, _, kind = rest.partition(":")
        if not re.fullmatch(r"[A-Za-z0-9_-]{1,32}", code):
            raise ParkError(f"--lanes: {part.strip()!r} has no lane code")
        if direction not in ("in", "out", "both"):
            raise ParkError(f"--lanes: {code}: the direction is in, out or both")
        if kind not in ("", *LaneKind):
            raise ParkError(
                f"--lanes: {code}: there is no kind {kind!r}; there are:"
                f" {', '.join(LaneKind)}"
            )
        if kind == LaneKind.INFRARED and direction != "out":
            raise ParkError(f"--lanes: {code}: infrared beams only count people out")
        if code in lanes:
            raise ParkError(f"--lanes: {code} is named twice")
        lanes[code] = LaneSpec(
            LaneDirection(direction), LaneKind(kind or LaneKind.CATRAX)
        )
    return lanes


@dataclass(frozen=True, slots=True)
class Visit:
    """How a presented code ended for the visitors behind it."""

    released: bool
    passed: int


class Sight(StrEnum):
    """Whether the bridge can know of a passage."""

    SURE = "sure"  # what the lane said of it has reached the bridge unharmed
    UNSURE = "unsure"  # it may have been lost, or harmed, or said twice
    LOST = "lost"  # nobody listened, or the lane itself saw nothing


@dataclass(slots=True)
class Passage:
    """One person who went through. `who`: the code on whose release, empty without;
    `misread`: the reader may have read another one."""

    lane: str
    direction: Direction
    who: str
    at: float
    sight: Sight
    misread: bool = False


class SimLane:
    """A turnstile `CODE.lane` with a scanner `CODE.scanner` in the run directory."""

    def __init__(
        self, code: str, spec: LaneSpec, directory: Path, rng: random.Random
    ) -> None:
        self.code = code
        self.direction = spec.direction
        self.coded = spec.coded
        self.kind = spec.kind
        self.driver = driver(spec.kind, directory / f"{code}.lane", DEVICE_TIMEOUT)
        self.model = make_steel(self.driver, lambda: asyncio.get_running_loop().time())
        self.lane_port = PtyPort(directory / f"{code}.lane", self._from_host, rng)
        self.scanner_port = PtyPort(
            directory / f"{code}.scanner", lambda data: None, rng
        )
        self.ports = {"lane": self.lane_port, "scanner": self.scanner_port}
        self.fire = False  # the arm has dropped: everybody passes, nobody is seen
        self.deaf = False  # the bridge is dead
        self.unsure = False  # it may or may not listen
        self.left_for = ""  # the code on whose release nobody walked yet
        self.walked_on = 0  # which release it was on which somebody walked last
        self.passages: list[Passage] = []
        self.on_passage: Callable[[Passage], None] = lambda passage: None
        self.lane_port.on_damage = self._damaged
        self.scanner_port.on_damage = self._misread
        self._damaged_at = self._misread_at = float("-inf")
        self._asked_at = float("inf")

    def _from_host(self, data: bytes) -> None:
        now = asyncio.get_running_loop().time()
        gap, self._asked_at = now - self._asked_at, now
        if gap > self.kind.look_every:
            self._damaged_at = now
            self.doubt(gap + LOOK_BACK)
        self.lane_port.send(self.model.feed(data))

    def _damaged(self) -> None:
        """Something on the line to the turnstile was lost or changed."""
        self._damaged_at = asyncio.get_running_loop().time()
        if self.kind.polled:
            self.doubt(LOOK_BACK)

    def _misread(self) -> None:
        """A code came to the bridge in another form than it was shown."""
        self._misread_at = asyncio.get_running_loop().time()

    def doubt(self, seconds: float) -> None:
        """What was said so long ago may have got lost."""
        since = asyncio.get_running_loop().time() - seconds
        for passage in reversed(self.passages):
            if passage.at < since:
                break
            if passage.sight is Sight.SURE:
                passage.sight = Sight.UNSURE

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
        if device == "scanner":
            self._misread()
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

    async def wait_next_release(
        self, before: int, direction: Direction, patience: float
    ) -> bool:
        """Wait for a release after the first `before` of them; False when none comes.
        A swing gate that is still open is not open for the next person."""
        end = asyncio.get_running_loop().time() + patience
        while not (self.model.releases > before and self.released(direction)):
            if self.fire or (
                self.kind is not LaneKind.TPW and self.model.is_free(direction)
            ):
                return True
            if asyncio.get_running_loop().time() >= end:
                return False
            await asyncio.sleep(POLL)
        return True

    @property
    def headway(self) -> float:
        """Seconds until the next person may follow and still be told apart."""
        if not self.passages:
            return 0.0
        since = asyncio.get_running_loop().time() - self.passages[-1].at
        return max(0.0, self.kind.headway - since)

    def walk(self, direction: Direction, *, force: bool = False, who: str = "") -> bool:
        """One person pushes the arm; whether they got through."""
        self.walked_on = self.model.releases
        report = self.model.push(direction, force=force or self.fire)
        if report is None:
            return False
        now = asyncio.get_running_loop().time()
        sight = Sight.SURE
        if self.fire or self.model.blind or self.deaf or not self.lane_port.plugged:
            sight = Sight.LOST
        else:
            self.lane_port.send(report)
            if self.unsure or now - self._damaged_at < ECHO:
                sight = Sight.UNSURE
        misread = now - self._misread_at < MISREAD
        passage = Passage(self.code, direction, who, now, sight, misread)
        self.passages.append(passage)
        self.on_passage(passage)
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
            if number and not await self.wait_next_release(
                self.walked_on, direction, patience
            ):
                break
            await asyncio.sleep(max(delay, self.headway))
            passed += self.walk(direction, who=code)
        return Visit(released, passed)

    def state(self) -> dict[str, object]:
        """For GET /lanes."""
        return {
            "lane": self.code,
            "direction": self.direction.value,
            "kind": self.kind.value,
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

    def __init__(self, directory: Path, lanes: dict[str, LaneSpec], seed: int) -> None:
        rng = random.Random(seed)
        self._directory = directory
        self.lanes = {
            code: SimLane(code, spec, directory, rng) for code, spec in lanes.items()
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
