"""How often somebody may ask: token buckets in the memory of one process."""

import threading
import time
from collections import OrderedDict

MAX_KEYS = 10_000


class RateLimit:
    """Buckets by key; the ones not asked for longest are forgotten.

    :param clock: seconds that only rise
    """

    def __init__(self, clock=time.monotonic):
        self._clock = clock
        self._buckets = OrderedDict()
        self._lock = threading.Lock()

    def take(self, key, rate, burst):
        """Take one of ``burst`` tokens, which come back at ``rate`` a second.

        :return: 0.0, or the seconds until there is one again; then none was taken
        """
        now = self._clock()
        with self._lock:
            tokens, before = self._buckets.pop(key, (burst, now))
            tokens = min(burst, tokens + (now - before) * rate)
            wait = 0.0 if tokens >= 1 else (1 - tokens) / rate
            self._buckets[key] = (tokens if wait else tokens - 1, now)
            if len(self._buckets) > MAX_KEYS:
                self._buckets.popitem(last=False)
        return wait

    def give_back(self, key, burst):
        """Give back a token that was taken for what turned out not to count."""
        with self._lock:
            if key in self._buckets:
                tokens, before = self._buckets[key]
                self._buckets[key] = (min(burst, tokens + 1), before)
