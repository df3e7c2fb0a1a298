"""The bridge decides by itself: copy of the tickets, rules, reservations."""

from .decider import LocalDecider, Outcome
from .reads import Read, ReadKind

__all__ = ["LocalDecider", "Outcome", "Read", "ReadKind"]
