"""Whom the bridge reports to, and whom it serves."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, HttpUrl, SecretStr

from .base import LaneCode, Model


def _plain_url(url: HttpUrl) -> HttpUrl:
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("only scheme, host, port and path")
    return url


class ServerMode(StrEnum):
    """Who decides on scans. ONLINE: the server, and the bridge itself when there is no
    answer; OFFLINE, SITE: the bridge always. Odoo must permit it (device, Decides)."""

    ONLINE = "online"
    OFFLINE = "offline"
    SITE = "site"


class ServerSettings(Model):
    """The Odoo server, or the site server, that this bridge reports to."""

    mode: ServerMode = ServerMode.ONLINE
    url: Annotated[HttpUrl, AfterValidator(_plain_url)]
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,63}$")] | None = None
    key_file: Path | None = None
    key: SecretStr | None = None
    timeout: Annotated[float, Field(ge=0.05, le=30)] = 0.8
    heartbeat: Annotated[float, Field(ge=0.2, le=600)] = 1.0
    backoff_max: Annotated[float, Field(ge=0.05, le=3600)] = 60.0
    sync: Annotated[float, Field(ge=0.2, le=3600)] = 5.0


class ApiSettings(Model):
    """The bridge's own pages: health, metrics, lane log."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470


class SiteClient(Model):
    """A bridge or handheld that this site server decides for. `key_hash`: the SHA-256
    of its key in hexadecimal."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
    key_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    lanes: Annotated[list[LaneCode], Field(min_length=1, max_length=64)]


class SiteServerSettings(Model):
    """What this bridge serves to others on the network of the site."""

    clients: list[SiteClient] = []
