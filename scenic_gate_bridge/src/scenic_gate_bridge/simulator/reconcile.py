"""Are the books right? Steel, journals and server compared, row by row.

    admissions = completed passes = consumed entries = events at the server

Three parties have written down what happened: the simulated steel (who went through
which lane on which code), each bridge's journal and outbox, and the server (its
admissions, its events, the entries of its tickets). `reconcile` compares them request
by request, event by event, ticket by ticket and lane by lane, and names each row in
which two of them differ.

Where nobody could see a pass (a stuck sensor, a cable that was out, a process that was
dead) it is counted as lost, and is in the books only if the bridge assumed it. Where a
fault of the script may have hidden a pass (a line that was harmed at that moment, the
last second before a kill), the steel alone cannot decide: it is counted as unsure, and
may or may not be in the books. A pass in the books that the steel does not have must be
marked as assumed.

What a bridge decided by itself while the server was away may use an entry a second
time. Each such person must be told as a conflict, with the value, and be on the
bridge's list; nothing else may pass without an entry.
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

from .park import Passage, Sight

SEEN = ("exit", "forced", "tailgating", "wrong_direction", "entry")


@dataclass(frozen=True, slots=True)
class ServerAdmission:
    """One request at the server, in persons. `used`: entries that those who passed
    have used; `double`: persons for whom there was none, by the server's word."""

    lane: str
    ticket: str  # digest of the code, or any name of the ticket
    passes: int
    passed: int
    annulled: int
    used: int
    double: int = 0


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
    local: int = 0
    passed: int = 0
    assumed: int = 0
    given_back: int = 0
    consumed: int = 0
    double: int = 0
    events: int = 0
    exits: int = 0
    alarms: int = 0
    steel: int = 0
    unsure: int = 0
    lost: int = 0


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
            "local",
            "passed",
            "assumed",
            "given back",
            "consumed",
            "double",
            "events",
            "exits",
            "alarms",
            "steel",
            "unsure",
            "lost",
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
    """One admission in the journal, with what the outbox has of it. `here`: the bridge
    decided by itself."""

    lane: str
    state: str
    passes: int
    passed: int
    annulled: int
    here: bool
    told_admitted: int = 0
    told_passed: int = 0
    told_assumed: int = 0
    told_annulled: int = 0
    annulled_all: bool = False


@dataclass(slots=True)
class Books:
    """What the bridges' journals hold together. The requests have the ids that the
    server knows; `replaced` are those that it did not answer, so that the bridge
    decided under another id."""

    requests: dict[str, _Request] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    answers: dict[str, str | None] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    conflicts: dict[str, tuple[int, str]] = field(default_factory=dict)

    def read(self, journal: Path) -> None:
        """Add a journal file."""
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as con:
            for asked, known, *row in con.execute(
                "SELECT request_id, ifnull(wire_id, request_id), lane, state, passes,"
                " passed, annulled, decided_here FROM journal WHERE direction = 'in'"
            ):
                self.requests[known] = _Request(*row)
                if asked != known:
                    self.replaced.add(asked)
            for event_id, body, answer in con.execute(
                "SELECT event_id, body, answer FROM outbox ORDER BY id"
            ):
                event = json.loads(body)
                self.events[event_id] = event
                self.answers[event_id] = answer
                self._book(event)
            for event_id, persons, value in con.execute(
                "SELECT event_id, persons, value FROM conflict"
            ):
                self.conflicts[event_id] = persons, value

    def _book(self, event: dict[str, Any]) -> None:
        request = self.requests.get(event.get("request_id") or "")
        if request is None:
            return
        if event["type"] == "admitted":
            request.told_admitted += event["count"]
        elif event["type"] == "passed":
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
    consumed: dict[str, int] | None = None,
) -> Reconciliation:
    """Compare everything. Without `passages` the steel is left out; without `server`
    only what it answered to each fact is looked at, and how many entries of each
    ticket it says were `consumed` (digest of the code: entries), if that is known."""
    books = Books()
    for journal in journals:
        books.read(journal)
    totals = {code: LaneTotals() for code in lanes}
    wrong = _requests(books, totals) + _events(books, totals)
    if server is not None:
        wrong += [f"server: {trouble}" for trouble in server.troubles]
        wrong += _at_server(books, server, totals) + _tickets(server)
        wrong += _double(books, server)
    if passages is not None:
        wrong += _at_lanes(books, totals, passages)
    if passages is not None and server is not None:
        wrong += _codes(books, passages, server)
    if passages is not None and consumed is not None:
        wrong += _consumed(books, passages, consumed)
    granted = sum(request.passes > 0 for request in books.requests.values())
    return Reconciliation(totals, granted, wrong)


def _requests(books: Books, totals: dict[str, LaneTotals]) -> list[str]:
    """Journal row = its facts in the outbox."""
    wrong = []
    for request_id, row in books.requests.items():
        lane = totals[row.lane]
        lane.granted += row.passes
        lane.local += row.passes if row.here else 0
        lane.passed += row.passed
        lane.assumed += row.told_assumed
        lane.given_back += row.annulled
        found = f"request {request_id} at {row.lane}: {row}"
        if row.state in ("asking", "authorised", "opening"):
            wrong.append(f"{found}: not finished")
        elif row.passes != row.passed + row.annulled:
            wrong.append(f"{found}: the journal does not add up")
        elif row.told_admitted != (row.passes if row.here else 0) or (
            (row.told_passed, row.told_annulled) != (row.passed, row.annulled)
        ):
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
        elif answer not in ("OK", "REPEAT") and (
            event["type"] != "admitted" or event_id not in books.conflicts
        ):
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
        totals[row.lane].consumed += there.used
        totals[row.lane].double += there.double
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
        if request_id not in books.requests
        and there.passes
        and not (request_id in books.replaced and there.annulled == there.passes)
    ]
    for event_id in books.events.keys() | server.events.keys():
        here = books.events.get(event_id, {}).get("type", "nothing")
        kind = server.events.get(event_id, "nothing")
        if here != kind:
            wrong.append(f"event {event_id}: told {here}, the server has {kind}")
    return wrong


