"""`check-config` and `devices`: what is set, and what is plugged in."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path

from ..discover import Bus, Discovery
from ..settings import (
    LaneSettings,
    ManualSettings,
    PcscReaderSettings,
    ReaderSettings,
    SerialSettings,
    Settings,
)
from .table import table


def describe(settings: Settings) -> Iterator[str]:
    """What the settings say, and what to know about it."""
    server, api = settings.server, settings.api
    database = f", database {server.database}" if server.database else ""
    yield f"server: {server.mode.value}, {server.url}{database}"
    yield f"state_dir: {settings.state_dir}"
    yield f"pages: {api.host}:{api.port}"
    if not _loopback(api.host):
        yield "pages: warning: they have no log-in, and not only this machine sees them"
    for client in settings.site_server.clients:
        yield f"site server: {client.name} with {', '.join(client.lanes)}"
    for lane in settings.lanes:
        yield from _lane(lane)


def _lane(lane: LaneSettings) -> Iterator[str]:
    driver = lane.driver
    at = "" if isinstance(driver, ManualSettings) else f" at {driver.link.shown}"
    free = ", free exit" if lane.exits_freely else ""
    yield f"lane {lane.code}: {lane.direction.value}, {driver.kind}{at}{free}"
    for number, reader in enumerate(lane.readers, 1):
        way = lane.reader_direction(reader).value
        yield f"lane {lane.code}: reader {number}: {way}, {reader.kind}{_at(reader)}"
    if lane.fingerprint is not None:
        yield f"lane {lane.code}: fingerprint at {lane.fingerprint.link.shown}"
    if lane.camera is not None:
        yield f"lane {lane.code}: camera at {lane.camera.url.host}"
    yield from (f"lane {lane.code}: warning: {text}" for text in lane.warnings)
    for name, link in _serial(lane):
        if not Path(link.port).exists():
            yield f"{name}: warning: {link.port} is not plugged in at present"


def _at(reader: ReaderSettings) -> str:
    if isinstance(reader, PcscReaderSettings):
        return f" at {reader.reader or 'the first one found'}"
    return f" at {reader.link.shown}"


def _serial(lane: LaneSettings) -> Iterator[tuple[str, SerialSettings]]:
    """The serial ports of a lane, with whose they are."""
    named = []
    if not isinstance(lane.driver, ManualSettings):
        named.append((f"lane {lane.code}", lane.driver.link))
    for number, reader in enumerate(lane.readers, 1):
        if not isinstance(reader, PcscReaderSettings):
            named.append((f"lane {lane.code}: reader {number}", reader.link))
    if lane.fingerprint is not None:
        named.append((f"lane {lane.code}: fingerprint", lane.fingerprint.link))
    for name, link in named:
        if isinstance(link, SerialSettings):
            yield name, link


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def devices(found: Discovery, settings: Settings | None) -> Iterator[str]:
    """What was found, with who uses it by the settings, and what could not be looked
    for."""
    users: dict[str, list[str]] = {}
    for lane in settings.lanes if settings else ():
        for name, link in _serial(lane):
            users.setdefault(link.place, []).append(name)
        for number, reader in enumerate(lane.readers, 1):
            if isinstance(reader, PcscReaderSettings) and reader.reader:
                name = f"lane {lane.code}: reader {number}"
                users.setdefault(reader.reader, []).append(name)
    rows = [("bus", "name for the settings", "device", "about", "used by")]
    for each in found.found:
        place = each.name if each.bus is Bus.PCSC else os.path.realpath(each.device)
        used = ", ".join(users.get(place, []))
        name = each.name if each.stable else f"{each.name} (may change)"
        rows.append((each.bus.value, name, each.device, each.about, used))
    if found.found:
        yield table(rows)
    else:
        yield "no serial port and no PC/SC reader is plugged in"
    yield from found.notes
