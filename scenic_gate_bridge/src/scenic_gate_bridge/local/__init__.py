"""The bridge decides by itself: copy of the tickets, rules, reservations."""

from .decider import LocalDecider
from .outcome import DecidedBy, Outcome
from .reads import Read, ReadKind

__all__ = ["DecidedBy", "LocalDecider", "Outcome", "Read", "ReadKind"]
