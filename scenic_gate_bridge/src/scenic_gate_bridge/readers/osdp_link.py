"""One OSDP device on a serial port, by libosdp. Everything in here runs on a thread."""

from __future__ import annotations

import math
import queue
import termios
import threading
from dataclasses import dataclass

import osdp
import serial

from ..settings import OsdpReaderSettings
from ..watchdog import DEVICE_TURN, Beat
from .threads import Tell

COME_UP = 5.0  # seconds to come on line, secure channel included
WAKE = 0.05  # seconds between two looks at what else is to be done
TENTHS = 10  # libosdp's unit of time, a second


@dataclass(frozen=True, slots=True)
class Card:
    """A card was shown: so many bits, from the left of `data`."""

    bits: int
    data: bytes


class _Port(osdp.Channel):  # type: ignore[misc]
    """libosdp's way to the line. Nothing that it calls may raise, or its thread dies;
    `lost` says what would have been raised."""

    def __init__(self, port: serial.Serial) -> None:
        super().__init__()
        self._port = port
        self.lost = ""

    def read(self, max_bytes: int) -> bytes:
        try:
            return bytes(self._port.read(max_bytes))
        except Exception as error:
            self.lost = str(error)
            return b""

    def write(self, buf: bytes) -> int:
        try:
            return self._port.write(buf) or 0
        except Exception as error:
            self.lost = str(error)
            return len(buf)

    def flush(self) -> None:
        try:
            self._port.reset_input_buffer()
        except Exception as error:
            self.lost = str(error)


class OsdpLink:
    """The control panel of one device."""

    def __init__(
        self, settings: OsdpReaderSettings, key: bytes | None, turns: Beat
    ) -> None:
        self._settings = settings
        self._key = key
        self._turns = turns
        self._shows: queue.Queue[bool] = queue.Queue()

    def show(self, ok: bool) -> None:
        """Tell the visitor by light and sound; returns at once, on any thread."""
        self._shows.put(ok)

    def work(self, tell: Tell[Card | None], stop: threading.Event) -> str:
        """See `on_thread`. Tells None when the device is on line, then its cards."""
        transport = self._settings.transport
        # one that hangs in open() would hang in the next process, too
        self._turns(math.inf)
        try:
            line = serial.Serial(
                transport.port,
                transport.baud,
                timeout=0,
                write_timeout=0.2,
                exclusive=True,
            )
        except (serial.SerialException, termios.error, OSError) as error:
            return f"cannot open {transport.port}: {error}"
        with line:
            port = _Port(line)
            device = osdp.PDInfo(
                self._settings.address,
                port,
                scbk=self._key,
                flags=[osdp.LibFlag.EnforceSecure] if self._key else [],
            )
            # whatever libosdp has to say it prints, past our log
            panel = osdp.ControlPanel([device], log_level=osdp.LogLevel.Emergency)
            panel.start()
            try:
                return self._serve(panel, port, tell, stop)
            finally:
                panel.teardown()

    def _serve(
        self,
        panel: osdp.ControlPanel,
        port: _Port,
        tell: Tell[Card | None],
        stop: threading.Event,
    ) -> str:
        """Carry events and commands until the link ends; why it did."""
        address = self._settings.address
        up = False
        waited = 0.0
        while not stop.is_set():
            self._turns(DEVICE_TURN)
            event = panel.get_event(address, timeout=WAKE)
            if event is not None and event["event"] == osdp.Event.CardRead:
                tell(Card(event["length"], event["data"]))
            if port.lost:
                return f"port lost: {port.lost}"
            if not panel.thread.is_alive():
                return "libosdp has given up"
            there = (
                panel.is_sc_active(address) if self._key else panel.is_online(address)
            )
            if there and not up:
                up = True
                tell(None)
            elif up and not there:
                return "the device does not answer any more"
            elif not there and waited > COME_UP:
                return "the device does not come on line: address, baud, key?"
            waited += WAKE
            while up and not self._shows.empty():
                self._light(panel, self._shows.get())
        return "stopped"

    def _light(self, panel: osdp.ControlPanel, ok: bool) -> None:
        """A second of green and one beep, or of red and three, where it has these."""
        address = self._settings.address
        color = osdp.CommandLEDColor
        if panel.check_capability(address, osdp.Capability.LEDControl)[0]:
            panel.submit_command(
                address,
                {
                    "command": osdp.Command.LED,
                    "reader": 0,
                    "led_number": 0,
                    "control_code": 2,  # for a time, then as before
                    "on_count": TENTHS,
                    "off_count": 0,
                    "on_color": color.Green if ok else color.Red,
                    "off_color": color.Black,
                    "timer_count": TENTHS,
                    "temporary": True,
                },
            )
        if panel.check_capability(address, osdp.Capability.AudibleControl)[0]:
            panel.submit_command(
                address,
                {
                    "command": osdp.Command.Buzzer,
                    "reader": 0,
                    "control_code": 2,  # the default tone
                    "on_count": 1,
                    "off_count": 1,
                    "rep_count": 1 if ok else 3,
                },
            )
