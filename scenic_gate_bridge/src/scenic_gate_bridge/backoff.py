"""Waiting times between tries."""

from __future__ import annotations

import random


class Backoff:
    """Exponential waiting: `first * factor**n`, capped, with ±20 % jitter so that
    lanes that fail together do not come back together."""

    def __init__(self, cap: float, first: float = 1.0, factor: float = 1.8) -> None:
        self.cap = cap
        self._first = min(first, cap)
        self._factor = factor
        self._tries = 0

    def reset(self) -> None:
        """The next wait is the first one again."""
        self._tries = 0

    def next(self) -> float:
        """Seconds to wait before the next try."""
        wait = self._first
        # multiply step by step: a power of a large count would overflow
        for _ in range(self._tries):
            wait *= self._factor
            if wait >= self.cap:
                break
        else:
            self._tries += 1
        return min(wait, self.cap) * random.uniform(0.8, 1.2)
