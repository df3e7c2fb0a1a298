"""The settings file, and everything that can be told to be wrong about it."""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    HttpUrl,
    SecretStr,
    ValidationError,
    field_validator,
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
    def place(self) -> str:
        """The port, by one name whatever link names it."""
        return os.path.realpath(self.port)

    @property
    def shown(self) -> str:
        """The port as the file names it."""
        return self.port


class TcpSettings(_Model):
    """A TCP connection: the device itself, or a serial server in raw mode."""

    kind: Literal["tcp"]
    host: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,253}$")]
    port: Annotated[int, Field(ge=1, le=65535)]

    @property
    def place(self) -> str:
        """Host and port."""
        return f"{self.host}:{self.port}"

    @property
    def shown(self) -> str:
        """The same, for people."""
        return self.place


TransportSettings = Annotated[SerialSettings | TcpSettings, Field(discriminator="kind")]


class _ReaderSettings(_Model):
    """What every reader has. `direction`: needed at a lane for both ways only."""

    direction: Direction | None = None
    repeat_after: Seconds = 2.0


class _StreamReaderSettings(_ReaderSettings):
    transport: TransportSettings


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
    """A Digicon Catrax turnstile, at a serial `port` or behind a `transport`. The
    manual contradicts itself on which side H is: watch which way the arm turns, and
    which report comes back, and set both here."""

    kind: Literal["catrax"]
    port: Annotated[str, Field(min_length=1)] | None = None
    baud: Annotated[int, Field(ge=300, le=4_000_000)] = 115200
    transport: TransportSettings | None = None
    release_in: Literal["H", "A"] = "H"
    pass_in: Literal["1A", "1B"] = "1A"
    ack_timeout: Seconds = 0.5
    poll: Seconds = 10.0

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the turnstile."""
        if self.transport is not None:
            return self.transport
        return SerialSettings(port=self.port or "", baud=self.baud)

    @model_validator(mode="after")
    def _one_way(self) -> CatraxSettings:
        if (self.port is None) is (self.transport is None):
            raise ValueError("set either port or transport")
        return self


class TpwSettings(_Model):
    """A TPW-321ASP swing gate. It has no command for one person: a direction is set
    free, and back under control when the gate's own counter has gone up."""

    kind: Literal["tpw-321asp"]
    transport: TransportSettings
    address: Annotated[int, Field(ge=0, le=255)] | None = None  # on RS-232 and RS-485
    ack_timeout: Seconds = 0.5
    poll: Annotated[float, Field(ge=0.05, le=1)] = 0.1

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the gate."""
        return self.transport

    @field_validator("address")
    @classmethod
    def _told_apart(cls, address: int | None) -> int | None:
        if address == 4:
            raise ValueError("4 also ends a frame: give the gate another address")
        return address


Coil = Annotated[int, Field(ge=0, le=31)]
Input = Annotated[int, Field(ge=0, le=31)]


class _BoardSettings(_Model):
    """A board with relays and inputs on Modbus RTU or TCP."""

    transport: TransportSettings
    unit: Annotated[int, Field(ge=1, le=247)] = 1
    inverted: list[Input] = []  # inputs that are on at rest
    fire: Input | None = None
    answer_timeout: Annotated[float, Field(ge=0.02, le=0.25)] = 0.2
    # a linked input would work a relay by itself; boards come like that
    clear_links: bool = True

    @property
    def link(self) -> SerialSettings | TcpSettings:
        """The way to the board."""
        return self.transport

    @property
    def wired_inputs(self) -> dict[str, int]:
        """The inputs in use, by the name of their setting."""
        values = {name: getattr(self, name) for name in self._INPUTS}
        return {name: value for name, value in values.items() if value is not None}

    _INPUTS: ClassVar[tuple[str, ...]] = ()

    @model_validator(mode="after")
    def _inputs_differ(self) -> Self:
        inputs = self.wired_inputs
        if len(set(inputs.values())) < len(inputs):
            raise ValueError("an input is named twice")
        if stray := set(self.inverted) - set(inputs.values()):
            raise ValueError(f"inverted: input {min(stray)} is not wired")
        return self


class ModbusSettings(_BoardSettings):
    """A turnstile worked by dry contacts. `release_*` are relays of which a pulse
    releases one person (or, with `hold`, as long as they are on); `free_*` are relays
    that leave a direction open while they are on."""

    kind: Literal["modbus"]
    release_in: Coil | None = None
    release_out: Coil | None = None
    free_in: Coil | None = None
    free_out: Coil | None = None
    pulse: Annotated[float, Field(ge=0.1, le=60)] = 0.3
    hold: bool = False
    device_timeout: Seconds = 5.0
    pass_in: Input | None = None
    pass_out: Input | None = None
    tailgating: Input | None = None
    forced: Input | None = None
    wrong_direction: Input | None = None
    pinch: Input | None = None
    fault: Input | None = None
    poll: Annotated[float, Field(ge=0.01, le=0.05)] = 0.05

    _INPUTS: ClassVar[tuple[str, ...]] = (
        "pass_in",
        "pass_out",
        "tailgating",
        "forced",
        "wrong_direction",
        "pinch",
        "fault",
        "fire",
    )

    def release(self, direction: Direction) -> int | None:
        """The relay that releases one person that way."""
        return self.release_in if direction is Direction.IN else self.release_out

    def free(self, direction: Direction) -> int | None:
        """The relay that leaves that way open."""
        return self.free_in if direction is Direction.IN else self.free_out

    def passes(self, direction: Direction) -> int | None:
        """The input that tells a pass that way."""
        return self.pass_in if direction is Direction.IN else self.pass_out

    @property
    def relays(self) -> list[int]:
        """The relays in use; one that both releases and leaves open is named twice."""
        named = (self.release_in, self.release_out, self.free_in, self.free_out)
        return [coil for coil in named if coil is not None]

    @model_validator(mode="after")
    def _relays_differ(self) -> ModbusSettings:
        allowed = 0
        if self.hold:
            allowed = sum(
                self.release(way) is not None and self.release(way) == self.free(way)
                for way in Direction
            )
        if len(set(self.relays)) < len(self.relays) - allowed:
            raise ValueError(
                "a relay is named twice (free may be the same as release with hold)"
            )
        return self


class InfraredSettings(_BoardSettings):
    """An exit without a barrier: two light beams across the way, on inputs of a Modbus
    board. `beam_a` is the one that people who leave reach first."""

    kind: Literal["infrared"]
    beam_a: Input
    beam_b: Input
    timeout: Seconds = 5.0
    poll: Annotated[float, Field(ge=0.01, le=0.05)] = 0.02

    _INPUTS: ClassVar[tuple[str, ...]] = ("beam_a", "beam_b", "fire")


class ManualSettings(_Model):
    """No device: somebody stands there."""

    kind: Literal["manual"]


DriverSettings = Annotated[
    CatraxSettings | TpwSettings | ModbusSettings | InfraredSettings | ManualSettings,
    Field(discriminator="kind"),
]


class Profile(StrEnum):
    """What stands at a lane, for the people who walk through it."""

    TRIPOD = "tripod"
    FLAP = "flap"
    SWING = "swing"
    PUSH_BAR = "push-bar"
    INFRARED = "infrared"
    DOOR = "door"
    MANUAL = "manual"


class LaneSettings(_Model):
    """One turnstile with its readers. `profile`, `outdoor` and `attended` only tell
    what to warn of."""

    code: LaneCode
    direction: LaneDirection = LaneDirection.IN
    driver: DriverSettings
    profile: Profile | None = None
    outdoor: bool = False
    attended: bool = False
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

    @property
    def warnings(self) -> list[str]:
        """What this lane cannot do, or is dangerous at it: to be known, not wrong."""
        found = []
        if self.profile in (Profile.FLAP, Profile.SWING):
            if self.outdoor:
                found.append(
                    f"a {self.profile} gate is made for indoors: rain and dust make its"
                    " sensors fail, and its wings pinch"
                )
            if not self.attended:
                found.append(
                    f"a {self.profile} gate can pinch, and two may walk on one ticket:"
                    " an attendant is advised"
                )
        driver = self.driver
        if isinstance(driver, TpwSettings):
            found.append(
                "a TPW-321ASP counts whom it lets through, but cannot be told to let"
                " only one person through: watch for tailgating"
            )
        if isinstance(driver, ModbusSettings):
            for way in Direction:
                if driver.free(way) is None:
                    found.append(
                        f"no relay free_{way}: the bridge cannot leave this lane open"
                        f" {way}wards, not even in an emergency"
                    )
            found += [
                f"no input pass_{way}: a pass is assumed after pass_timeout"
                for way in sorted(self.direction.served)
                if driver.passes(way) is None
            ]
            if not driver.hold and self.pass_timeout < driver.device_timeout:
                found.append(
                    "pass_timeout is shorter than device_timeout: the turnstile stays"
                    " released until its own time is up"
                )
        if isinstance(driver, ManualSettings) and self.readers:
            found.append("no device: a pass is assumed after pass_timeout")
        return found

    def reader_direction(self, reader: ReaderSettings) -> Direction:
        """The direction that a reader's scans ask for."""
        if reader.direction is not None:
            return reader.direction
        return Direction(self.direction.value)

    @model_validator(mode="after")
    def _fits(self) -> LaneSettings:
        if self.exits_freely and Direction.OUT not in self.direction.served:
            raise ValueError("free_exit needs a lane of direction out or both")
        self._profile_fits()
        self._driver_fits()
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

    def _profile_fits(self) -> None:
        exits = (Profile.PUSH_BAR, Profile.INFRARED)
        if self.profile in exits and not (
            self.direction is LaneDirection.OUT and self.exits_freely
        ):
            raise ValueError(
                f"a {self.profile} exit has direction out and neither readers nor"
                " free_exit = false"
            )
        made_for = {
            "infrared": (Profile.INFRARED,),
            "manual": (Profile.MANUAL, Profile.DOOR),
            "tpw-321asp": (Profile.SWING,),
            "catrax": (Profile.TRIPOD, Profile.PUSH_BAR),
            "modbus": tuple(set(Profile) - {Profile.INFRARED, Profile.MANUAL}),
        }[self.driver.kind]
        if self.profile is not None and self.profile not in made_for:
            raise ValueError(
                f"a {self.driver.kind} driver does not make a {self.profile} lane"
            )

    def _driver_fits(self) -> None:
        driver = self.driver
        if isinstance(driver, InfraredSettings) and not (
            self.direction is LaneDirection.OUT and self.exits_freely
        ):
            raise ValueError(
                "an infrared exit holds nobody back: its lane has direction out and"
                " neither readers nor free_exit = false"
            )
        if not isinstance(driver, ModbusSettings):
            return
        for reader in self.readers:
            direction = self.reader_direction(reader)
            if driver.release(direction) is None:
                raise ValueError(
                    f"a reader of direction {direction} needs a relay"
                    f" release_{direction}"
                )
        if self.exits_freely and driver.passes(Direction.OUT) is None:
            raise ValueError("a free exit needs an input pass_out to count by")


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


