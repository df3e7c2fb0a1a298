"""The bridge decides by itself: copy of the tickets, rules, reservations."""

from .decider import DecidedBy, LocalDecider, Outcome
from .reads import Read, ReadKind

__all__ = ["DecidedBy", "LocalDecider", "Outcome", "Read", "ReadKind"]
