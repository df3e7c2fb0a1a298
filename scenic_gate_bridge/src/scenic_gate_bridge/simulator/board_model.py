"""A Modbus board and the lane that is wired to it, as a pure model: bytes in, bytes
out, persons walking. It is given a clock and has none of its own."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Literal

from ..model import Direction
from ..settings import InfraredSettings, ModbusSettings

PULSE = 0.3  # seconds: the shortest report of a pass that turnstiles give
CROSSING = 0.4  # seconds that a person stands in one light beam
APART = 0.15  # seconds from one light beam to the other
SILENCE = 0.1  # seconds after which an RTU board takes what comes for a new frame
RELAYS = INPUTS = 32
FLASH = 0x0200
LINKS = 0x1000
LINKED = 8

READ_COILS, READ_INPUTS, WRITE_COIL, WRITE_REGISTERS = 1, 2, 5, 16
ILLEGAL_FUNCTION, ILLEGAL_ADDRESS = 1, 2
ON, OFF = 0xFF00, 0x0000


class BoardModel:
    """The board and what its wires lead to.

    Where a data sheet leaves a choice the model takes the worst for the host: pulses on
    a release relay add up, and inputs are linked to relays until that is ended.
    """

    def __init__(
        self,
        wiring: ModbusSettings | InfraredSettings,
        clock: Callable[[], float],
        framing: Literal["rtu", "tcp"] = "rtu",
    ) -> None:
        self._wiring = wiring
        self._clock = clock
        self._framing = framing
        self._buffer = b""
        self._heard = 0.0
        self._off_at: dict[int, float] = {}
        self._links = [1] * LINKED
        self._credit: dict[Direction, list[float]] = {way: [] for way in Direction}
        self._spans: list[tuple[int, float, float]] = []
        self._held: set[int] = set()  # inputs that are away from rest
        self.passed = {Direction.IN: 0, Direction.OUT: 0}
        self.releases = 0
        self.refuse = 0  # answer this many writes with an exception, undone
        self.blind = False  # the sensors see nobody
        self.swallow = 0  # do this many writes without answering

    # -- the line --------------------------------------------------------------------

    def feed(self, data: bytes) -> bytes:
        """What the board answers to these bytes."""
        now = self._clock()
        if self._framing == "rtu" and now - self._heard > SILENCE:
            self._buffer = b""
        self._heard = now
        self._buffer += data
        answer = b""
        while True:
            frame = self._rtu() if self._framing == "rtu" else self._tcp()
            if frame is None:
                return answer
            head, request = frame
            reply = self._obey(request)
            if reply is None:
                continue
            if self._framing == "rtu":
                body = bytes([self._wiring.unit]) + reply
                answer += body + crc(body)
            else:
                size = len(reply) + 1
                answer += head[:4] + struct.pack(">HB", size, self._wiring.unit) + reply

    def _rtu(self) -> tuple[bytes, bytes] | None:
        while len(self._buffer) >= 8:
            size = 8
            if self._buffer[1] == WRITE_REGISTERS:
                size = 9 + self._buffer[6]
            if len(self._buffer) < size:
                return None
            frame = self._buffer[:size]
            if frame[0] == self._wiring.unit and crc(frame[:-2]) == frame[-2:]:
                self._buffer = self._buffer[size:]
                return b"", frame[1:-2]
            self._buffer = self._buffer[1:]
        return None

    def _tcp(self) -> tuple[bytes, bytes] | None:
        while len(self._buffer) >= 8:
            _number, protocol, size = struct.unpack(">HHH", self._buffer[:6])
            if protocol or not 2 <= size <= 254 or self._buffer[6] != self._wiring.unit:
                self._buffer = self._buffer[1:]
                continue
            if len(self._buffer) < 6 + size:
                return None
            frame, self._buffer = self._buffer[: 6 + size], self._buffer[6 + size :]
            return frame[:6], frame[7:]
        return None

    def _obey(self, request: bytes) -> bytes | None:
        code = request[0]
        if code not in (READ_COILS, READ_INPUTS, WRITE_COIL, WRITE_REGISTERS):
            return bytes([code | 0x80, ILLEGAL_FUNCTION])
        address, value = struct.unpack(">HH", request[1:5])
        if code in (READ_COILS, READ_INPUTS):
            if not 1 <= value <= INPUTS or address + value > INPUTS:
                return bytes([code | 0x80, ILLEGAL_ADDRESS])
            told = self._relay_on if code == READ_COILS else self._input_on
            bits = [told(number) for number in range(address, address + value)]
            return bytes([code, (value + 7) // 8]) + _packed(bits)
        if self.refuse:
            self.refuse -= 1
            return bytes([code | 0x80, 4])
        if code == WRITE_REGISTERS:
            for index, word in enumerate(struct.unpack(f">{value}H", request[6:])):
                if LINKS <= address + index < LINKS + LINKED:
                    self._links[address + index - LINKS] = word
        elif FLASH <= address < FLASH + RELAYS:
            self._switch(address - FLASH, self._clock() + value / 10)
        elif address < RELAYS and value in (ON, OFF):
            self._switch(address, float("inf") if value == ON else None)
        else:
            return bytes([code | 0x80, ILLEGAL_ADDRESS])
        if self.swallow:
            self.swallow -= 1
            return None
        return request[:5]

    # -- relays and inputs -----------------------------------------------------------

    def _relay_on(self, number: int) -> bool:
        return self._off_at.get(number, 0.0) > self._clock()

    def _switch(self, number: int, until: float | None) -> None:
        was = self._relay_on(number)
        self._off_at[number] = until or 0.0
        wiring = self._wiring
        if until is None or was or not isinstance(wiring, ModbusSettings):
            return
        for way in Direction:
            if number == wiring.release(way) and until != float("inf"):
                self.releases += 1
                if not wiring.hold:
                    end = self._clock() + wiring.device_timeout
                    self._credit[way].append(end)

    def _input_on(self, number: int) -> bool:
        now = self._clock()
        self._spans = [span for span in self._spans if span[2] > now]
        active = number in self._held or any(
            number == wire and start <= now for wire, start, _end in self._spans
        )
        return active is not (number in self._wiring.inverted)

    def hold_input(self, name: str, on: bool) -> None:
        """Close (or open) the contact of a wired input for good, for example `fire`."""
        number = self._wiring.wired_inputs[name]
        if on:
            self._held.add(number)
            self._linked(number)
        else:
            self._held.discard(number)

    def pulse_input(self, name: str, seconds: float = PULSE, after: float = 0) -> None:
        """Close the contact of a wired input for a while."""
        number = self._wiring.wired_inputs[name]
        start = self._clock() + after
        for wire, _start, end in self._spans:
            if wire == number:
                start = max(start, end + 0.1)  # one contact, one pulse after the other
        self._spans.append((number, start, start + seconds))
        self._linked(number)

    def _linked(self, number: int) -> None:
        """The trap of such boards: an input that works a relay by itself."""
        if number < LINKED and self._links[number]:
            self._switch(number, self._clock() + PULSE)

    # -- people ----------------------------------------------------------------------

    def _live(self, direction: Direction) -> list[float]:
        now = self._clock()
        self._credit[direction] = [end for end in self._credit[direction] if end > now]
        return self._credit[direction]

    def released(self, direction: Direction) -> bool:
        """Whether a person would get through."""
        if self.is_free(direction) or self._live(direction):
            return True
        wiring = self._wiring
        if not isinstance(wiring, ModbusSettings) or not wiring.hold:
            return False
        relay = wiring.release(direction)
        return relay is not None and self._relay_on(relay)

    def is_free(self, direction: Direction) -> bool:
        """Whether everybody gets through: by a relay, by the fire contact, or because
        there is no barrier."""
        if not isinstance(self._wiring, ModbusSettings):
            return True
        if self._wiring.fire in self._held:
            return True
        relay = self._wiring.free(direction)
        if relay is None or not self._relay_on(relay):
            return False
        return self._off_at[relay] == float("inf")

    def push(self, direction: Direction, *, force: bool = False) -> bytes | None:
        """A person walks: None when they are held back, else what the board says of its
        own accord, which is nothing. `force`: they get through all the same."""
        if not self.released(direction) and not force:
            return None
        if not self.is_free(direction) and self._live(direction):
            self._credit[direction].pop(0)
        self.passed[direction] += 1
        if self.blind:
            return b""
        if isinstance(self._wiring, InfraredSettings):
            beams = ["beam_a", "beam_b"]
            if direction is Direction.IN:
                beams.reverse()
            self.pulse_input(beams[0], CROSSING)
            self.pulse_input(beams[1], CROSSING, after=APART)
        elif f"pass_{direction}" in self._wiring.wired_inputs:
            self.pulse_input(f"pass_{direction}")
        return b""

    def power_cycle(self) -> None:
        """Come up again: all relays off, links as set."""
        self._off_at.clear()
        self._credit = {way: [] for way in Direction}
        self._buffer = b""


def _packed(bits: list[bool]) -> bytes:
    out = bytearray((len(bits) + 7) // 8)
    for index, bit in enumerate(bits):
        out[index // 8] |= bit << index % 8
    return bytes(out)


def crc(data: bytes) -> bytes:
    """The check of Modbus RTU, low byte first."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")
