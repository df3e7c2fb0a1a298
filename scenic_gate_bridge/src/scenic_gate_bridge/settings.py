"""The settings file, and everything that can be told to be wrong about it."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    model_validator,
)
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from .framing import Framing, parse_framing
from .model import AfterCrash, Direction, LaneDirection
from .toml_lines import Path as TomlPath
from .toml_lines import line_numbers

ENV_PREFIX = "SCENIC_GATE_BRIDGE_"
KEY_PATTERN = re.compile(r"[A-Za-z0-9_-]{16,200}")


class ConfigError(Exception):
    """The settings cannot be used; `problems` has one sentence for each reason."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def _framing(text: str) -> str:
    parse_framing(text)
    return text


Seconds = Annotated[float, Field(gt=0, le=3600)]
LaneCode = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,32}$")]
FramingName = Annotated[str, AfterValidator(_framing)]


class SerialSettings(_Model):
    """A serial port."""

    kind: Literal["serial"] = "serial"
    port: Annotated[str, Field(min_length=1)]
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 9600

    @property
    def name(self) -> str:
        """The port, as people call it."""
        return self.port


class TcpSettings(_Model):
    """A raw TCP port: of the device itself, or of a serial server before it."""

    kind: Literal["tcp"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9.:_-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)]

    @property
    def name(self) -> str:
        """The port, as people call it."""
        return f"{self.host}:{self.port}"


Transport = Annotated[SerialSettings | TcpSettings, Field(discriminator="kind")]


class _ReaderSettings(_Model):
    """What every reader has. `direction`: needed at a lane for both ways only."""

    direction: Direction | None = None
    repeat_after: Seconds = 2.0


class _StreamReaderSettings(_ReaderSettings):
    transport: Transport

    @property
    def place(self) -> tuple[TomlPath, str]:
        """Which setting names the device, and the device."""
        return ("transport", "port"), self.transport.name


class CardReaderSettings(_ReaderSettings):
    """How the number of a card is written; all readers of a park must agree, or one
    card has several numbers.

    `byte_order`: in which order this reader sends the bytes. `wiegand`: keep only as
    many bytes as a Wiegand line of 26 or 34 bits carries, where other readers of the
    park stand on such lines.
    """

    byte_order: Literal["msb", "lsb"] = "msb"
    wiegand: Literal[26, 34] | None = None


class LineReaderSettings(_StreamReaderSettings):
    """A scanner that sends each code as one line of text."""

    kind: Literal["line"]
    framing: FramingName = "cr"
    max_length: Annotated[int, Field(ge=4, le=512)] = 256
    charset: Literal["alnum", "printable"] = "alnum"

    @property
    def rule(self) -> Framing:
        """The parsed framing."""
        return parse_framing(self.framing)


class IcReaderSettings(_StreamReaderSettings, CardReaderSettings):
    """A reader that sends the number of each IC card by itself."""

    kind: Literal["ic"]
    protocol: Literal["ascii", "binary"]


ReaderSettings = Annotated[
    LineReaderSettings | IcReaderSettings, Field(discriminator="kind")
]


class CatraxSettings(_Model):
    """A Digicon Catrax turnstile. The manual contradicts itself on which side H is:
    watch which way the arm turns, and which report comes back, and set both here."""

    kind: Literal["catrax"]
    port: Annotated[str, Field(min_length=1)]
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 115200
    release_in: Literal["H", "A"] = "H"
    pass_in: Literal["1A", "1B"] = "1A"
    ack_timeout: Seconds = 0.5
    poll: Seconds = 10.0

    @property
    def transport(self) -> SerialSettings:
        """The port of the turnstile."""
        return SerialSettings(port=self.port, baud=self.baud)


class LaneSettings(_Model):
    """One turnstile with its readers."""

    code: LaneCode
    direction: LaneDirection = LaneDirection.IN
    driver: CatraxSettings
    readers: list[ReaderSettings] = []
    pass_timeout: Seconds = 5.0
    settle: Seconds = 1.0
    after_crash: AfterCrash = AfterCrash.ASSUMED_PASSED
    free_exit: bool | None = None

    @property
    def exits_freely(self) -> bool:
        """Whether people leave without a ticket: by default where a lane only leads
        out and has no reader."""
        if self.free_exit is None:
            return self.direction is LaneDirection.OUT and not self.readers
        return self.free_exit

    def reader_direction(self, reader: ReaderSettings) -> Direction:
        """The direction that a reader's scans ask for."""
        if reader.direction is not None:
            return reader.direction
        return Direction(self.direction.value)

    @model_validator(mode="after")
    def _fits(self) -> LaneSettings:
        if self.exits_freely and Direction.OUT not in self.direction.served:
            raise ValueError("free_exit needs a lane of direction out or both")
        for reader in self.readers:
            if reader.direction is None and self.direction is LaneDirection.BOTH:
                raise ValueError(
                    "a reader of a lane of direction both needs its own direction"
                )
            direction = self.reader_direction(reader)
            if direction not in self.direction.served:
                raise ValueError(
                    f"a reader of direction {direction} does not fit a lane of"
                    f" direction {self.direction}"
                )
            if self.exits_freely and direction is Direction.OUT:
                raise ValueError("a free exit needs no reader of direction out")
        return self


def _plain_url(url: HttpUrl) -> HttpUrl:
    if url.username or url.password or url.query or url.fragment:
        raise ValueError("only scheme, host, port and path")
    return url


class ServerSettings(_Model):
    """The Odoo server that decides."""

    url: Annotated[HttpUrl, AfterValidator(_plain_url)]
    database: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,63}$")] | None = None
    key_file: Path | None = None
    key: SecretStr | None = None
    timeout: Annotated[float, Field(ge=0.05, le=30)] = 0.8
    heartbeat: Annotated[float, Field(ge=0.2, le=600)] = 10.0
    backoff_max: Annotated[float, Field(ge=0.05, le=3600)] = 60.0


class ApiSettings(_Model):
    """The bridge's own pages: health, metrics, lane log."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470


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
    problems = [where.say(at, message) for at, message in _clashes(settings)]
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


def _clashes(settings: Settings) -> Iterator[tuple[TomlPath, str]]:
    """Lane codes and ports that are used twice."""
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
        used: list[tuple[TomlPath, str]] = [
            (("lanes", number, "driver", "port"), lane.driver.port)
        ]
        for index, reader in enumerate(lane.readers):
            at, port = reader.place
            used.append((("lanes", number, "readers", index, *at), port))
        for at, port in used:
            # two names of one device are one port
            real = os.path.realpath(port)
            name = "lane " + lane.code
            if real in ports:
                yield at, f"{port} is already used by {ports[real]}"
            ports.setdefault(real, name)
