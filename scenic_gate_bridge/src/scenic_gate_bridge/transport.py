"""How bytes get to and from a device. One factory, so that what stands behind it can be
exchanged without touching a driver or a reader."""

from __future__ import annotations

import asyncio
import socket
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import serial
import serial_asyncio_fast

from .settings import SerialSettings, TcpSettings

CLOSE_TIMEOUT = 5.0
CONNECT_TIMEOUT = 5.0
# A peer that is switched off says nothing: found out within 10 + 3 × 5 seconds.
KEEPALIVE = {
    socket.TCP_KEEPIDLE: 10,
    socket.TCP_KEEPINTVL: 5,
    socket.TCP_KEEPCNT: 3,
}

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class PortError(Exception):
    """The port cannot be opened, or it was lost."""


@asynccontextmanager
async def open_port(settings: SerialSettings | TcpSettings) -> AsyncIterator[Streams]:
    """An open port; closed when the block ends. A serial one is for this process
    alone."""
    opened = (
        _open_tcp(settings)
        if isinstance(settings, TcpSettings)
        else _open_serial(settings)
    )
    async with opened as streams:
        yield streams


@asynccontextmanager
async def _open_tcp(settings: TcpSettings) -> AsyncIterator[Streams]:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT):
            reader, writer = await asyncio.open_connection(settings.host, settings.port)
    except (OSError, TimeoutError) as error:
        reason = str(error) or "no answer"
        raise PortError(f"cannot reach {settings.name}: {reason}") from error
    link: socket.socket = writer.get_extra_info("socket")
    link.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in KEEPALIVE.items():
        link.setsockopt(socket.IPPROTO_TCP, option, value)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(CLOSE_TIMEOUT):
                await writer.wait_closed()


@asynccontextmanager
async def _open_serial(settings: SerialSettings) -> AsyncIterator[Streams]:
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
    writer = asyncio.StreamWriter(transport, protocol, reader, loop)
    try:
        yield reader, writer
    finally:
        await _close(transport, writer)


async def _close(
    transport: serial_asyncio_fast.SerialTransport, writer: asyncio.StreamWriter
) -> None:
    """Close without waiting for bytes that nobody takes any more. Returns when the
    port is closed, so that it can be opened again with `exclusive`."""
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
