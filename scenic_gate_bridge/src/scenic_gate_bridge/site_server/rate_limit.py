"""How often somebody may ask: token buckets in memory."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

MOST = 10_000


class RateLimit:
    """Buckets by key; the ones not asked for longest are forgotten. `clock`: seconds
    that only rise."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, key: str, rate: float, burst: float) -> float:
        """Take one of `burst` tokens, which come back at `rate` a second. Returns 0.0,
        or the seconds until there is one again; then none was taken."""
        now = self._clock()
        tokens, before = self._buckets.pop(key, (burst, now))
        tokens = min(burst, tokens + (now - before) * rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
        self._buckets[key] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > MOST:
            self._buckets.popitem(last=False)
        return wait
