"""Are the books right? Steel, journals and server compared, row by row.

    admissions = completed passes = consumed entries = events at the server

Three parties have written down what happened: the simulated steel (who went through
which lane on which code), each bridge's journal and outbox, and the server (its
admissions, its events, the entries of its tickets). `reconcile` compares them request
by request, event by event, ticket by ticket and lane by lane, and names each row in
which two of them differ.

Where a fault of the script hid a pass from the bridge (a spoiled line, a stuck sensor,
a process that was dead), the steel alone cannot decide: such passages are counted as
unsure, and may or may not be in the books. A pass in the books that the steel does not
have must be marked as assumed.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .park import Passage

SEEN = ("exit", "forced", "tailgating", "wrong_direction", "entry")


@dataclass(frozen=True, slots=True)
class ServerAdmission:
    """One request at the server, in persons."""

    lane: str
    ticket: str  # digest of the code, or any name of the ticket
    passes: int
    passed: int
    annulled: int


@dataclass(frozen=True, slots=True)
class ServerTicket:
    """The entries of one ticket at the server; `entries` None: not limited."""

    entries: int | None
    used: int
    reserved: int


@dataclass(slots=True)
class ServerBooks:
    """What the server has written down. `events`: (event id, type) of every report
    kept, `troubles`: what it found wrong by itself."""

    admissions: dict[str, ServerAdmission]
    events: dict[str, str]
    tickets: dict[str, ServerTicket]
    troubles: list[str] = field(default_factory=list)


@dataclass(slots=True)
class LaneTotals:
    """One line of the table, in persons."""

    granted: int = 0
    passed: int = 0
    assumed: int = 0
    given_back: int = 0
    consumed: int = 0
    events: int = 0
    exits: int = 0
    alarms: int = 0
    steel: int = 0
    unsure: int = 0


@dataclass(slots=True)
class Reconciliation:
    """The outcome; right when `differences` is empty."""

    lanes: dict[str, LaneTotals]
    admissions: int
    differences: list[str]

    def table(self) -> str:
        """For people: a line a lane, and the total."""
        heads = (
            "lane",
            "granted",
            "passed",
            "assumed",
            "given back",
            "consumed",
            "events",
            "exits",
            "alarms",
            "steel",
            "unsure",
        )
        rows = [
            (code, *(getattr(lane, head.replace(" ", "_")) for head in heads[1:]))
            for code, lane in self.lanes.items()
        ]
        total = (
            "total",
            *(sum(column) for column in list(zip(*rows, strict=True))[1:]),
        )
        lines = [heads, *rows, total]
        widths = [max(len(str(row[i])) for row in lines) for i in range(len(heads))]
        text = [
            "  ".join(
                str(cell).ljust(width) if place == 0 else str(cell).rjust(width)
                for place, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in lines
        ]
        rule = "-" * len(text[0])
        return "\n".join([text[0], rule, *text[1:-1], rule, text[-1]])


@dataclass(slots=True)
class _Request:
    """One admission in the journal, with what the outbox has of it."""

    lane: str
    digest: str
    state: str
    passes: int
    passed: int
    annulled: int
    told_passed: int = 0
    told_assumed: int = 0
    told_annulled: int = 0
    annulled_all: bool = False


@dataclass(slots=True)
class Books:
    """What the bridges' journals hold together."""

    requests: dict[str, _Request] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, str | None] = field(default_factory=dict)

    def read(self, journal: Path) -> None:
        """Add a journal file."""
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as con:
            for row in con.execute(
                "SELECT request_id, lane, code_hash, state, passes, passed, annulled"
                " FROM journal"
            ):
                self.requests[row[0]] = _Request(*row[1:])
            for event_id, body, answer in con.execute(
                "SELECT event_id, body, answer FROM outbox ORDER BY id"
            ):
                event = json.loads(body)
                self.events[event_id] = event
                self.answers[event_id] = answer
                self._book(event)

    def _book(self, event: dict[str, Any]) -> None:
        request = self.requests.get(event.get("request_id") or "")
        if request is None:
            return
        if event["type"] == "passed":
            request.told_passed += event["count"]
            request.told_assumed += event["count"] if event["assumed"] else 0
        elif event["type"] == "annulled":
            if event.get("count") is None:
                request.annulled_all = True
            else:
                request.told_annulled += event["count"]


def digest(code: str) -> str:
    """The name under which journals know a code."""
    return hashlib.sha256(code.encode()).hexdigest()[:10]


def reconcile(
    journals: Sequence[Path],
    server: ServerBooks | None,
    lanes: Iterable[str],
    passages: Sequence[Passage] | None = None,
) -> Reconciliation:
    """Compare everything. Without `passages` the steel is left out; without `server`
    only what it answered to each fact is looked at."""
    books = Books()
    for journal in journals:
        books.read(journal)
    totals = {code: LaneTotals() for code in lanes}
    wrong = _requests(books, totals) + _events(books, totals)
    if server is not None:
        wrong += [f"server: {trouble}" for trouble in server.troubles]
        wrong += _at_server(books, server, totals) + _tickets(server)
    if passages is not None:
        wrong += _steel(books, totals, passages, server)
    granted = sum(request.passes > 0 for request in books.requests.values())
    return Reconciliation(totals, granted, wrong)


