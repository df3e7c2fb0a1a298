"""An OSDP card reader: libosdp's own peripheral device, behind a simulated port."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import osdp

_CAPABILITIES = (
    (osdp.Capability.CardDataFormat, 1, 1),
    (osdp.Capability.LEDControl, 1, 1),
    (osdp.Capability.AudibleControl, 1, 1),
    (osdp.Capability.CommunicationSecurity, 1, 1),
)


class _Wire(osdp.Channel):  # type: ignore[misc]
    """Bytes of the loop for libosdp's thread, and back."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        super().__init__()
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._heard = bytearray()
        self._lock = threading.Lock()

    def hear(self, data: bytes) -> None:
        with self._lock:
            self._heard += data

    def read(self, max_bytes: int) -> bytes:
        with self._lock:
            data = bytes(self._heard[:max_bytes])
            del self._heard[:max_bytes]
        return data

    def write(self, buf: bytes) -> int:
        self._loop.call_soon_threadsafe(self._send, bytes(buf))
        return len(buf)

    def flush(self) -> None:
        with self._lock:
            self._heard.clear()


class OsdpModel:
    """`send` gets what it says to the host, on the loop; `feed` takes what it hears.
    With a key it speaks in the secure channel only."""

    def __init__(
        self, send: Callable[[bytes], None], address: int = 0, key: bytes | None = None
    ) -> None:
        self._key = key
        self._wire = _Wire(send)
        self.commands: list[dict[str, Any]] = []
        self._device = osdp.PeripheralDevice(
            osdp.PDInfo(
                address,
                self._wire,
                scbk=key,
                flags=[osdp.LibFlag.EnforceSecure] if key else [],
            ),
            osdp.PDCapabilities(_CAPABILITIES),
            log_level=osdp.LogLevel.Emergency,
            command_handler=self._command,
        )

    def start(self) -> None:
        """Switch it on."""
        self._device.start()

    def stop(self) -> None:
        """Switch it off."""
        self._device.teardown()

    def feed(self, data: bytes) -> None:
        """Take what the host says; what there is to answer goes to `send`."""
        self._wire.hear(data)

    @property
    def online(self) -> bool:
        """Whether the host polls it; with a key, in the secure channel."""
        active = self._device.is_sc_active if self._key else self._device.is_online
        return bool(active())

    def show(self, bits: int, data: bytes) -> None:
        """Hold a card there: so many bits, from the left of `data`."""
        self._device.submit_event(
            {
                "event": osdp.Event.CardRead,
                "reader_no": 0,
                "direction": 0,
                "format": osdp.CardFormat.Unspecified,
                "length": bits,
                "data": data,
            }
        )

    def _command(self, command: dict[str, Any]) -> tuple[int, None]:
        self.commands.append(command)
        return 0, None
