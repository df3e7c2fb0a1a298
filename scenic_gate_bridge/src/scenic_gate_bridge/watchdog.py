"""Tells systemd that the program is ready, and that all of its parts still turn.

Every part that runs for ever, each driver and each reader among them, says with each
turn how long the next one may take. While
all keep that promise the watchdog is fed; when one does not, it is not, and systemd
kills the program and starts it anew: the journal knows what to do then. Without systemd
(no NOTIFY_SOCKET) nothing of this has an effect.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable

import sdnotify
import structlog

DEVICE_TURN = 60.0  # seconds within which the loop of a driver or a reader turns
DEVICE_LOOK = 5.0  # seconds after which one that only listens turns all the same
LOOK = 1.0  # seconds between two looks, where systemd asks for nothing quicker
Beat = Callable[[float], None]


def no_beat(_patience: float) -> None:
    """Nobody watches."""


class Pulses:
    """When each part has to turn again."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._due: dict[str, float] = {}

    def of(self, name: str) -> Beat:
        """What a part calls with each turn: the next one comes within so many
        seconds."""

        def beat(patience: float) -> None:
            self._due[name] = self._clock() + patience

        return beat

    def late(self) -> list[str]:
        """The parts that should have turned and did not."""
        now = self._clock()
        return sorted(name for name, due in self._due.items() if due < now)


class Systemd:
    """The service manager, if there is one."""

    def __init__(self, pulses: Pulses) -> None:
        self._pulses = pulses
        self._notifier = None
        if os.environ.get("NOTIFY_SOCKET"):
            self._notifier = sdnotify.SystemdNotifier()
        self._log = structlog.get_logger()

    @property
    def interval(self) -> float:
        """Seconds between two feedings: a third of what systemd waits for."""
        microseconds = os.environ.get("WATCHDOG_USEC", "")
        mine = os.environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        if not mine or not microseconds.isdecimal() or int(microseconds) == 0:
            return LOOK
        return min(LOOK, int(microseconds) / 3e6)

    def _tell(self, state: str) -> None:
        if self._notifier is not None:
            self._notifier.notify(state)

    def ready(self, url: str) -> None:
        """The program works."""
        self._tell(f"READY=1\nSTATUS=serves {url}")

    def stopping(self) -> None:
        """The program finishes what is open, and ends."""
        self._tell("STOPPING=1\nSTATUS=stopping")

    def close(self) -> None:
        """Nothing more is told."""
        if self._notifier is not None:
            self._notifier.socket.close()

    async def feed(self) -> None:
        """Feed the watchdog for ever, or as long as every part turns."""
        stuck: list[str] = []
        while True:
            late = self._pulses.late()
            if not late:
                self._tell("WATCHDOG=1")
            elif late != stuck:
                self._log.error("stuck: the watchdog is not fed", parts=late)
                self._tell(f"STATUS=stuck: {', '.join(late)}")
            stuck = late
            await asyncio.sleep(self.interval)
