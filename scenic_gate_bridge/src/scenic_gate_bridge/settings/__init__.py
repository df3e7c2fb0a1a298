"""The settings file: its parts by concern, and how it is loaded."""

from .base import ConfigError
from .camera import CameraSettings, PhotoSettings
from .drivers import (
    CatraxSettings,
    DriverSettings,
    InfraredSettings,
    ManualSettings,
    ModbusSettings,
    TpwSettings,
)
from .fingerprint import FingerprintSettings
from .lanes import LaneSettings, Profile
from .loading import load
from .printers import PrinterSettings
from .readers import (
    CardReaderSettings,
    IcReaderSettings,
    IdCardReaderSettings,
    LineReaderSettings,
    OsdpReaderSettings,
    PcscReaderSettings,
    ReaderSettings,
)
from .root import Settings
from .server import (
    ApiSettings,
    ServerMode,
    ServerSettings,
    SiteClient,
    SiteServerSettings,
)
from .transport import SerialSettings, TcpSettings, TransportSettings

__all__ = [
    "ApiSettings",
    "CameraSettings",
    "CardReaderSettings",
    "CatraxSettings",
    "ConfigError",
    "DriverSettings",
    "FingerprintSettings",
    "IcReaderSettings",
    "IdCardReaderSettings",
    "InfraredSettings",
    "LaneSettings",
    "LineReaderSettings",
    "ManualSettings",
    "ModbusSettings",
    "OsdpReaderSettings",
    "PcscReaderSettings",
    "PhotoSettings",
    "PrinterSettings",
    "Profile",
    "ReaderSettings",
    "SerialSettings",
    "ServerMode",
    "ServerSettings",
    "Settings",
    "SiteClient",
    "SiteServerSettings",
    "TcpSettings",
    "TpwSettings",
    "TransportSettings",
    "load",
]
