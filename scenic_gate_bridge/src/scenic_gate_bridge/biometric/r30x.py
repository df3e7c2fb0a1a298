"""A fingerprint sensor of the R30x family.

Nothing is searched in the sensor: what it has stored is deleted before it is used, a
template is sent to it for each comparison, and what it made is taken out of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..settings import SerialSettings, TcpSettings
from ..transport import PortError, drain, open_port, read_some
from ..watchdog import no_beat
from . import r30x_codec as r30x
from .base import EnrolFailed, Match, SensorFault
from .r30x_codec import Code

ANSWER = 2.0  # seconds; making features takes up to half of one
TRIES = 3
PRESSES = 3  # presses that do not fit before it is a no
LOOK_AGAIN = 0.05


class _BadAnswer(Exception):
    """No answer, or not what fits the command."""


class _Line:
    """One command, one answer. All commands may be repeated: each begins anew what the
    one before it began."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._parser = r30x.PacketParser()
        self._packets: list[r30x.Packet] = []
        self._size = 32

    async def begin(self, password: int) -> None:
        """Log in, learn the size of packets, delete what is stored."""
        await drain(self._reader)
        await self._sure(r30x.PASSWORD + password.to_bytes(4, "big"))
        size = r30x.packet_size(await self._sure(r30x.PARAMETERS))
        if size is None:
            raise SensorFault("the sensor tells no size of packets")
        self._size = size
        if any(await self._sure(r30x.COUNT)):
            await self._sure(r30x.EMPTY_LIBRARY)

    async def features(self, buffer: bytes) -> Code:
        """Take an image and make features of it."""
        code, _ = await self.ask(r30x.TAKE_IMAGE)
        if code != Code.OK:
            return code
        code, _ = await self.ask(r30x.MAKE_FEATURES + buffer)
        return code

    async def compare(self) -> bool:
        """Whether the two buffers are of one finger."""
        code, _ = await self.ask(r30x.COMPARE)
        if code not in (Code.OK, Code.NO_MATCH):
            raise SensorFault(f"code {code:02X} to a comparison")
        return code == Code.OK

    async def put_template(self, buffer: bytes, template: bytes) -> None:
        """Give the sensor a template to compare with."""
        data = r30x.encode_data(template, self._size)
        await self._sure(r30x.TAKE_TEMPLATE + buffer, then=data)

    async def get_template(self, buffer: bytes) -> bytes:
        """What the sensor made."""
        for _ in range(TRIES):
            await self._sure(r30x.SEND_TEMPLATE + buffer)
            try:
                template = await self._receive()
            except _BadAnswer:
                await drain(self._reader)
                continue
            if len(template) == r30x.TEMPLATE_BYTES:
                return template
        raise SensorFault("the template does not arrive")

    async def ask(self, command: bytes, then: bytes = b"") -> tuple[Code, bytes]:
        """Code and data of the answer; `then` follows a command that was accepted."""
        reason = ""
        for _ in range(TRIES):
            try:
                code, data = await self._ask(command)
            except _BadAnswer as error:
                reason = str(error)
                await drain(self._reader)
                continue
            if code == Code.RECEIVED_BADLY:
                # of which command the answer was is not told
                reason = "the sensor gets damaged packets"
                await drain(self._reader)
                continue
            if code == Code.OK:
                self._writer.write(then)
            return code, data
        raise SensorFault(reason)

    async def _sure(self, command: bytes, then: bytes = b"") -> bytes:
        code, data = await self.ask(command, then)
        if code != Code.OK:
            raise SensorFault(f"{code.name.lower()} to command {command[0]:02X}")
        return data

    async def _ask(self, command: bytes) -> tuple[Code, bytes]:
        self._parser.reset()
        self._packets.clear()
        self._writer.write(r30x.encode(r30x.COMMAND, command))
        packet = await self._packet()
        if packet.kind != r30x.ACK:
            raise _BadAnswer("data where an answer should be")
        try:
            return Code(packet.payload[0]), packet.payload[1:]
        except ValueError:
            raise _BadAnswer(f"unknown code {packet.payload[0]:02X}") from None

    async def _receive(self) -> bytes:
        """The data of a transfer."""
        data = bytearray()
        while len(data) <= r30x.TEMPLATE_BYTES:
            packet = await self._packet()
            if packet.kind not in (r30x.DATA, r30x.LAST_DATA):
                raise _BadAnswer("no data")
            data += packet.payload
            if packet.kind == r30x.LAST_DATA:
                return bytes(data)
        raise _BadAnswer("more data than a template has")

    async def _packet(self) -> r30x.Packet:
        bad = self._parser.bad
        try:
            async with asyncio.timeout(ANSWER):
                while not self._packets:
                    self._packets = self._parser.feed(await read_some(self._reader))
                    if self._parser.bad != bad:
                        raise _BadAnswer("a damaged packet")
        except TimeoutError:
            raise _BadAnswer("no answer") from None
        return self._packets.pop(0)


