"""What is plugged into this machine, by the names that the settings take."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from serial.tools import list_ports

SERIAL_LINKS = Path("/dev/serial")


class Bus(StrEnum):
    """How a device is reached."""

    SERIAL = "serial"
    PCSC = "pcsc"


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One device. `name` goes into the settings (`port` of a serial transport, `reader`
    of a PC/SC reader); `device` is where that leads to today; `about` is what the
    device says of itself. A `stable` name is the same after the next start, and with
    another device plugged in before."""

    bus: Bus
    name: str
    device: str
    about: str
    stable: bool


@dataclass(frozen=True, slots=True)
class Discovery:
    """What was found, and sentences on what could not be looked for."""

    found: tuple[Found, ...]
    notes: tuple[str, ...]


def discover(links: Path = SERIAL_LINKS) -> Discovery:
    """Look at all ports and readers, without opening one. `links`: the folder in which
    udev keeps stable names."""
    found = _serial(links)
    readers, note = _pcsc()
    return Discovery(tuple(sorted(found + readers)), (note,) if note else ())


def _serial(links: Path) -> list[Found]:
    about = {
        port.device: "" if port.description in (None, "n/a") else port.description
        for port in list_ports.comports()
    }
    stable: dict[str, str] = {}
    for folder in ("by-id", "by-path"):  # the serial number tells more than the plug
        if (links / folder).is_dir():
            for link in sorted((links / folder).iterdir()):
                stable.setdefault(str(link.resolve()), str(link))
    return [
        Found(
            Bus.SERIAL,
            stable.get(device, device),
            device,
            about.get(device, ""),
            device in stable,
        )
        for device in about.keys() | stable.keys()
    ]


def _pcsc() -> tuple[list[Found], str]:
    try:
        from smartcard.Exceptions import SmartcardException
        from smartcard.pcsc.PCSCExceptions import BaseSCardException
        from smartcard.System import readers
    except ImportError:
        return [], "PC/SC: not looked for, the extra pcsc is not installed"
    try:
        names = [str(reader) for reader in readers()]
    except (SmartcardException, BaseSCardException) as error:
        return [], f"PC/SC: {error}"
    return [Found(Bus.PCSC, name, name, "", True) for name in names], ""
