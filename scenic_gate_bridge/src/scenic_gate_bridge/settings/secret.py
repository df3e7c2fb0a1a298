"""Secrets stand in files of their own, never among the settings."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from .base import ConfigError


def read_secret(path: Path) -> str:
    """The text of a file that nobody else may read. Raises ConfigError with a
    sentence that still needs the name of the setting."""
    try:
        with path.open("r", encoding="ascii") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise ConfigError([f"{path} is not a file"])
            if status.st_mode & 0o077:
                mode = stat.S_IMODE(status.st_mode)
                raise ConfigError(
                    [
                        f"{path} may be read by others"
                        f" (mode {mode:04o}); run: chmod 600 {path}"
                    ]
                )
            return file.read(4096).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not plain text"
        raise ConfigError([f"cannot read {path}: {reason}"]) from error