def _requests(books: Books, totals: dict[str, LaneTotals]) -> list[str]:
    """Journal row = its facts in the outbox."""
    wrong = []
    for request_id, row in books.requests.items():
        lane = totals[row.lane]
        lane.granted += row.passes
        lane.passed += row.passed
        lane.assumed += row.told_assumed
        lane.given_back += row.annulled
        found = f"request {request_id} at {row.lane}: {row}"
        if row.state in ("asking", "authorised", "opening"):
            wrong.append(f"{found}: not finished")
        elif row.passes != row.passed + row.annulled:
            wrong.append(f"{found}: the journal does not add up")
        elif (row.told_passed, row.told_annulled) != (row.passed, row.annulled):
            wrong.append(f"{found}: told otherwise than written")
    return wrong


def _events(books: Books, totals: dict[str, LaneTotals]) -> list[str]:
    """Every fact of an outbox was taken by the server."""
    wrong = []
    for event_id, event in books.events.items():
        lane, answer = totals[event["lane"]], books.answers[event_id]
        name = f"event {event_id} ({event['type']} at {event['lane']})"
        if answer is None:
            wrong.append(f"{name}: still in the outbox")
        elif answer not in ("OK", "REPEAT"):
            wrong.append(f"{name}: the server answered {answer}")
        lane.events += answer is not None
        if event["type"] == "exit":
            lane.exits += event["count"]
        elif event["type"] in SEEN:
            lane.alarms += 1
    return wrong


def _at_server(
    books: Books, server: ServerBooks, totals: dict[str, LaneTotals]
) -> list[str]:
    """The admissions and the events of the server are those of the journals."""
    wrong = []
    for request_id, row in books.requests.items():
        there = server.admissions.get(request_id)
        if there is None:
            if row.passes:
                wrong.append(f"request {request_id}: {row}: not at the server")
            continue
        totals[row.lane].consumed += there.passed
        found = f"request {request_id} at {row.lane}: {row}, {there}"
        if there.passes != there.passed + there.annulled:
            wrong.append(f"{found}: entries are still reserved")
        elif there.passed != row.passed or (
            not row.annulled_all and there.annulled != row.annulled
        ):
            wrong.append(f"{found}: the server has booked otherwise")
    wrong += [
        f"request {request_id}: at the server, in no journal: {there}"
        for request_id, there in server.admissions.items()
        if request_id not in books.requests and there.passes
    ]
    for event_id in books.events.keys() | server.events.keys():
        here = books.events.get(event_id, {}).get("type", "nothing")
        kind = server.events.get(event_id, "nothing")
        if here != kind:
            wrong.append(f"event {event_id}: told {here}, the server has {kind}")
    return wrong


def _tickets(server: ServerBooks) -> list[str]:
    """Entries consumed = persons passed, and none twice."""
    passed: Counter[str] = Counter()
    for admission in server.admissions.values():
        passed[admission.ticket] += admission.passed
    wrong = []
    for name, ticket in server.tickets.items():
        found = f"ticket #{name}: {ticket.used} used, {passed[name]} passed"
        if ticket.used != passed[name]:
            wrong.append(found)
        if ticket.reserved:
            wrong.append(f"{found}, {ticket.reserved} still reserved")
        if ticket.entries is not None and ticket.used > ticket.entries:
            wrong.append(f"{found}, only {ticket.entries} were sold")
    return wrong


def _steel(
    books: Books,
    totals: dict[str, LaneTotals],
    passages: Sequence[Passage],
    server: ServerBooks | None,
) -> list[str]:
    """Who walked is who was booked: for each ticket, and for each lane."""
    walked: dict[str, list[bool]] = defaultdict(list)
    at_lane: dict[str, list[bool]] = defaultdict(list)
    for passage in passages:
        lane = totals[passage.lane]
        lane.steel += 1
        lane.unsure += not passage.sure
        at_lane[passage.lane].append(passage.sure)
        if passage.who:
            walked[digest(passage.who)].append(passage.sure)
    booked: Counter[str] = Counter()
    assumed: Counter[str] = Counter()
    seen: Counter[str] = Counter()
    for request_id, row in books.requests.items():
        # a journal's own hash of a code means something to one process only
        admission = server.admissions.get(request_id) if server else None
        code = admission.ticket if admission else row.digest
        booked[code] += row.passed
        assumed[code] += row.told_assumed
        seen[row.lane] += row.passed - row.told_assumed
    for event in books.events.values():
        if event["type"] in SEEN:
            seen[event["lane"]] += event.get("count", 1)
    wrong = []
    for code in walked.keys() | booked.keys():
        steel = walked[code]
        found = (
            f"code #{code}: {len(steel)} walked ({steel.count(False)} unsure),"
            f" {booked[code]} booked ({assumed[code]} assumed)"
        )
        if booked[code] - assumed[code] > len(steel):
            wrong.append(f"{found}: booked without a walk")
        elif booked[code] < steel.count(True):
            wrong.append(f"{found}: walked without being booked")
    for code in at_lane.keys() | seen.keys():
        steel = at_lane[code]
        # the report of an unsure passage may also have come twice
        most = len(steel) + steel.count(False)
        if not steel.count(True) <= seen[code] <= most:
            wrong.append(
                f"lane {code}: {len(steel)} went through ({steel.count(False)}"
                f" unsure), the bridge saw {seen[code]}"
            )
    return wrong
