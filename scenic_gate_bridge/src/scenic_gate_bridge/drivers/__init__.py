"""Lane drivers: one module a make of turnstile controller."""

from __future__ import annotations

from typing import assert_never

from ..settings import (
    CatraxSettings,
    InfraredSettings,
    LaneSettings,
    ManualSettings,
    ModbusSettings,
    TpwSettings,
)
from .base import LaneDriver
from .catrax import CatraxDriver
from .infrared import InfraredDriver
from .manual import ManualDriver
from .modbus import ModbusDriver
from .tpw import TpwDriver


def make_driver(lane: LaneSettings) -> LaneDriver:
    """The driver that a lane's settings ask for."""
    match lane.driver:
        case CatraxSettings():
            return CatraxDriver(lane.driver, lane.code)
        case TpwSettings():
            return TpwDriver(lane.driver, lane.code)
        case ModbusSettings():
            return ModbusDriver(lane.driver, lane.code, lane.direction.served)
        case InfraredSettings():
            return InfraredDriver(lane.driver, lane.code)
        case ManualSettings():
            return ManualDriver()
        case _:
            assert_never(lane.driver)
