"""A board of relays and inputs on Modbus RTU or TCP, of the common 8 + 8 class.

Relays are coils from 0, inputs are discrete inputs from 0. A timed pulse is the board's
own: function 05 at coil address 0x0200 + relay with the number of tenths of a second,
so that a relay falls off even when nobody is there any more to tell it. Such boards
come with inputs linked to relays; zeros in the registers 0x1000 to 0x1007 end that.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from pymodbus import FramerType
from pymodbus.client import AsyncModbusSerialClient, AsyncModbusTcpClient
from pymodbus.exceptions import ConnectionException, ModbusException
from pymodbus.pdu import ModbusPDU
from pymodbus.pdu.bit_message import WriteSingleCoilRequest

from ..settings import SerialSettings, TcpSettings
from .base import CommandRefused, CommandUnanswered, LinkLost

FLASH = 0x0200
LINKS = 0x1000
RELAYS = 8

# it tells each missing answer itself; the driver tells what comes of it
logging.getLogger("pymodbus").setLevel(logging.CRITICAL)


class FlashRequest(WriteSingleCoilRequest):
    """Function 05 with a number of tenths of a second instead of on or off."""

    tenths = 0

    def encode(self) -> bytes:
        """Address and tenths of a second."""
        return struct.pack(">HH", self.address, self.tenths)


class ModbusBoard:
    """One board. Requests go out one at a time and are never repeated here."""

    def __init__(
        self, link: SerialSettings | TcpSettings, unit: int, answer_timeout: float
    ) -> None:
        self._link = link
        self._unit = unit
        self._timeout = answer_timeout
        self._client: AsyncModbusSerialClient | AsyncModbusTcpClient | None = None

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[asyncio.Future[str]]:
        """The board is connected within the block; the future that it gives ends when
        the connection is lost."""
        lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        def trace(up: bool) -> None:
            if not up and not lost.done():
                lost.set_result("connection lost")

        client = self._make(trace)
        try:
            if not await client.connect():
                raise LinkLost(f"cannot connect to {self._link.shown}")
            self._client = client
            yield lost
        finally:
            self._client = None
            client.close()

    def _make(
        self, trace: Callable[[bool], None]
    ) -> AsyncModbusSerialClient | AsyncModbusTcpClient:
        if isinstance(self._link, TcpSettings):
            return AsyncModbusTcpClient(
                self._link.host,
                port=self._link.port,
                framer=FramerType.SOCKET,
                reconnect_delay=0,
                timeout=self._timeout,
                retries=0,
                trace_connect=trace,
            )
        return AsyncModbusSerialClient(
            self._link.port,
            framer=FramerType.RTU,
            baudrate=self._link.baud,
            reconnect_delay=0,
            timeout=self._timeout,
            retries=0,
            trace_connect=trace,
        )

    async def inputs(self, count: int) -> list[bool]:
        """The first `count` inputs."""
        answer = await self._ask(
            lambda client: client.read_discrete_inputs(
                0, count=count, device_id=self._unit
            )
        )
        return _first(answer, count)

    async def relays(self, count: int) -> list[bool]:
        """Whether each of the first `count` relays is on."""
        answer = await self._ask(
            lambda client: client.read_coils(0, count=count, device_id=self._unit)
        )
        return _first(answer, count)

    async def relay(self, number: int, on: bool) -> None:
        """Turn a relay on or off."""
        answer = await self._ask(
            lambda client: client.write_coil(number, on, device_id=self._unit)
        )
        # RTU has no message numbers: only the very echo counts
        if answer.address != number or list(answer.bits[:1]) != [on]:
            raise CommandUnanswered("the board answered something else")

    async def flash(self, number: int, seconds: float) -> None:
        """Turn a relay on; the board turns it off by itself."""
        request = FlashRequest(address=FLASH + number, bits=[True], dev_id=self._unit)
        request.tenths = round(seconds * 10)
        answer = await self._ask(lambda client: client.execute(False, request))
        if answer.address != FLASH + number:
            raise CommandUnanswered("the board answered something else")

    async def clear_links(self) -> None:
        """End that inputs work relays by themselves."""
        await self._ask(
            lambda client: client.write_registers(
                LINKS, [0] * RELAYS, device_id=self._unit
            )
        )

    async def _ask(
        self,
        request: Callable[
            [AsyncModbusSerialClient | AsyncModbusTcpClient], Awaitable[ModbusPDU]
        ],
    ) -> ModbusPDU:
        if self._client is None:
            raise LinkLost("no link")
        try:
            answer = await request(self._client)
        except ConnectionException as error:
            raise LinkLost(str(error), sent=True) from error
        except ModbusException as error:
            raise CommandUnanswered("the board does not answer") from error
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            # Python 3.11's wait_for forgets a cancellation that comes together with the
            # answer; whoever waits for the end of the task would wait for ever
            raise asyncio.CancelledError
        if answer.isError():
            raise CommandRefused("the board refused the command")
        return answer


def _first(answer: ModbusPDU, count: int) -> list[bool]:
    bits = list(answer.bits)
    if len(bits) < count:
        raise CommandUnanswered("the board answered something else")
    return bits[:count]
