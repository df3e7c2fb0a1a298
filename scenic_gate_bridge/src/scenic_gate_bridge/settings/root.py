"""The settings as a whole."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

from pydantic import Field, model_validator
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from .base import ConfigError
from .camera import PhotoSettings
from .lanes import LaneSettings
from .printers import PrinterSettings
from .secret import read_secret
from .server import ApiSettings, ServerSettings, SiteServerSettings

ENV_PREFIX = "SCENIC_GATE_BRIDGE_"
KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{16,200}")


class Settings(BaseSettings):
    """Everything `run` needs."""

    model_config = SettingsConfigDict(
        env_prefix=ENV_PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
    )

    server: ServerSettings
    state_dir: Path
    retention_days: Annotated[int, Field(ge=1, le=3650)] = 30
    api: ApiSettings = ApiSettings()
    site_server: SiteServerSettings = SiteServerSettings()
    photos: PhotoSettings = PhotoSettings()
    lanes: Annotated[list[LaneSettings], Field(max_length=64)] = []
    printers: Annotated[list[PrinterSettings], Field(max_length=16)] = []

    @model_validator(mode="after")
    def _something_to_do(self) -> Settings:
        if not self.lanes and not self.printers:
            raise ValueError("set at least one of lanes and printers")
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file; nothing else is looked at."""
        return env_settings, init_settings

    def device_key(self) -> str:
        """The device key, from the environment or from its file."""
        if self.server.key is not None:
            key, where = self.server.key.get_secret_value().strip(), "the environment"
        elif self.server.key_file is not None:
            where = str(self.server.key_file)
            try:
                key = read_secret(self.server.key_file)
            except ConfigError as error:
                raise ConfigError(
                    [f"server.key_file: {problem}" for problem in error.problems]
                ) from error
        else:
            raise ConfigError(
                [
                    "server: no device key: set server.key_file or the environment"
                    f" variable {ENV_PREFIX}SERVER__KEY"
                ]
            )
        if not KEY_PATTERN.fullmatch(key):
            raise ConfigError([f"server: {where} does not hold a device key"])
        return key
