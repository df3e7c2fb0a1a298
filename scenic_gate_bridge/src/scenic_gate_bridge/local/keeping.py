"""Keeps what the server sends: config, tickets, modes of lanes, the time."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime, timedelta
from typing import Any, Protocol
from zoneinfo import ZoneInfo

from ..model import Direction, iso
from .feed import Config, FeedError, read_config, read_ticket
from .lane_modes import ToldLane
from .store import Move, Store, to_json

CLOCK_SLACK = timedelta(minutes=2)
_LONG_AGO = datetime(2020, 1, 1, tzinfo=ZoneInfo("UTC"))


class Enqueue(Protocol):
    """Queues a fact for the server, inside a transaction."""

    def __call__(
        self,
        lane: str,
        kind: str,
        at: str,
        *,
        direction: Direction,
        request_id: str | None = None,
        credential: Mapping[str, str] | None = None,
        extra: dict[str, object] | None = None,
        on_the_wire: bool = False,
        moves: Sequence[Move] = (),
    ) -> str: ...


class Keeping:
    """The part of a decider that follows the server. All public methods that change
    something are one transaction each."""

    def __init__(
        self,
        store: Store,
        transaction: Callable[[], AbstractContextManager[None]],
        enqueue: Enqueue,
    ) -> None:
        self.store = store
        self._transaction = transaction
        self._enqueue = enqueue
        # why the server thinks so
        self._shared = {name for name in ("behind", "shared") if store.meta(name)}

    @property
    def config(self) -> Config:
        """The newest config."""
        return self.store.config

    def load_config(self, answer: dict[str, Any]) -> None:
        """Take a config answer. Raises FeedError when it does not fit; nothing is
        changed then."""
        config = read_config(answer)
        key = answer.get("lookup_key")
        try:
            secret = base64.b64decode(key, validate=True) if key else b""
        except (binascii.Error, TypeError, ValueError):
            raise FeedError("config: lookup_key: not base64") from None
        # the secret lies in a file of its own, not in the database
        text = to_json(
            {name: value for name, value in answer.items() if name != "lookup_key"}
        )
        try:
            with self._transaction():
                self.store.write_lookup_key(secret)
                self.store.keep_config(config, text)
        except BaseException:
            self.store.reload()
            raise

    def load_feed(
        self, tickets: Iterable[dict[str, Any]], gone: Iterable[int] = ()
    ) -> None:
        """Take tickets of the feed, each in place of what was known of it, and forget
        those that are gone. Raises FeedError; nothing is changed then."""
        read = [(read_ticket(values), values) for values in tickets]
        with self._transaction():
            generation = int(self.store.meta("generation") or 0)
            for ticket, values in read:
                self.store.put_ticket(ticket, to_json(values), generation)
            for ticket_id in gone:
                self.store.drop_ticket(ticket_id)

    def state(self) -> dict[str, object]:
        """What a heartbeat tells about the copy and what came of it."""
        return {
            "decides": self.config.decides,
            "copy_at": iso(self.store.copy_at) if self.store.copy_at else None,
            "conflicts": self.store.conflict_count(),
        }

    def begin(self, born: str) -> None:
        """Count what this device does from now on, if it does not yet."""
        if self.store.meta("born") is None:
            with self._transaction():
                self.store.set_meta("born", born)

    @property
    def key_is_shared(self) -> bool:
        """Another bridge has the key of this one; what it did is not in the copy."""
        return bool(self._shared)

    def told_behind(self, behind: bool) -> None:
        """Remember whether the server has seen the numbers of this device before."""
        self._told_shared("behind", behind)

    def told_shared(self, shared: bool) -> None:
        """Remember whether the server knows another journal of this device."""
        self._told_shared("shared", shared)

    def _told_shared(self, name: str, told: bool) -> None:
        if told is not (name in self._shared):
            with self._transaction():
                self.store.set_meta(name, "1" if told else None)
            self._shared ^= {name}

    def new_generation(self) -> None:
        """A full copy begins; the old one is used until it is complete."""
        with self._transaction():
            number = int(self.store.meta("generation") or 0)
            self.store.set_meta("generation", str(number + 1))

    def end_page(
        self, cursor: str, gone: Iterable[int], complete: datetime | None
    ) -> None:
        """A page is in. `complete`: as of when the copy is complete, if it is."""
        with self._transaction():
            for ticket_id in gone:
                self.store.drop_ticket(ticket_id)
            self.store.set_meta("cursor", cursor)
            if complete is not None:
                self.store.set_copy_at(complete)

    def drop_stale(self, limit: int) -> int:
        """Forget at most `limit` tickets that the newest full copy does not have.
        Returns how many."""
        generation = int(self.store.meta("generation") or 0)
        with self._transaction():
            return self.store.drop_older(generation, limit)

    def forget_copy(self) -> None:
        """The device may no longer decide: keep no tickets."""
        if self.store.meta("born") is not None:
            with self._transaction():
                self.store.forget_all()

    def told_lanes(self, lanes: Sequence[ToldLane]) -> None:
        """Take what a heartbeat answer says of the lanes."""
        if {each.lane: each for each in lanes} != self.store.lanes:
            with self._transaction():
                self.store.keep_lanes(lanes)

    def _clock(self) -> datetime:
        """The newest time that is certain to have been, to `CLOCK_STEP`."""
        return self.store.clock or _LONG_AGO

    def told_time(self, server: datetime, now: datetime) -> None:
        """Compare clocks: a clock that agrees with the server's is right, whatever the
        journal says; one that is behind it makes local decisions stop (CLOCK)."""
        agrees = abs(server - now) <= CLOCK_SLACK
        if agrees or server > self._clock():
            with self._transaction():
                self.store.set_clock(min(server, now) if agrees else server)