class FingerSensor:
    """One sensor. `timeout`: seconds for each press. The port is open only while
    somebody is measured, so a sensor that was unplugged is simply there again."""

    def __init__(
        self,
        transport: SerialSettings | TcpSettings,
        timeout: float,
        password: int = 0,
    ) -> None:
        self._transport = transport
        self._timeout = timeout
        self._password = password

    async def take(self) -> bytes:
        """A template of two presses of one finger; EnrolFailed, SensorFault."""
        async with self._line() as line:
            for number, buffer in enumerate((r30x.BUFFER_1, r30x.BUFFER_2), 1):
                if not await self._press(line, buffer):
                    raise EnrolFailed(f"no finger at press {number}")
                await self._lifted(line)
            code, _ = await line.ask(r30x.MAKE_TEMPLATE)
            if code == Code.NOT_ONE_FINGER:
                raise EnrolFailed("the two presses do not fit each other")
            if code != Code.OK:
                raise SensorFault(f"code {code:02X} to making a template")
            return await line.get_template(r30x.BUFFER_1)

    async def compare(self, template: bytes) -> Match:
        """Whether the finger that is pressed is that of the template; SensorFault."""
        async with self._line() as line:
            for number in range(PRESSES):
                if number:
                    await self._lifted(line)
                if not await self._press(line, r30x.BUFFER_1):
                    return Match.NO if number else Match.NOBODY
                # anew each time: no answer tells whether it arrived whole
                await line.put_template(r30x.BUFFER_2, template)
                if await line.compare():
                    return Match.YES
            return Match.NO

    @asynccontextmanager
    async def _line(self) -> AsyncIterator[_Line]:
        try:
            # whoever is compared waits a limited time; nobody else waits for this
            async with open_port(self._transport, no_beat) as (reader, writer):
                line = _Line(reader, writer)
                await line.begin(self._password)
                yield line
        except PortError as error:
            raise SensorFault(str(error)) from error

    async def _press(self, line: _Line, buffer: bytes) -> bool:
        """Wait for a finger that can be used; whether one came in time."""
        end = asyncio.get_running_loop().time() + self._timeout
        while asyncio.get_running_loop().time() < end:
            code = await line.features(buffer)
            if code == Code.OK:
                return True
            if code != Code.NO_FINGER and code not in r30x.POOR:
                raise SensorFault(f"{code.name.lower()} to a finger")
            await asyncio.sleep(LOOK_AGAIN)
        return False

    async def _lifted(self, line: _Line) -> None:
        """Wait until the finger is gone, or the time for a press is over."""
        end = asyncio.get_running_loop().time() + self._timeout
        while asyncio.get_running_loop().time() < end:
            code, _ = await line.ask(r30x.TAKE_IMAGE)
            if code == Code.NO_FINGER:
                return
            await asyncio.sleep(LOOK_AGAIN)
