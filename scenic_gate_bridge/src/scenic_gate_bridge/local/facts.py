"""What is known about a decision beside its code: what its text names."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from .feed import Name


@dataclass(slots=True)
class Facts:
    """Only what the code needs is filled in."""

    ticket: str = ""
    product: str = ""
    persons: int = 0
    left: int | None = None  # entries left after the decision; None: unlimited
    shared: bool = False  # read from a card or document, which may hold several
    again: bool = False
    replaced: bool = False  # VOID of a code of which there is a newer one
    annulled: bool = False  # VOID of a scan that was taken back
    names: list[Name] = field(default_factory=list)
    where: list[Name] = field(default_factory=list)
    used_at: datetime | None = None
    entered_at: datetime | None = None
    again_at: datetime | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    weekdays: int = 0
    minute_from: int = 0
    minute_to: int = 0
    daily: int = 0

    def moment(self, name: str) -> datetime:
        """A time that the code needs."""
        value = getattr(self, name)
        assert isinstance(value, datetime), name
        return value
