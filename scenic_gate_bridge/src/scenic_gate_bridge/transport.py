"""How bytes get to and from a device. One factory, so that what stands behind it can be
exchanged without touching a driver or a reader."""

from __future__ import annotations

import asyncio
import termios
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import serial
import serial_asyncio_fast

from .settings import SerialSettings

CLOSE_TIMEOUT = 5.0


class PortError(Exception):
    """The port cannot be opened, or it was lost."""


@asynccontextmanager
async def open_port(
    settings: SerialSettings,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """An open serial port, for this process alone; closed when the block ends."""
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
