"""What the server tells a device that may decide: config and tickets, checked.

The fields are those of docs/gate-api.md (config, sync). Times are aware and in UTC,
windows include their start and exclude their end, days are those of the clock of the
site, minutes are minutes of such a day.
"""

from __future__ import annotations

from datetime import date, datetime
from functools import cached_property
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import msgspec
from pydantic import (
    AfterValidator,
    Base64Bytes,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
)


class FeedError(ValueError):
    """What the server sent does not fit the API; the text names the field."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


def _zone(name: str) -> str:
    ZoneInfo(name)
    return name


def _both_languages(value: Any) -> Any:
    return {"en": value, "zh": value} if isinstance(value, str) else value


class Name(_Model):
    """A name for people, in both languages of the lanes."""

    en: str
    zh: str


AnyName = Annotated[Name, BeforeValidator(_both_languages)]
Count = Annotated[int, Field(ge=0)]

# -- config --------------------------------------------------------------------------


class PublicKey(_Model):
    """A key that signs QR codes. One id may have had several keys."""

    kid: int
    key: Base64Bytes


class OfflineRules(_Model):
    """What a device may decide while the server does not answer."""

    max_age_hours: Count = 24
    admit_unsynced: bool = False
    max_unsynced: Count = 0
    kinds: list[str] = ["qr", "barcode", "ic_card", "id_document"]


class SiteDay(_Model):
    """Hours of a site on a day: two minutes, none (closed) or None (always open)."""

    open: list[int] | None = None
    reservation: str = "none"


class Site(_Model):
    """A place that lanes lead into."""

    id: int
    code: str = ""
    name: AnyName
    tz: Annotated[str, AfterValidator(_zone)]
    days: dict[date, SiteDay] = {}

    @cached_property
    def zone(self) -> ZoneInfo:
        """The clock of the site."""
        return ZoneInfo(self.tz)


class Blackout(_Model):
    """Days, both included, on which tickets of a rule do not open."""

    first: date = Field(alias="from")
    last: date = Field(alias="to")
    reason: AnyName


class Rule(_Model):
    """A validity rule."""

    id: int
    days_from_first: int | None = None
    blackout: list[Blackout] = []


class Component(_Model):
    """What a kind of ticket gives at one place, with its house rules."""

    id: int
    site: int
    product_class: int | None = None
    name: AnyName
    gate_name: str | None = None
    sequence: int = 0
    choice: int | None = None
    in_sequence: bool = False
    reentry: str = "none"
    reentry_minutes: int | None = None
    antipassback: str = "none"
    minutes_from_first: int | None = None
    grace_early: int | None = None
    grace_late: int | None = None
    has_rules: bool | None = None
    staff_lanes: list[str] | None = None


class Gate(_Model):
    """A passage with one or more lanes."""

    id: int
    name: AnyName


class Lane(_Model):
    """One lane of the device. `into`, `out_of`: limits of people inside that somebody
    coming in enters and leaves."""

    lane: str
    name: AnyName
    site: int
    gate: Gate
    direction: str
    into: list[int] = []
    out_of: list[int] = []
    counted: bool = False
    kind: str | None = None


class Pool(_Model):
    """How many people may be inside. `stop_at`: where an alert level stops entry."""

    id: int
    name: AnyName
    capacity: int
    stop_at: int | None = None
    level: AnyName | None = None
    site: int


class Fingerprint(_Model):
    """A member who agreed to show a finger: `ref`, under which the template lies here,
    and the numbers of the tickets."""

    ref: Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
    tickets: list[str]


class Config(_Model):
    """Everything a device that decides must know beside the tickets."""

    version: str = ""
    device: str = ""
    decides: str = "no"
    public_keys: list[PublicKey] = []
    site_codes: list[str] = []
    offline: OfflineRules = OfflineRules()
    sites: list[Site] = []
    rules: list[Rule] = []
    components: list[Component] = []
    lanes: list[Lane] = []
    pools: list[Pool] = []
    fingerprints: list[Fingerprint] = []

    @cached_property
    def finger_of(self) -> dict[str, str]:
        """Under which name the template of a ticket's holder lies."""
        return {
            ticket: each.ref for each in self.fingerprints for ticket in each.tickets
        }

    @cached_property
    def site(self) -> dict[int, Site]:
        """Sites by id."""
        return {each.id: each for each in self.sites}

    @cached_property
    def rule(self) -> dict[int, Rule]:
        """Validity rules by id."""
        return {each.id: each for each in self.rules}

    @cached_property
    def component(self) -> dict[int, Component]:
        """Components by id."""
        return {each.id: each for each in self.components}

    @cached_property
    def lane(self) -> dict[str, Lane]:
        """Lanes by code."""
        return {each.lane: each for each in self.lanes}

    @cached_property
    def pool(self) -> dict[int, Pool]:
        """Limits of people inside by id."""
        return {each.id: each for each in self.pools}


