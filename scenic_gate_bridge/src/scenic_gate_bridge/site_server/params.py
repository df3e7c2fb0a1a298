"""Strict checks of what clients of a site server send, as Odoo makes them.

A value is taken as it is or refused with the name of its field. Fields that the API
does not know are ignored; null counts as missing.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from ..model import CredentialKind, Direction, LaneMode

MOST = 2**31 - 1
COUNTED = ("passed", "annulled", "exit", "entry", "admitted")
OF_ADMISSION = ("passed", "annulled", "admitted")
_STAMP = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}"
    r"(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})"
)


class ParamsError(ValueError):
    """A parameter is missing, of the wrong type or too large; the text names it."""


def _time(value: Any) -> datetime:
    if isinstance(value, str) and _STAMP.fullmatch(value):
        # six digits of a second are kept
        text = re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value)
        return datetime.fromisoformat(text)
    raise ValueError("must be an ISO 8601 time with offset")


def _storable(text: str) -> str:
    if "\0" in text or any("\ud800" <= char <= "\udfff" for char in text):
        raise ValueError("holds a forbidden character")
    return text


class _Params(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True, strict=True)


Id = Annotated[str, Field(pattern=r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")]
Number = Annotated[int, Field(ge=1, le=MOST)]
Count = Annotated[int, Field(ge=0, le=MOST)]
People = Annotated[int, Field(ge=0, le=1000)]
LaneText = Annotated[str, Field(min_length=1, max_length=32), AfterValidator(_storable)]
Note = Annotated[str, Field(max_length=512), AfterValidator(_storable)]
Time = Annotated[datetime, BeforeValidator(_time)]
Way = Annotated[Direction, BeforeValidator(Direction)]
P = TypeVar("P", bound=BaseModel)


class Credential(_Params):
    """What a reader read."""

    kind: Annotated[CredentialKind, BeforeValidator(CredentialKind)]
    value: Annotated[str, Field(max_length=512)]


class ScanParams(_Params):
    """One scan."""

    request_id: Id
    seq: Number
    lane: LaneText
    direction: Way
    credential: Credential
    at: Time


class ValidateParams(_Params):
    """A `validate` call."""

    scans: Annotated[list[ScanParams], Field(min_length=1, max_length=50)]


class EventParams(_Params):
    """One fact."""

    event_id: Id
    seq: Number
    lane: LaneText
    type: Literal[
        "passed",
        "annulled",
        "exit",
        "entry",
        "forced",
        "tailgating",
        "wrong_direction",
        "fault",
        "fault_cleared",
        "link_down",
        "link_up",
        "mode",
        "emergency",
        "emergency_over",
        "fire",
        "fire_over",
        "pinch",
        "muted",
    ]
    at: Time
    request_id: Id | None = None
    count: People | None = None
    direction: Way | None = None
    assumed: bool = False
    note: Note = ""
    credential: Credential | None = None
    photo: Id | None = None

    @model_validator(mode="after")
    def _complete(self) -> EventParams:
        if self.type in OF_ADMISSION and self.request_id is None:
            raise ValueError("request_id is missing")
        if self.type in COUNTED and self.type != "annulled" and self.count is None:
            raise ValueError("count is missing")
        if self.type in COUNTED and self.count == 0:
            raise ValueError("count must be from 1 to 1000")
        return self


class ReportParams(_Params):
    """A `report` call."""

    events: Annotated[list[EventParams], Field(min_length=1, max_length=500)]


class LaneState(_Params):
    """What a client says of one of its lanes."""

    lane: LaneText
    link: Literal["up", "down"]
    mode: Annotated[LaneMode, BeforeValidator(LaneMode)]
    granted: Count
    completed: Count
    timed_out: Count
    revoked: Count
    outstanding: Count
    fire: bool = False
    emergency: bool = False


class HeartbeatParams(_Params):
    """A `heartbeat` call."""

    seq: Number
    version: Annotated[str, Field(max_length=64), AfterValidator(_storable)]
    outbox: Count
    unresolved: Count
    lanes: Annotated[list[LaneState], Field(max_length=64)]

    @model_validator(mode="after")
    def _each_once(self) -> HeartbeatParams:
        if len({each.lane for each in self.lanes}) < len(self.lanes):
            raise ValueError("lanes: a lane is given twice")
        return self


class ConfigParams(_Params):
    """A `config` call."""

    version: Annotated[str, Field(max_length=64), AfterValidator(_storable)] | None = (
        None
    )


def read(kind: type[P], params: dict[str, Any]) -> P:
    """The parameters of a call. Raises ParamsError."""
    try:
        return kind.model_validate(_without_nulls(params))
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ""
        for part in first["loc"]:
            place += f"[{part}]" if isinstance(part, int) else f".{part}"
        text = first["msg"].removeprefix("Value error, ")
        raise ParamsError(f"{place.lstrip('.')}: {text}".removeprefix(": ")) from None


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _without_nulls(item) for key, item in value.items() if item is not None
        }
    return (
        [_without_nulls(item) for item in value] if isinstance(value, list) else value
    )
