"""A device on a pseudo terminal, under a name that outlives unplugging."""

from __future__ import annotations

import asyncio
import os
import random
import tty
from collections.abc import Callable
from pathlib import Path

from .faults import Faults


class PtyPort:
    """`received` gets what the host writes. The name is a link to the real terminal."""

    def __init__(
        self, link: Path, received: Callable[[bytes], None], rng: random.Random
    ) -> None:
        self.link = link
        self.to_host = Faults()
        self.to_device = Faults()
        self.on_damage: Callable[[], None] = lambda: None  # bytes lost or changed
        self._received = received
        self._rng = rng
        self._master: int | None = None
        self._slave: int | None = None

    @property
    def plugged(self) -> bool:
        """Whether the host can open it."""
        return self._master is not None

    def plug(self) -> None:
        """Make the terminal and its name."""
        if self._master is not None:
            return
        master, slave = os.openpty()
        # the slave stays open here, so that the host may come and go
        tty.setraw(master)
        tty.setraw(slave)
        os.set_blocking(master, False)
        fresh = self.link.with_name(self.link.name + ".new")
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(os.ttyname(slave))
        fresh.replace(self.link)
        self._master, self._slave = master, slave
        asyncio.get_running_loop().add_reader(master, self._readable)

    def unplug(self) -> None:
        """Pull the cable: whoever has the terminal open loses it."""
        if self._master is None or self._slave is None:
            return
        asyncio.get_running_loop().remove_reader(self._master)
        self.link.unlink(missing_ok=True)
        os.close(self._master)
        os.close(self._slave)
        self._master = self._slave = None

    def send(self, data: bytes) -> None:
        """Send to the host, through the faults. Bytes that find no room are lost, as
        on a wire."""
        self._later(self.to_host, data, self._write)

    def _later(
        self, faults: Faults, data: bytes, deliver: Callable[[bytes], None]
    ) -> None:
        pieces = faults.apply(data, self._rng)
        if b"".join(pieces) != data:
            self.on_damage()
        for piece in pieces:
            if faults.delay:
                asyncio.get_running_loop().call_later(faults.delay, deliver, piece)
            else:
                deliver(piece)

    def _write(self, piece: bytes) -> None:
        if self._master is None:
            self.on_damage()
            return
        try:
            taken = os.write(self._master, piece)
        except BlockingIOError:
            taken = 0
        if taken < len(piece):
            self.on_damage()

    def _readable(self) -> None:
        if self._master is None:
            return
        try:
            data = os.read(self._master, 4096)
        except BlockingIOError:
            return
        self._later(self.to_device, data, self._received)
