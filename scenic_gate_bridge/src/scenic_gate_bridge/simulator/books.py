"""What the server and the journals of the bridges have written down."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..site_server.desk import wire_id

GOOD = ("OK", "REPEAT")
FREELY = ("free lane", "fire", "emergency")  # notes of exits that needed no code


@dataclass(frozen=True, slots=True)
class ServerAdmission:
    """One request at the server, in persons. `used`: entries that those who passed
    have used; `double`: persons for whom there was none, by the server's word; `again`:
    a free re-entry, which uses none, None where that is not known."""

    lane: str
    ticket: str  # digest of the code, or any name of the ticket
    passes: int
    passed: int
    annulled: int
    used: int
    double: int = 0
    again: bool | None = None


@dataclass(frozen=True, slots=True)
class ServerTicket:
    """The entries of one ticket at the server; `entries` None: not limited."""

    entries: int | None
    used: int
    reserved: int


@dataclass(slots=True)
class ServerBooks:
    """What the server has written down. `events`: (event id, type) of every report
    kept, `troubles`: what it found wrong by itself, `left`: persons who left with a
    code, by its digest, and how many of them were assumed; None where not known."""

    admissions: dict[str, ServerAdmission]
    events: dict[str, str]
    tickets: dict[str, ServerTicket]
    troubles: list[str] = field(default_factory=list)
    left: dict[str, tuple[int, int]] | None = None


@dataclass(slots=True)
class Request:
    """One admission in the journal, with what the outbox has of it. `here`: a bridge
    decided, and not the server; `client`: for another bridge, which asked it. `alone`:
    by a genuine QR that was in no copy."""

    lane: str
    state: str
    passes: int
    passed: int
    annulled: int
    here: bool
    again: bool
    client: bool = False
    alone: bool = False
    told_admitted: int = 0
    told_passed: int = 0
    told_assumed: int = 0
    told_annulled: int = 0
    annulled_all: bool = False

    @property
    def is_told_right(self) -> bool:
        """Whether the facts say what the row does. A client that got no answer does not
        know what was decided, and has all of it annulled."""
        admitted = self.told_admitted == (self.passes if self.here else 0)
        return (admitted or (self.client and self.annulled_all)) and (
            (self.told_passed, self.told_annulled) == (self.passed, self.annulled)
        )


@dataclass(slots=True)
class Books:
    """What the bridges' journals hold together. The requests have the ids that the
    server knows; `replaced` are those that it did not answer, so that the bridge
    decided under another id. `letting_out` are exits by code: (lane, state, passes,
    passed, annulled)."""

    requests: dict[str, Request] = field(default_factory=dict)
    letting_out: list[tuple[str, str, int, int, int]] = field(default_factory=list)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, str | None] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    conflicts: dict[str, tuple[int, str]] = field(default_factory=dict)
    clashes: list[str] = field(default_factory=list)

    def read(self, journal: Path, client: str | None = None) -> None:
        """Add a journal file; that of a `client` of a site server, before that of the
        site server, which hands its facts on under ids of its own."""

        def known_as(own: str) -> str:
            return own if client is None else wire_id(client, own)

        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as con:
            for asked, known, *row in con.execute(
                "SELECT j.request_id, ifnull(wire_id, j.request_id), j.lane, state,"
                " j.passes, j.passed, j.annulled, decided_here,"
                " ifnull(d.again, j.again)"
                " FROM journal j LEFT JOIN own_decision d"
                " ON d.request_id = ifnull(wire_id, j.request_id)"
                " WHERE j.direction = 'in'"
            ):
                request = Request(*row)
                if client is not None:
                    request.here = request.client = True
                self.requests[known_as(known)] = request
                if asked != known:
                    self.replaced.add(asked)
            self.letting_out += con.execute(
                "SELECT lane, state, passes, passed, annulled FROM journal"
                " WHERE direction = 'out'"
            )
            for event_id, body, answer in con.execute(
                "SELECT event_id, body, answer FROM outbox ORDER BY id"
            ):
                event = json.loads(body)
                if "request_id" in event:
                    event["request_id"] = known_as(event["request_id"])
                self._add(known_as(event_id), event, answer)
            for event_id, persons, value in con.execute(
                "SELECT event_id, persons, value FROM conflict"
            ):
                self.conflicts[event_id] = persons, value

    def _add(self, event_id: str, event: dict[str, Any], answer: str | None) -> None:
        if self.answers.get(event_id, "OK") in GOOD:
            self.answers[event_id] = answer
        told = self.events.setdefault(event_id, event)
        if told is event:
            self._book(event)
            return
        for name in ("type", "lane", "count", "request_id"):
            if told.get(name) != event.get(name):
                self.clashes.append(
                    f"event {event_id}: {name} {told.get(name)!r} at the bridge,"
                    f" {event.get(name)!r} at its site server"
                )

    def _book(self, event: dict[str, Any]) -> None:
        request = self.requests.get(event.get("request_id") or "")
        if request is None:
            return
        if event["type"] == "admitted":
            request.told_admitted += event["count"]
            request.again = event.get("again", request.again)
            request.alone = "right" not in event
        elif event["type"] == "passed":
            request.told_passed += event["count"]
            request.told_assumed += event["count"] if event["assumed"] else 0
        elif event["type"] == "annulled":
            if event.get("count") is None:
                request.annulled_all = True
            else:
                request.told_annulled += event["count"]

    def left_by_code(self) -> Counter[str]:
        """Persons who left with a code, by lane, as the facts have it."""
        lanes = {lane for lane, *_row in self.letting_out}
        found: Counter[str] = Counter()
        for event in self.events.values():
            if (
                event["type"] == "exit"
                and event["lane"] in lanes
                and event["note"] not in FREELY
            ):
                found[event["lane"]] += event["count"]
        return found


def digest(code: str) -> str:
    """The name under which journals know a code."""
    return hashlib.sha256(code.encode()).hexdigest()[:10]