class ServerSettings(_Model):
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


class ApiSettings(_Model):
    """The bridge's own pages: health, metrics, lane log."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = 8470


class SiteClient(_Model):
    """A bridge or handheld that this site server decides for. `key_hash`: the SHA-256
    of its key in hexadecimal."""

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,32}$")]
    key_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    lanes: Annotated[list[LaneCode], Field(min_length=1, max_length=64)]


class SiteServerSettings(_Model):
    """What this bridge serves to others on the network of the site."""

    clients: list[SiteClient] = []


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
    """Lane codes, ports and relays used twice, clients that cannot be served."""
    yield from _client_clashes(settings)
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
        for at, place, shown in _places(number, lane):
            if place in ports:
                yield at, f"{shown} is already used by {ports[place]}"
            ports.setdefault(place, "lane " + lane.code)


def _places(number: int, lane: LaneSettings) -> Iterator[tuple[TomlPath, str, str]]:
    """What only one device can use: where it stands in the file, its true name, and
    its name in the file."""
    driver = lane.driver
    if not isinstance(driver, ManualSettings):
        way: TomlPath = ("lanes", number, "driver")
        link = driver.link
        if driver.kind != "catrax" or driver.transport is not None:
            way += ("transport",)
        if isinstance(driver, _BoardSettings) and isinstance(link, TcpSettings):
            # lanes may share a board on the network, but no relay of it
            board = f"{link.place} unit {driver.unit}"
            if isinstance(driver, ModbusSettings):
                for coil in sorted(set(driver.relays)):
                    yield way, f"{board} relay {coil}", f"relay {coil} of {board}"
        else:
            yield (*way, "port"), link.place, link.shown
    for index, reader in enumerate(lane.readers):
        at = ("lanes", number, "readers", index, "transport", "port")
        yield at, reader.transport.place, reader.transport.shown


def _client_clashes(settings: Settings) -> Iterator[tuple[TomlPath, str]]:
    clients = settings.site_server.clients
    if clients and settings.server.mode is not ServerMode.SITE:
        yield (
            ("site_server",),
            'serving others needs [server] mode = "site": one site, one authority',
        )
    owners = {lane.code: "this bridge itself" for lane in settings.lanes}
    seen: dict[str, str] = {}
    for number, client in enumerate(clients):
        at = ("site_server", "clients", number)
        for field, value in (("name", client.name), ("key_hash", client.key_hash)):
            if value in seen:
                yield (*at, field), f"is that of {seen[value]} already"
            seen.setdefault(value, f"clients[{number}]")
        for code in client.lanes:
            if code in owners:
                yield (*at, "lanes"), f"{code} belongs to {owners[code]} already"
            owners.setdefault(code, client.name)