def _tickets(server: ServerBooks) -> list[str]:
    """Entries consumed = persons passed less those let in twice, and none twice."""
    passed: Counter[str] = Counter()
    used: Counter[str] = Counter()
    double: Counter[str] = Counter()
    for admission in server.admissions.values():
        passed[admission.ticket] += admission.passed
        used[admission.ticket] += admission.used
        double[admission.ticket] += admission.double
    wrong = []
    for name, ticket in server.tickets.items():
        found = (
            f"ticket #{name}: {ticket.used} used, {passed[name]} passed,"
            f" {double[name]} double"
        )
        if (
            ticket.used != used[name]
            or not 0 <= passed[name] - used[name] <= double[name]
        ):
            wrong.append(found)
        if ticket.reserved:
            wrong.append(f"{found}, {ticket.reserved} still reserved")
        if ticket.entries is not None and ticket.used > ticket.entries:
            wrong.append(f"{found}, only {ticket.entries} were sold")
    return wrong


def _double(books: Books, server: ServerBooks) -> list[str]:
    """Every double use, and nothing else, is on the list of its bridge."""
    told = {
        event["request_id"]: event_id
        for event_id, event in books.events.items()
        if event["type"] == "admitted"
    }
    wrong = []
    for request_id, there in server.admissions.items():
        persons, value = books.conflicts.get(told.get(request_id, ""), (0, ""))
        if persons != there.double or bool(persons) is not bool(value):
            wrong.append(
                f"request {request_id}: {there.double} persons let in twice,"
                f" {persons} of {value or 'no value'} on the list of the bridge"
            )
    return wrong


def _at_lanes(
    books: Books, totals: dict[str, LaneTotals], passages: Sequence[Passage]
) -> list[str]:
    """Who walked through a lane is who its bridge saw."""
    at_lane: dict[str, Counter[Sight]] = defaultdict(Counter)
    for passage in passages:
        at_lane[passage.lane][passage.sight] += 1
    seen: Counter[str] = Counter()
    for row in books.requests.values():
        seen[row.lane] += row.passed - row.told_assumed
    for event in books.events.values():
        if event["type"] in SEEN:
            seen[event["lane"]] += event.get("count", 1)
    wrong = []
    for code, lane in totals.items():
        walked = at_lane[code]
        lane.steel += walked.total()
        lane.unsure += walked[Sight.UNSURE]
        lane.lost += walked[Sight.LOST]
        # the report of an unsure passage may also have come twice
        most = walked[Sight.SURE] + 2 * walked[Sight.UNSURE]
        if not walked[Sight.SURE] <= seen[code] <= most:
            wrong.append(f"lane {code}: {_told(walked)}, the bridge saw {seen[code]}")
    return wrong


def _codes(books: Books, passages: Sequence[Passage], server: ServerBooks) -> list[str]:
    """Who walked on the release of a code is who was booked on it."""
    walked = _by_code(passages)
    booked: Counter[str] = Counter()
    assumed: Counter[str] = Counter()
    for request_id, row in books.requests.items():
        # a journal's own hash of a code means something to one process only
        admission = server.admissions.get(request_id)
        if admission is not None:
            booked[admission.ticket] += row.passed
            assumed[admission.ticket] += row.told_assumed
    wrong = []
    for code in walked.keys() | booked.keys():
        steel = walked[code]
        found = (
            f"code #{code}: {_told(steel)}, {booked[code]} booked"
            f" ({assumed[code]} assumed)"
        )
        if booked[code] - assumed[code] > steel[Sight.SURE] + steel[Sight.UNSURE]:
            wrong.append(f"{found}: booked without a walk")
        elif booked[code] < steel[Sight.SURE]:
            wrong.append(f"{found}: walked without being booked")
    return wrong


def _consumed(
    books: Books, passages: Sequence[Passage], consumed: dict[str, int]
) -> list[str]:
    """The entries that the server says were used are those of who walked."""
    walked = _by_code(passages)
    wrong = []
    for code in walked.keys() | consumed.keys():
        if consumed.get(code, 0) < walked[code][Sight.SURE]:
            wrong.append(
                f"code #{code}: {_told(walked[code])},"
                f" {consumed.get(code, 0)} entries used"
            )
    used = sum(consumed.values())
    passed = sum(row.passed for row in books.requests.values())
    double = sum(persons for persons, _value in books.conflicts.values())
    if not passed - double <= used <= passed:
        wrong.append(f"{used} entries used, {passed} persons passed, {double} double")
    return wrong


def _by_code(passages: Sequence[Passage]) -> dict[str, Counter[Sight]]:
    walked: dict[str, Counter[Sight]] = defaultdict(Counter)
    for passage in passages:
        if passage.who:
            walked[digest(passage.who)][passage.sight] += 1
    return walked


def _told(walked: Counter[Sight]) -> str:
    return (
        f"{walked.total()} walked ({walked[Sight.UNSURE]} unsure,"
        f" {walked[Sight.LOST]} lost)"
    )