# -- feed ----------------------------------------------------------------------------
# A bridge reads a ticket for each scan: these classes are made by a decoder in C.

Instant = Annotated[datetime, msgspec.Meta(tz=True)]
Heads = Annotated[int, msgspec.Meta(ge=0)]
MediumLookup = Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}$")]


class Today(msgspec.Struct, frozen=True, gc=False):
    """What others saw of a right on a day: entries used, people in and out."""

    day: date
    used: int
    entered: int
    gone: int
    last: Instant | None = None


class Right(msgspec.Struct, frozen=True, gc=False):
    """An entitlement. Counts are of others than this device."""

    id: int
    site: int
    component: int
    total: int
    weekdays: int
    minute_from: int
    minute_to: int
    valid_from: Instant = msgspec.field(name="from")
    valid_to: Instant = msgspec.field(name="to")
    rule: int | None = None
    refunded: int = 0
    unlimited: bool = False
    daily: int = 0
    value: str | None = None
    used: int = 0
    held: int = 0
    again_held: int = 0
    today: Today | None = None
    recent: list[tuple[Instant, int]] = []  # others who came in: when, how many


class Blocked(msgspec.Struct, frozen=True, gc=False):
    """Days, both included, on which the holder may not enter."""

    first: date = msgspec.field(name="from")
    until: date | None = None


class Reservation(msgspec.Struct, frozen=True, gc=False):
    """A day, and perhaps a slot of it (without grace minutes), that is reserved."""

    site: int
    day: date
    opens: Instant | None = msgspec.field(default=None, name="from")
    closes: Instant | None = msgspec.field(default=None, name="to")


class Ticket(msgspec.Struct, frozen=True, gc=False):
    """One admission right of a person or a group, with its media and entitlements.

    `persons` are those whose money was not given back, of `persons_sold`.
    """

    id: int
    name: str
    kind: str
    state: str
    persons: Heads
    first_day: date
    span: int
    persons_sold: Heads | None = None
    product: str | None = None
    booking: int | None = None
    visit_date: date | None = None
    slotted: bool = False
    first_entry_at: Instant | None = None
    blocked: Blocked | None = None
    staff_lanes: list[str] | None = None
    media: list[tuple[MediumLookup, str, str]] = []
    rights: list[Right] = []
    reservations: list[Reservation] = []

    @property
    def sold(self) -> int:
        """How many persons it was sold for."""
        return self.persons if self.persons_sold is None else self.persons_sold


_DECODER = msgspec.json.Decoder(Ticket)


def decode_ticket(body: str) -> Ticket:
    """The ticket in the JSON text in which it was kept."""
    return _DECODER.decode(body)


def read_ticket(values: object) -> Ticket:
    """The ticket in a JSON value. Raises FeedError."""
    try:
        return msgspec.convert(values, Ticket)
    except msgspec.ValidationError as error:
        raise FeedError(f"ticket: {error}") from None


def read_config(values: object) -> Config:
    """The config in a JSON value. Raises FeedError."""
    try:
        return Config.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise FeedError(f"config: {place}: {first['msg']}") from None
