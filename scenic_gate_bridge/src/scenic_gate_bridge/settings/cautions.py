"""What a lane cannot do, or is dangerous at it: to be known, not wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..model import Direction
from .drivers import InfraredSettings, ManualSettings, ModbusSettings, TpwSettings
from .readers import OsdpReaderSettings, PcscReaderSettings

if TYPE_CHECKING:
    from .lanes import LaneSettings


def cautions(lane: LaneSettings) -> Iterator[str]:
    """One sentence each."""
    if lane.profile in ("flap", "swing"):
        yield from _wings(lane)
    match lane.driver:
        case TpwSettings():
            yield (
                "a TPW-321ASP counts whom it lets through, but cannot be told to let"
                " only one person through: watch for tailgating"
            )
        case ModbusSettings():
            yield from _contacts(lane, lane.driver)
        case InfraredSettings():
            yield (
                "two light beams hold nobody back, and count two people side by side"
                " as one"
            )
        case ManualSettings() if lane.readers:
            yield "no device: a pass is assumed after pass_timeout"
    if lane.camera is not None and lane.camera.tells_its_password:
        yield "camera: basic over http: whoever listens gets its password"
    for number, reader in enumerate(lane.readers, 1):
        if isinstance(reader, OsdpReaderSettings) and reader.key_file is None:
            yield (
                f"reader {number}: no key_file: whoever gets at its line can listen,"
                " and show cards that are not there"
            )
        if isinstance(reader, PcscReaderSettings):
            yield f"reader {number}: PC/SC readers are experimental"


def _wings(lane: LaneSettings) -> Iterator[str]:
    if lane.outdoor:
        yield (
            f"a {lane.profile} gate is made for indoors: rain and dust make its"
            " sensors fail, and its wings pinch"
        )
    if not lane.attended:
        yield (
            f"a {lane.profile} gate can pinch, and two may walk on one ticket: an"
            " attendant is advised"
        )
    wired = lane.driver.wired_inputs if isinstance(lane.driver, ModbusSettings) else {}
    for alarm in ("pinch", "tailgating"):
        if alarm not in wired:
            yield f"no input {alarm}: nobody at the screen is told of it"


def _contacts(lane: LaneSettings, driver: ModbusSettings) -> Iterator[str]:
    for way in Direction:
        if driver.free(way) is None:
            yield (
                f"no relay free_{way}: the bridge cannot leave this lane open"
                f" {way}wards, not even in an emergency"
            )
    for way in sorted(lane.direction.served):
        if driver.passes(way) is None:
            yield f"no input pass_{way}: a pass is assumed after pass_timeout"
    if not driver.hold and lane.pass_timeout < driver.device_timeout:
        yield (
            "pass_timeout is shorter than device_timeout: the turnstile stays released"
            " until its own time is up"
        )
