"""Time that passes only when nothing is left to do, and devices on the far end of
connections that exist only in memory: real drivers, without a second of waiting."""

from __future__ import annotations

import asyncio
import random
import selectors
from collections.abc import Callable
from typing import Any, Protocol

LATENCY = 0.002


class Model(Protocol):
    """A simulated device."""

    def feed(self, data: bytes) -> bytes: ...


class _Selector(selectors.SelectSelector):
    """Lets the loop's clock jump to its next timer instead of waiting for it."""

    loop: VirtualLoop

    def select(self, timeout: float | None = None) -> Any:
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "everything waits for everything"
            self.loop.now += max(timeout, 0.0)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop with such a clock; `wires` are the ports to connect to."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.wires: dict[int, Wire] = {}
        selector = _Selector()
        selector.loop = self
        super().__init__(selector)

    def time(self) -> float:
        return self.now

    async def create_connection(  # type: ignore[override]
        self, factory: Callable[[], asyncio.Protocol], host: str, port: int, **_: Any
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        return self.wires[port].connect(factory)


class Wire:
    """A device at the far end: what comes from it arrives in pieces of any size."""

    def __init__(self, loop: VirtualLoop, model: Model, rng: random.Random) -> None:
        self._loop = loop
        self._model = model
        self._rng = rng
        self._host: _Transport | None = None
        self.plugged = True
        self.deaf = 0  # that many writes of the host are lost
        self.mute = 0  # that many answers are lost

    def connect(
        self, factory: Callable[[], asyncio.Protocol]
    ) -> tuple[asyncio.Transport, asyncio.Protocol]:
        if not self.plugged:
            raise ConnectionRefusedError("unplugged")
        protocol = factory()
        self._host = _Transport(self._loop, protocol, self)
        protocol.connection_made(self._host)
        return self._host, protocol

    def from_host(self, data: bytes) -> None:
        if self.deaf:
            self.deaf -= 1
            return
        cut = self._rng.randrange(len(data) + 1)
        answer = self._model.feed(data[:cut]) + self._model.feed(data[cut:])
        if answer and self.mute:
            self.mute -= 1
            return
        self.send(answer)

    def send(self, data: bytes) -> None:
        """From the device to the host."""
        host = self._host
        if host is None:
            return
        at = 0.0
        while data:
            size = self._rng.randint(1, len(data))
            at += LATENCY
            self._loop.call_later(at, host.deliver, data[:size])
            data = data[size:]

    def unplug(self) -> None:
        self.plugged = False
        if self._host is not None:
            self._host.lost(ConnectionResetError("unplugged"))
            self._host = None


class _Transport(asyncio.Transport):
    def __init__(
        self, loop: VirtualLoop, protocol: asyncio.Protocol, wire: Wire
    ) -> None:
        super().__init__()
        self._loop = loop
        self._protocol = protocol
        self._wire = wire
        self._closed = False

    def write(self, data: Any) -> None:
        if not self._closed:
            self._wire.from_host(bytes(data))

    def deliver(self, data: bytes) -> None:
        if not self._closed:
            try:
                self._protocol.data_received(data)
            except Exception as error:
                self.lost(error)  # as asyncio does on a socket

    def lost(self, error: Exception | None) -> None:
        if not self._closed:
            self._closed = True
            self._loop.call_soon(self._protocol.connection_lost, error)

    def is_closing(self) -> bool:
        return self._closed

    def close(self) -> None:
        self.lost(None)

    abort = close

    def get_protocol(self) -> asyncio.BaseProtocol:
        return self._protocol
