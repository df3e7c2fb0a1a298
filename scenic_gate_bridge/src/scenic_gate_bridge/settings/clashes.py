"""What single settings cannot know: two of them that exclude each other."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from ..toml_lines import Path as TomlPath
from .base import ConfigError
from .drivers import BoardSettings, ManualSettings, ModbusSettings
from .lanes import LaneSettings
from .readers import OsdpReaderSettings, ReaderSettings
from .root import Settings
from .server import ServerMode
from .transport import TcpSettings


def clashes(settings: Settings) -> Iterator[tuple[TomlPath, str]]:
    """Lane codes, ports and relays used twice, clients that cannot be served."""
    yield from _client_clashes(settings)
    yield from _printer_clashes(settings)
    codes: dict[str, int] = {}
    ports: dict[str, str] = {}
    for number, lane in enumerate(settings.lanes):
        if lane.code in codes:
            first = codes[lane.code]
            yield (
                ("lanes", number, "code"),
                f"{lane.code} is already the code of lanes[{first}]",
            )
        codes.setdefault(lane.code, number)
        for at, place, shown in _places(number, lane):
            if place in ports:
                yield at, f"{shown} is already used by {ports[place]}"
            ports.setdefault(place, "lane " + lane.code)
        for index, reader in enumerate(lane.readers):
            yield from _reader_needs(("lanes", number, "readers", index), reader)
        if lane.camera is not None and lane.camera.password_file is not None:
            try:
                lane.camera.password()
            except ConfigError as error:
                yield ("lanes", number, "camera", "password_file"), str(error)


def _reader_needs(
    at: TomlPath, reader: ReaderSettings
) -> Iterator[tuple[TomlPath, str]]:
    """Libraries that are not always installed, and key files."""
    module = {"osdp": "osdp", "pcsc": "smartcard"}.get(reader.kind)
    if module is not None and find_spec(module) is None:
        yield (
            (*at, "kind"),
            f"not installed: pip install 'scenic-gate-bridge[{reader.kind}]'",
        )
    if isinstance(reader, OsdpReaderSettings):
        try:
            reader.secure_channel_key()
        except ConfigError as error:
            yield (*at, "key_file"), str(error)


def _places(number: int, lane: LaneSettings) -> Iterator[tuple[TomlPath, str, str]]:
    """What only one device can use: where it stands in the file, its true name, and
    its name in the file."""
    driver = lane.driver
    if not isinstance(driver, ManualSettings):
        way: TomlPath = ("lanes", number, "driver")
        link = driver.link
        if driver.kind != "catrax" or driver.transport is not None:
            way += ("transport",)
        if isinstance(driver, BoardSettings) and isinstance(link, TcpSettings):
            # lanes may share a board on the network, but no relay of it
            board = f"{link.place} unit {driver.unit}"
            if isinstance(driver, ModbusSettings):
                for coil in sorted(set(driver.relays)):
                    yield way, f"{board} relay {coil}", f"relay {coil} of {board}"
        else:
            yield (*way, "port"), link.place, link.shown
    if lane.fingerprint is not None:
        sensor = lane.fingerprint.link
        way = ("lanes", number, "fingerprint", "transport", "port")
        yield way, sensor.place, sensor.shown
    for index, reader in enumerate(lane.readers):
        at: TomlPath = ("lanes", number, "readers", index)
        at += ("reader",) if reader.kind == "pcsc" else ("transport", "port")
        yield at, reader.link.place, reader.link.shown


def _printer_clashes(settings: Settings) -> Iterator[tuple[TomlPath, str]]:
    seen: dict[str, str] = {}
    if settings.printers and find_spec("escpos") is None:
        yield (
            ("printers", 0),
            "not installed: pip install 'scenic-gate-bridge[printer]'",
        )
    for number, printer in enumerate(settings.printers):
        for field, value in (("code", printer.code), ("host", printer.link.place)):
            if value in seen:
                yield ("printers", number, field), f"{value} is that of {seen[value]}"
            seen.setdefault(value, f"printers[{number}]")


def _client_clashes(settings: Settings) -> Iterator[tuple[TomlPath, str]]:
    clients = settings.site_server.clients
    if clients and settings.server.mode is not ServerMode.SITE:
        yield (
            ("site_server",),
            'serving others needs [server] mode = "site": one site, one authority',
        )
    owners = {lane.code: "this bridge itself" for lane in settings.lanes}
    seen: dict[str, str] = {}
    for number, client in enumerate(clients):
        at = ("site_server", "clients", number)
        for field, value in (("name", client.name), ("key_hash", client.key_hash)):
            if value in seen:
                yield (*at, field), f"is that of {seen[value]} already"
            seen.setdefault(value, f"clients[{number}]")
        for code in client.lanes:
            if code in owners:
                yield (*at, "lanes"), f"{code} belongs to {owners[code]} already"
            owners.setdefault(code, client.name)
