"""The settings file, and everything that can be told to be wrong about it."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ..toml_lines import Path as TomlPath
from ..toml_lines import line_numbers
from .base import ConfigError
from .clashes import clashes
from .root import ENV_PREFIX, Settings


def load(path: Path) -> Settings:
    """Read and check the settings file. Raises ConfigError with every problem found,
    each with its line."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        raise ConfigError([f"cannot read {path}: {reason}"]) from error
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError([f"{path}: {error}"]) from error
    lines = line_numbers(text)
    where = _Where(path, lines)
    server = data.get("server")
    if isinstance(server, dict) and "key" in server:
        raise ConfigError(
            [
                where.say(
                    ("server", "key"),
                    "a device key never stands in this file: use key_file or the"
                    f" environment variable {ENV_PREFIX}SERVER__KEY",
                )
            ]
        )
    odd = [key for key in data if key.startswith("_")]
    if odd:
        raise ConfigError([where.say((key,), "unknown key") for key in odd])
    try:
        settings = Settings(**data)
    except ValidationError as error:
        raise ConfigError(
            [
                where.say(*_problem(data, item))
                for item in error.errors(include_input=False, include_url=False)
            ]
        ) from None
    problems = [where.say(at, message) for at, message in clashes(settings)]
    try:
        settings.device_key()
    except ConfigError as error:
        problems += [where.place(("server",)) + text for text in error.problems]
    if problems:
        raise ConfigError(problems)
    return settings


class _Where:
    """Puts file, line and field in front of a message."""

    def __init__(self, path: Path, lines: dict[TomlPath, int]) -> None:
        self._path = path
        self._lines = lines

    def place(self, at: TomlPath) -> str:
        while at and at not in self._lines:
            at = at[:-1]
        line = f":{self._lines[at]}" if at else ""
        return f"{self._path}{line}: "

    def say(self, at: TomlPath, message: str) -> str:
        field = ""
        for part in at:
            if isinstance(part, int):
                field += f"[{part}]"
            else:
                field += f".{part}" if field else part
        return f"{self.place(at)}{field}: {message}"


def _location(data: Any, loc: TomlPath) -> TomlPath:
    """An error's location without the parts that pydantic adds (names of union
    members), so that it is a path of the file. A missing key keeps its name."""
    path: list[str | int] = []
    for position, part in enumerate(loc):
        last = position == len(loc) - 1
        if isinstance(data, dict) and part in data:
            data = data[part]
        elif isinstance(data, list) and isinstance(part, int) and part < len(data):
            data = data[part]
        elif not last:
            continue
        path.append(part)
    return tuple(path)


def _problem(data: Any, error: ErrorDetails) -> tuple[TomlPath, str]:
    """Where an error is, and what is wrong there."""
    at = _location(data, error["loc"])
    if error["type"] == "union_tag_not_found":
        return (*at, "kind"), "missing"
    if error["type"] == "union_tag_invalid":
        known = error["ctx"]["expected_tags"].replace("'", "")
        return (*at, "kind"), f"one of {known}"
    return at, _message(error["msg"])


def _message(message: str) -> str:
    known = {
        "Extra inputs are not permitted": "unknown key",
        "Field required": "missing",
    }
    return known.get(message, message.removeprefix("Value error, "))
