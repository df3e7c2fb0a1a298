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
bridge's list; nothing else may pass without an entry, but who was counted out with the
code and comes in again.

A bridge that asks a site server reports to it under ids of its own; the site server
hands its facts on under other ones, which are made of them. So its journal, that of the
site server and the server are compared row by row as well.

Whoever shows a code at an exit is booked on it: steel, journal and server are compared
by code. Any code opens an exit, and a reader on a harmed line may have read another.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..model import Direction
from .books import GOOD, Books, ServerBooks, digest
from .park import Passage, Sight

SEEN = ("exit", "forced", "tailgating", "wrong_direction", "entry")


@dataclass(slots=True)
class LaneTotals:
    """One line of the table, in persons."""

    granted: int = 0
    local: int = 0
    unsynced: int = 0
    again: int = 0
    passed: int = 0
    assumed: int = 0
    given_back: int = 0
    consumed: int = 0
    double: int = 0
    events: int = 0
    exits: int = 0
    by_code: int = 0
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
            "unsynced",
            "again",
            "passed",
            "assumed",
            "given back",
            "consumed",
            "double",
            "events",
            "exits",
            "by code",
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


def reconcile(
    journals: Sequence[Path],
    server: ServerBooks | None,
    lanes: Iterable[str],
    passages: Sequence[Passage] | None = None,
    consumed: dict[str, int] | None = None,
    clients: Mapping[str, Path] | None = None,
) -> Reconciliation:
    """Compare everything. `clients`: by name, the journals of bridges that ask one of
    the others, their site server. Without `passages` the steel is left out; without
    `server` only what it answered to each fact is looked at, and how many entries of
    each ticket it says were `consumed` (digest of the code: entries), if that is known.
    """
    books = Books()
    for name, journal in (clients or {}).items():
        books.read(journal, name)
    for journal in journals:
        books.read(journal)
    totals = {code: LaneTotals() for code in lanes}
    wrong = books.clashes + _requests(books, totals) + _events(books, totals)
    wrong += _let_out(books, totals)
    if server is not None:
        wrong += [f"server: {trouble}" for trouble in server.troubles]
        wrong += _at_server(books, server, totals) + _tickets(server)
        wrong += _double(books, server)
    if passages is not None:
        wrong += _at_lanes(books, totals, passages)
    if passages is not None and server is not None:
        wrong += _codes(books, passages, server)
        wrong += _left(passages, server)
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
        lane.unsynced += row.passes if row.alone else 0
        lane.again += row.passes if row.again else 0
        lane.passed += row.passed
        lane.assumed += row.told_assumed
        lane.given_back += row.annulled
        found = f"request {request_id} at {row.lane}: {row}"
        if row.state in ("asking", "authorised", "opening"):
            wrong.append(f"{found}: not finished")
        elif row.passes != row.passed + row.annulled:
            wrong.append(f"{found}: the journal does not add up")
        elif not row.is_told_right:
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
        elif answer not in GOOD and (
            event["type"] != "admitted" or event_id not in books.conflicts
        ):
            wrong.append(f"{name}: the server answered {answer}")
        lane.events += answer is not None
        if event["type"] == "exit":
            lane.exits += event["count"]
        elif event["type"] in SEEN:
            lane.alarms += 1
    return wrong


def _let_out(books: Books, totals: dict[str, LaneTotals]) -> list[str]:
    """Whoever was let out by a code is told as an exit, if he went."""
    wrong, passed = [], Counter[str]()
    for lane, state, passes, went, stayed in books.letting_out:
        passed[lane] += went
        if state == "opening" or passes != went + stayed:
            wrong.append(f"exit at {lane}: {state}, {went} of {passes} went")
    told = books.left_by_code()
    for lane in passed:
        totals[lane].by_code += passed[lane]
        if told[lane] != passed[lane]:
            wrong.append(
                f"lane {lane}: {passed[lane]} left by a code, {told[lane]} were told"
            )
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
        elif (
            there.passed != row.passed
            or (not row.annulled_all and there.annulled != row.annulled)
            or (row.passes and there.again not in (None, row.again))
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
    """Entries consumed = persons passed less those let in twice or again, and none
    twice."""
    passed: Counter[str] = Counter()
    used: Counter[str] = Counter()
    double: Counter[str] = Counter()
    for admission in server.admissions.values():
        passed[admission.ticket] += 0 if admission.again else admission.passed
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
            # who was assumed to have left was not seen
            seen[event["lane"]] += 0 if event.get("assumed") else event.get("count", 1)
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
    passed = sum(row.passed for row in books.requests.values() if not row.again)
    double = sum(persons for persons, _value in books.conflicts.values())
    if not passed - double <= used <= passed:
        wrong.append(f"{used} entries used, {passed} persons passed, {double} double")
    return wrong


def _left(passages: Sequence[Passage], server: ServerBooks) -> list[str]:
    """Who walked out on the release of a code is who was counted out by it."""
    if server.left is None:
        return []
    walked = _by_code(passages, Direction.OUT)
    misread: Counter[str] = Counter()
    for passage in passages:
        if passage.who and passage.direction is Direction.OUT and passage.misread:
            misread[digest(passage.who)] += 1
    wrong, other = [], 0
    for code in walked.keys() | server.left.keys():
        left, assumed = server.left.get(code, (0, 0))
        if code not in walked:
            # what a reader made of another code, unless nobody walked
            other += left - assumed
            continue
        steel = walked[code]
        if not (
            steel[Sight.SURE] - misread[code] <= left
            and left - assumed <= steel[Sight.SURE] + steel[Sight.UNSURE]
        ):
            wrong.append(
                f"code #{code}: {_told(steel)}, {misread[code]} perhaps misread;"
                f" {left} counted out ({assumed} assumed)"
            )
    if other > misread.total():
        wrong.append(
            f"{other} persons left by codes that nobody showed, only"
            f" {misread.total()} were perhaps misread"
        )
    return wrong


def _by_code(
    passages: Sequence[Passage], direction: Direction = Direction.IN
) -> dict[str, Counter[Sight]]:
    walked: dict[str, Counter[Sight]] = defaultdict(Counter)
    for passage in passages:
        if passage.who and passage.direction is direction:
            walked[digest(passage.who)][passage.sight] += 1
    return walked


def _told(walked: Counter[Sight]) -> str:
    return (
        f"{walked.total()} walked ({walked[Sight.UNSURE]} unsure,"
        f" {walked[Sight.LOST]} lost)"
    )
