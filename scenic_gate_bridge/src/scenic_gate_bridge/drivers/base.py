"""What a lane driver does and tells, the same for every make of turnstile.

A driver is deliberately small: it opens for one person, and it brings the lane to rest.
Groups, time-outs, alarms and the books are the lane controller's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Flag, StrEnum, auto
from typing import Protocol

from ..model import Direction
from ..watchdog import Beat


class LinkLost(Exception):
    """The device cannot be reached. `sent` tells whether the command may have left."""

    def __init__(self, reason: str, *, sent: bool = False) -> None:
        super().__init__(reason)
        self.sent = sent


class CommandRefused(Exception):
    """The device answered that it will not do it."""


class CommandUnanswered(Exception):
    """The device did not answer in time: it may or may not have done it."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """The device acknowledged the release under way. An event, not only the return of
    `allow`, because its place among the pass reports matters: a person reported before
    it did not walk on this release."""


@dataclass(frozen=True, slots=True)
class Passed:
    """The device saw one person through, in this direction."""

    direction: Direction


@dataclass(frozen=True, slots=True)
class Noise:
    """Bytes came that are no frame: something the device said may have been lost."""


@dataclass(frozen=True, slots=True)
class LinkUp:
    """The device answers, nothing is released, and resting directions are set."""


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The device does not answer."""

    reason: str


class AlarmKind(StrEnum):
    """What a lane's own sensors raise an alarm for."""

    TAILGATING = "tailgating"
    FORCED = "forced"
    WRONG_DIRECTION = "wrong_direction"
    PINCH = "pinch"


@dataclass(frozen=True, slots=True)
class Alarm:
    """The device saw something that staff should look at. Nobody is counted by it."""

    kind: AlarmKind


@dataclass(frozen=True, slots=True)
class Fault:
    """Something at the device is broken (`on`) or works again; `what` names it."""

    what: str
    on: bool


@dataclass(frozen=True, slots=True)
class Fire:
    """The fire alarm released the lane (`on`), or that is over. The release itself is
    wired in the lane; the bridge only watches it."""

    on: bool


@dataclass(frozen=True, slots=True)
class SteppedBack:
    """Somebody began to walk through and went back. Nobody is counted by it."""


DriverEvent = (
    Accepted | Passed | Noise | LinkUp | LinkDown | Alarm | Fault | Fire | SteppedBack
)


class Caps(Flag):
    """What a lane can do. What it cannot is made up for by the lane controller, which
    in any case releases one person at a time and takes each release back itself."""

    PASS_DONE = auto()  # reports each pass; else a pass is assumed when its time is up
    FREE_IN = auto()  # can be left turning freely inwards
    FREE_OUT = auto()

    @property
    def free(self) -> frozenset[Direction]:
        """The directions that can be left turning freely."""
        ways = {Direction.IN: Caps.FREE_IN, Direction.OUT: Caps.FREE_OUT}
        return frozenset(way for way, flag in ways.items() if flag in self)


ALL_CAPS = Caps.PASS_DONE | Caps.FREE_IN | Caps.FREE_OUT
Emit = Callable[[DriverEvent], None]


class LaneDriver(Protocol):
    """One instance is one physical lane controller."""

    caps: Caps
    turns: Beat

    async def run(self, emit: Emit) -> None:
        """Own the link until it is lost, then raise; a supervisor starts it again.
        Tells `turns` with each turn of its loop when the next one comes at the latest.
        Never opens the lane by itself, whatever happens to the link."""
        ...

    async def allow(self, direction: Direction) -> None:
        """Release one person. Emits Accepted when the device has accepted, and
        returns. The release is sent at most once; raises CommandRefused,
        CommandUnanswered or LinkLost."""
        ...

    async def rest(self, free: frozenset[Direction]) -> None:
        """Take back any release, then let only `free` directions turn freely (those
        of them that `caps` can). Also remembered for the next start of the link.
        Repeats until the device has surely accepted; raises LinkLost when it does
        not."""
        ...
