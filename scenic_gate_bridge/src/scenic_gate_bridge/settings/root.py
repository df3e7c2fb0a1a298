"""The settings as a whole."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from .base import ConfigError
from .lanes import LaneSettings
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
    lanes: Annotated[list[LaneSettings], Field(min_length=1, max_length=64)]

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
            key, where = _read_key(self.server.key_file), str(self.server.key_file)
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


def _read_key(path: Path) -> str:
    """The key in a file that nobody else may read."""
    try:
        with path.open("r", encoding="ascii") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError([f"server.key_file: {path} is not a file"])
            if status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise ConfigError(
                    [
                        f"server.key_file: {path} may be read by others"
                        f" (mode {mode:04o}); run: chmod 600 {path}"
                    ]
                )
            return file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not plain text"
        raise ConfigError([f"server.key_file: cannot read {path}: {reason}"]) from error
