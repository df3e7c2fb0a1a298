"""The words every part of the bridge shares: directions, codes, scans, decisions."""

from __future__ import annotations

import hashlib
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from functools import lru_cache


class Direction(StrEnum):
    """Which way a person walks: in is towards the scenic area."""

    IN = "in"
    OUT = "out"


BOTH = frozenset(Direction)
NONE: frozenset[Direction] = frozenset()


class LaneDirection(StrEnum):
    """Which directions a lane is built for."""

    IN = "in"
    OUT = "out"
    BOTH = "both"

    @property
    def served(self) -> frozenset[Direction]:
        """The directions a person may be let through."""
        return BOTH if self is LaneDirection.BOTH else frozenset({Direction(self)})


class LaneMode(StrEnum):
    """What a lane is to do: work by ticket; serve as a free exit, by which nobody
    enters; turn freely in its directions; let nobody through; or let everybody through
    both ways, which is left only by an explicit act."""

    CONTROLLED = "controlled"
    EXIT = "exit"
    FREE = "free"
    LOCKED = "locked"
    EMERGENCY = "emergency"


@dataclass(frozen=True, slots=True)
class PlannedMode:
    """A change of a lane's mode that is to come."""

    at: datetime
    mode: LaneMode


class ModeSource(StrEnum):
    """By whom a mode was set."""

    SERVER = "server"
    SCHEDULE = "schedule"
    LOCAL = "local"


class AfterCrash(StrEnum):
    """What to report for a released pass whose outcome nobody saw."""

    ASSUMED_PASSED = "assumed_passed"
    ANNUL = "annul"


class CredentialKind(StrEnum):
    """What a reader says it read, in the words of the gate API. AUTO leaves it to the
    decider to tell a QR code, a 1-D number and a citizen number apart."""

    AUTO = "auto"
    QR = "qr"
    BARCODE = "barcode"
    IC_CARD = "ic_card"
    ID_DOCUMENT = "id_document"


# Numbers of cards and documents are few enough to be guessed from a plain hash.
_DIGEST_KEY = secrets.token_bytes(32)


class Code:
    """What a visitor showed. It cannot get into a log by accident: every rendering of
    the object is a digest, which tells codes apart until the process ends and nothing
    else; the text itself is only in `value`."""

    __slots__ = ("value", "digest")

    def __init__(self, value: str) -> None:
        self.value = value
        raw = value.encode()
        self.digest = hashlib.blake2b(raw, key=_DIGEST_KEY, digest_size=5).hexdigest()

    def __repr__(self) -> str:
        return f"#{self.digest}"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Code) and other.value == self.value

    def __hash__(self) -> int:
        return hash(self.value)


def _nobody_waits(_decision: Decision) -> None:
    """The reader does not want to know."""


@dataclass(frozen=True, slots=True)
class Scan:
    """One reading at one lane. `at` is the wall clock when the first byte came.

    `answered` is called once with what the visitor was told, so that the reader can
    beep, and count codes that nobody knows. It must return at once.
    """

    lane: str
    direction: Direction
    code: Code
    at: datetime
    kind: CredentialKind = CredentialKind.AUTO
    answered: Callable[[Decision], None] = field(
        default=_nobody_waits, compare=False, repr=False
    )


@dataclass(frozen=True, slots=True)
class Text:
    """A sentence for people, in both languages of the lanes."""

    en: str
    zh: str


class Verdict(StrEnum):
    """ADMIT and DENY are the server's or a local rule's word. UNSURE is a refusal for
    want of an answer: the server may or may not have reserved entries."""

    ADMIT = "admit"
    DENY = "deny"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Decision:
    """What a scan is answered with."""

    verdict: Verdict
    code: str
    text: Text
    remedy: Text = Text("", "")
    passes: int = 0
    product: str = ""
    ticket: str = ""  # its number
    # of an admission: its right as the feed names it; None where only its QR is known
    right: int | None = None
    again: bool = False  # a free re-entry, of an admission by the server


def utc_now() -> datetime:
    """The wall clock. Only for stamps: timers use the monotonic clock."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh id: UUID version 7 (RFC 9562 §5.7), random but for the millisecond in
    front. Those of one time lie side by side in an index, here and at the server."""
    when = f"{time.time_ns() // 1_000_000:012x}"
    rest = os.urandom(10).hex()
    variant = "89ab"[int(rest[19], 16) & 0b11]
    return f"{when[:8]}-{when[8:]}-7{rest[:3]}-{variant}{rest[3:6]}-{rest[6:18]}"


@lru_cache(maxsize=256)
def iso(at: datetime) -> str:
    """ISO 8601 in UTC with milliseconds, the form of the wire and of the journal."""
    return _stamp(at.astimezone(UTC))


@lru_cache(maxsize=64)
def _stamp(at: datetime) -> str:
    """One moment is written down in several places. In UTC only: elsewhere two moments
    of the night when clocks go back are equal."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
