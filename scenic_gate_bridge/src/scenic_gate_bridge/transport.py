"""How bytes get to and from a device. One factory, so that what stands behind it can be
exchanged without touching a driver or a reader."""

from __future__ import annotations

import asyncio
import math
import socket
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import serial
import serial_asyncio_fast

from .settings import SerialSettings, TcpSettings
from .watchdog import DEVICE_TURN, Beat

CLOSE_TIMEOUT = 5.0
CONNECT_TIMEOUT = 5.0
QUIET, QUIET_AT_MOST = 0.1, 1.0  # seconds


class PortError(Exception):
    """The port cannot be opened, or it was lost."""


@asynccontextmanager
async def open_port(
    settings: SerialSettings | TcpSettings, turns: Beat
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """An open port, closed when the block ends; a serial one is for this process
    alone. `turns` is told when the port is open."""
    if isinstance(settings, TcpSettings):
        reader, writer = await _connect(settings)
    else:
        # one that hangs in open() would hang in the next process, too
        turns(math.inf)
        reader, writer = await _open_serial(settings)
    turns(DEVICE_TURN)
    try:
        yield reader, writer
    finally:
        await _close(writer)


async def _connect(
    settings: TcpSettings,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(settings.host, settings.port)
    except (OSError, TimeoutError) as error:
        reason = str(error) or "no answer"
        raise PortError(f"cannot connect to {settings.place}: {reason}") from error
    line: socket.socket | None = writer.get_extra_info("socket")
    if line is not None:
        # a device that lost its power says nothing more: find out in half a minute
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
    return reader, writer


async def _open_serial(
    settings: SerialSettings,
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    loop = asyncio.get_running_loop()
    opening = loop.run_in_executor(None, _open, settings)
    try:
        # a port that hangs in open() must not stop the lanes beside it
        port = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unwanted)
        raise
    except (serial.SerialException, termios.error, OSError, ValueError) as error:
        raise PortError(f"cannot open {settings.port}: {error}") from error
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    transport = serial_asyncio_fast.SerialTransport(loop, protocol, port)
    return reader, asyncio.StreamWriter(transport, protocol, reader, loop)


async def _close(writer: asyncio.StreamWriter) -> None:
    """Close without waiting for bytes that nobody takes any more. Returns when the
    port is closed, so that it can be opened again with `exclusive`."""
    transport = writer.transport
    if not transport.is_closing():
        transport.abort()
    with suppress(OSError, serial.SerialException, TimeoutError):
        async with asyncio.timeout(CLOSE_TIMEOUT):
            await writer.wait_closed()


def _open(settings: SerialSettings) -> serial.Serial:
    return serial.Serial(settings.port, settings.baud, exclusive=True)


def _close_unwanted(opening: asyncio.Future[serial.Serial]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def read_some(reader: asyncio.StreamReader) -> bytes:
    """The bytes that are there, at least one; PortError when the port is lost."""
    try:
        data = await reader.read(4096)
    except (serial.SerialException, OSError) as error:
        raise PortError(f"port lost: {error}") from error
    if not data:
        raise PortError("port lost: end of data")
    return data


async def drain(reader: asyncio.StreamReader) -> None:
    """Throw away what still comes, until nothing does; PortError when the port is
    lost."""
    with suppress(TimeoutError):
        async with asyncio.timeout(QUIET_AT_MOST):
            while True:
                async with asyncio.timeout(QUIET):
                    await read_some(reader)
