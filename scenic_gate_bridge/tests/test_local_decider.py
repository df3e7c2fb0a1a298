"""The rule of entry, played through the local decider on a journal in memory."""

from __future__ import annotations

from contextlib import closing, nullcontext
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from local_world import (
    DAY,
    at,
    component,
    config,
    limited,
    lookup,
    qr,
    right,
    stamp,
    ticket,
)
from scenic_gate_bridge.journal import JournalDb, JournalUnwritable
from scenic_gate_bridge.local import LocalDecider, Outcome, Read, ReadKind
from scenic_gate_bridge.model import Direction

TOMORROW = DAY + timedelta(days=1)


class Park:
    """A decider with tickets; `scan` decides on the code of a ticket."""

    def __init__(self, *tickets: dict[str, Any], **values: Any) -> None:
        self.decider = LocalDecider.in_memory()
        self.decider.load_config(values or config())
        self.decider.load_feed(tickets or (ticket(),))

    def scan(
        self, code: str | int = 1, now: datetime | None = None, lane: str = "L1"
    ) -> Outcome:
        value = qr(code) if isinstance(code, int) else code
        read = self.decider.read("auto", value)
        if value.startswith("IC"):
            read = Read(ReadKind.IC_CARD, lookup(value))
        return self.decider.decide(read, lane, Direction.IN, now or at())

    def code(self, *scan: Any, **more: Any) -> str:
        return self.scan(*scan, **more).decision.code

    def enter(self, *scan: Any, **more: Any) -> Outcome:
        """Scan and walk through, everybody who is let in."""
        outcome = self.scan(*scan, **more)
        assert outcome.decision.code == "ADMIT"
        now = more.get("now") or at()
        self.decider.passed(outcome.request_id, outcome.decision.passes, now)
        return outcome


def test_one_entry_opens_once() -> None:
    park = Park()
    first = park.scan()
    assert (first.decision.code, first.decision.passes) == ("ADMIT", 1)
    assert first.decision.text.zh == "欢迎光临"
    assert park.code() == "IN_USE"
    park.decider.passed(first.request_id, 1, at())
    used = park.scan()
    assert used.decision.code == "USED"
    assert (
        used.decision.text.en == "Already used on 2026-12-01 09:00 at Gate 1, Lane L1"
    )
    assert park.code(now=at("23:59:59")) == "USED"


def test_annulled_entries_come_back() -> None:
    park = Park()
    first = park.scan()
    park.decider.annulled(first.request_id, None, at())
    assert park.code() == "ADMIT"


def test_a_repeat_gets_the_first_answer() -> None:
    park = Park()
    read = park.decider.read("auto", qr(1))
    first = park.decider.decide(read, "L1", Direction.IN, at(), "r1")
    again = park.decider.decide(read, "L1", Direction.IN, at(), "r1")
    assert not first.repeat
    assert again.repeat
    assert again.decision == first.decision
    assert park.decider.store.own(1).held == 1


@pytest.mark.parametrize(
    ("code", "values", "rights"),
    [
        ("REFUNDED", {"state": "refunded"}, {}),
        ("VOID", {"state": "void"}, {}),
        ("FROZEN", {"state": "frozen"}, {}),
        ("NOT_PAID", {"state": "held"}, {}),
        ("EXPIRED", {"state": "expired"}, {}),
        ("MEDIUM_FROZEN", {"media": [[lookup(qr(1)), "qr", "frozen"]]}, {}),
        ("VOID", {"media": [[lookup(qr(1)), "qr", "replaced"]]}, {}),
        ("VISITOR_BLOCKED", {"blocked": {"from": str(DAY), "until": None}}, {}),
        ("USED", {}, {"used": 1}),
        ("IN_USE", {}, {"held": 1}),
        ("REFUNDED", {}, {"refunded": 1}),
        ("NOT_YET_VALID", {}, {"from": stamp(at("00:00:00", TOMORROW))}),
        ("TOO_EARLY", {}, {"from": stamp(at("09:00:01"))}),
        ("SLOT_NOT_YET", {"slotted": True}, {"from": stamp(at("09:00:01"))}),
        ("TOO_LATE", {}, {"to": stamp(at("09:00:00"))}),
        ("SLOT_OVER", {"slotted": True}, {"to": stamp(at("09:00:00"))}),
        ("EXPIRED", {}, {"to": stamp(at("00:00:00"))}),
        ("WRONG_DAY", {}, {"weekdays": 127 - 2}),
        ("TOO_EARLY", {}, {"minute_from": 541}),
        ("TOO_LATE", {}, {"minute_to": 540}),
        ("STAFF_HOURS", {"kind": "staff"}, {"minute_to": 540}),
        ("STAFF_LANE", {"kind": "staff", "staff_lanes": ["L2"]}, {"unlimited": True}),
        ("WRONG_SITE", {}, {"site": 2, "component": 2}),
    ],
)
def test_refusals(code: str, values: dict[str, Any], rights: dict[str, Any]) -> None:
    refused = Park(ticket(**values, rights=[right(**rights)])).scan()
    assert refused.decision.code == code
    assert refused.decision.passes == 0
    assert refused.decision.text.zh
    assert "%" not in refused.decision.text.en + refused.decision.remedy.en


@pytest.mark.parametrize(
    ("values", "rights"),
    [
        ({"blocked": {"from": str(TOMORROW), "until": None}}, {}),
        ({}, {"from": stamp(at("09:00:00"))}),
        ({}, {"to": stamp(at("09:00:00") + timedelta(microseconds=1))}),
        ({}, {"weekdays": 2}),
        ({}, {"minute_from": 540, "minute_to": 541}),
        ({"kind": "staff", "staff_lanes": ["L1"]}, {"unlimited": True}),
    ],
)
def test_their_neighbours(values: dict[str, Any], rights: dict[str, Any]) -> None:
    assert Park(ticket(**values, rights=[right(**rights)])).code() == "ADMIT"


def test_codes_that_are_not_ours() -> None:
    park = Park()
    forged = qr(1)[:-2] + "AA"
    assert park.code(forged) == "FORGED"
    assert park.code(qr(1, site="OTHER")) == "FORGED"
    assert park.code("hello") == "UNKNOWN"
    assert park.code("1" * 22) == "UNKNOWN"
    assert park.code(lane="L9") == "LANE_UNKNOWN"
    assert park.code(lane="X1") == "WRONG_DIRECTION"


def test_a_group_comes_in_parts() -> None:
    park = Park(ticket(persons=5, rights=[right(total=5)]))
    group = park.scan()
    assert group.decision.passes == 5
    park.decider.passed(group.request_id, 3, at())
    park.decider.annulled(group.request_id, None, at())
    rest = park.scan()
    assert (rest.decision.code, rest.decision.passes) == ("ADMIT", 2)


def test_reentry_on_the_same_day() -> None:
    park = Park(**config(components=[component(reentry="same_day", has_rules=True)]))
    park.enter()
    again = park.enter()
    assert again.facts.again
    assert again.decision.text.en == "Welcome back"
    assert park.code(now=at("09:00:00", TOMORROW)) == "USED"


def test_reentry_after_an_exit() -> None:
    park = Park(**config(components=[component(reentry="after_exit", has_rules=True)]))
    park.enter()
    assert park.code() == "INSIDE"
    park.decider.exit("X1", at("10:00:00"), 1, {"kind": "auto", "value": qr(1)})
    assert park.scan(now=at("10:01:00")).facts.again


def test_anti_passback_daily_and_minutes() -> None:
    card = ticket(
        1,
        "IC:A0B1",
        kind="member",
        visit_date=None,
        rights=[right(unlimited=True, daily=2)],
    )
    rules = config(
        components=[component(antipassback="hard", reentry_minutes=10, has_rules=True)]
    )
    park = Park(card, **rules)
    shown = {"kind": "ic_card", "value": "a0-b1"}
    park.enter("IC:A0B1")
    assert park.code("IC:A0B1", at("09:09:59")) == "TOO_SOON"
    assert park.code("IC:A0B1", at("09:10:00")) == "INSIDE"
    park.decider.exit("X1", at("09:11:00"), 1, shown)
    park.enter("IC:A0B1", now=at("09:12:00"))
    park.decider.exit("X1", at("09:13:00"), 1, shown)
    assert park.code("IC:A0B1", at("10:00:00")) == "DAILY_USED"


def test_sequence_and_choice() -> None:
    both = [right(1), right(2, site=2, component=2)]
    ordered = [component(1), component(2, 2, in_sequence=True, has_rules=True)]
    park = Park(ticket(rights=both), **config(components=ordered))
    first = park.scan(lane="M1")
    assert first.decision.code == "OUT_OF_SEQUENCE"
    assert first.decision.text.en == "First comes Place 1"
    park.enter()
    assert park.code(lane="M1") == "ADMIT"

    either = [component(n, n, choice=1, has_rules=True) for n in (1, 2)]
    park = Park(ticket(rights=both), **config(components=either))
    park.enter(lane="M1")
    assert park.code() == "CHOICE_USED"


def test_the_time_after_the_first_entry() -> None:
    combo = [component(1), component(2, 2, minutes_from_first=60, has_rules=True)]
    both = [right(1), right(2, site=2, component=2)]
    park = Park(ticket(rights=both), **config(components=combo))
    park.enter()
    assert park.code(lane="M1", now=at("10:00:00")) == "FIRST_USE_OVER"
    assert park.code(lane="M1", now=at("09:59:59")) == "ADMIT"


def test_reservations_and_hours() -> None:
    made = config()
    made["sites"][0]["days"][str(DAY)] = {"open": [480, 1020], "reservation": "slot"}
    slot = {"site": 1, "day": str(DAY), "from": stamp(at("10:00:00"))}
    slot |= {"to": stamp(at("11:00:00"))}
    year = right(unlimited=True, to=stamp(at("00:00:00", date_after(300))))
    card: dict[str, Any] = {"kind": "member", "visit_date": None, "rights": [year]}
    assert Park(ticket(**card), **made).code() == "RESERVATION_NEEDED"
    park = Park(ticket(**card, reservations=[slot]), **made)
    assert park.code(now=at("07:59:00")) == "TOO_EARLY"
    early = park.scan()
    assert early.decision.code == "SLOT_NOT_YET"
    assert early.decision.text.en == "Your time slot admits from 10:00"
    assert park.code(now=at("10:00:00")) == "ADMIT"
    park = Park(ticket(**card, reservations=[slot]), **made)
    assert park.code(now=at("11:00:00")) == "SLOT_OVER"
    assert park.code(now=at("17:00:00")) == "TOO_LATE"
    made["sites"][0]["days"][str(DAY)] = {"open": [], "reservation": "none"}
    assert Park(ticket(**card), **made).code() == "CLOSED_TODAY"
    rule = {"id": 5, "days_from_first": None, "blackout": [blackout()]}
    dark = right(unlimited=True, rule=5, to=stamp(at("00:00:00", date_after(300))))
    shut = Park(ticket(**card | {"rights": [dark]}), **config(rules=[rule])).scan()
    assert shut.decision.code == "BLACKOUT"
    assert shut.decision.text.zh == "今天不可用：春节"


def date_after(days: int) -> Any:
    return DAY + timedelta(days=days)


def blackout() -> dict[str, Any]:
    return {"from": str(DAY), "to": str(DAY), "reason": {"en": "Feast", "zh": "春节"}}


def test_a_card_with_several_tickets_prefers_the_fresh_one() -> None:
    family = [
        ticket(number, "IC1", booking=1, rights=[right(number)]) for number in (1, 2)
    ]
    rules = config(components=[component(reentry="same_day", has_rules=True)])
    park = Park(*family, **rules)
    assert park.enter("IC1").facts.ticket == "0000000001"
    second = park.enter("IC1")
    assert (second.facts.ticket, second.facts.again) == ("0000000002", False)
    assert "ticket 0000000002" in second.decision.text.en
    assert park.enter("IC1").facts.again


def test_room_inside_and_its_return() -> None:
    park = Park(*(ticket(number) for number in (1, 2, 3, 4)), **limited())
    one, _two = park.enter(1), park.scan(2)
    assert park.code(3) == "PARK_FULL"
    park.decider.annulled(_two.request_id, None, at())
    assert park.code(3) == "ADMIT"
    park.decider.exit("X1", at())
    assert park.code(4) == "ADMIT"
    assert park.code(1, at("08:59:00", TOMORROW)) == "USED"
    assert one.facts.left == 0


@pytest.mark.parametrize("company", [False, True])
def test_who_came_in_by_a_step_that_failed_is_not_inside(
    tmp_path: Path, company: bool
) -> None:
    """The counts are kept in memory beside the table."""
    with closing(JournalDb(tmp_path / "journal.sqlite")) as db:
        db.local.load_config(limited(capacity=1))
        db.local.load_feed([ticket(1)])
        with (
            pytest.raises(JournalUnwritable) if company else nullcontext(),
            db.together() if company else nullcontext(),
            pytest.raises(ZeroDivisionError),
            db.transaction(),
        ):
            db.local.reported("entry", "L1", Direction.IN, None, 1, at(), None)
            assert db.local.people_inside(at()) == {1: (1, 0)}
            raise ZeroDivisionError
        assert db.local.people_inside(at()) == {1: (0, 0)}
        read = db.local.read("auto", qr(1))
        assert db.local.decide(read, "L1", Direction.IN, at()).decision.code == "ADMIT"
        assert db.local.people_inside(at()) == {1: (0, 1)}


def test_staff_who_leave_make_no_room() -> None:
    made = limited(capacity=1)
    card = ticket(2, "IC:A0B1", kind="staff", rights=[])
    park = Park(ticket(1), card, **made)
    park.enter()
    park.decider.exit("X1", at(), 1, {"kind": "ic_card", "value": "A0B1"})
    assert park.decider.people_inside(at()) == {1: (1, 0)}
    park.decider.exit("X1", at(), 1, {"kind": "auto", "value": "no code at all"})
    assert park.decider.people_inside(at()) == {1: (0, 0)}


def test_an_alert_level_stops_entry() -> None:
    level = {"en": "Crowded", "zh": "拥挤"}
    park = Park(ticket(1), ticket(2), **limited(capacity=5, stop_at=1, level=level))
    park.enter(1)
    stopped = park.scan(2)
    assert stopped.decision.code == "ENTRY_STOPPED"
    assert "Crowded" in stopped.decision.text.en


def test_a_genuine_qr_that_is_not_in_the_copy() -> None:
    park = Park()
    assert park.enter(qr(77)).facts.ticket == "0000000077"
    assert park.code(qr(77)) == "USED"
    assert park.code(qr(78, first=TOMORROW)) == "UNKNOWN"
    assert park.code(qr(78, product=8)) == "UNKNOWN"
    assert park.code(qr(78, span=255)) == "UNKNOWN"
    assert park.scan(qr(79, persons=9)).decision.passes == 2  # of the 3 permitted
    assert park.code(qr(80)) == "OFFLINE"
    # its ticket comes with the feed: what it did is not forgotten
    park.decider.load_feed([ticket(77)])
    assert park.code(qr(77)) == "USED"


def test_a_blank_that_a_till_sold_offline() -> None:
    """It opens once before its sale is told, by copy or code, and not again after."""
    lent = ticket(5, rights=[right(5, value="0.00")])
    park = Park(lent)
    park.enter(5)
    assert park.code(5) == "USED"
    # its sale arrives: another booking, and a price
    sold = lent | {"booking": 99, "rights": [right(5, value="80.00")]}
    park.decider.load_feed([sold])
    assert park.code(5) == "USED"
    # lent since the last sync: the signature is the proof
    park.enter(6)
    park.decider.load_feed([ticket(6, rights=[right(6, value="0.00")])])
    assert park.code(6) == "USED"
    # given back unsold: the paper that somebody kept opens nothing
    gone = ticket(7, state="void", media=[[lookup(qr(7)), "qr", "ended"]])
    park.decider.load_feed([gone])
    assert park.code(7) == "VOID"


def test_a_code_alone_is_booked_on_the_right_that_the_server_takes() -> None:
    """Of two at one place the one that ends first, when the ticket comes."""
    park = Park()
    park.enter(5)
    evening = {"to": stamp(at("20:00:00"))}
    park.decider.load_feed([ticket(5, rights=[right(51), right(52, **evening)])])
    assert park.decider.store.own(52).used == 1
    assert park.enter(5).decision.right == 51
    assert park.code(5) == "USED"


def test_a_newer_medium_of_a_known_ticket() -> None:
    park = Park()
    park.enter(qr(1, issue=1))
    assert park.code() == "USED"


def test_what_others_did_counts() -> None:
    today = {"day": str(DAY), "used": 1, "entered": 1, "gone": 0}
    others = today | {"last": stamp(at("08:55:00"))}
    card: dict[str, Any] = {"kind": "member", "visit_date": None}
    recent = [[others["last"], 1]]
    full = right(unlimited=True, used=1, today=others, recent=recent)
    rules = config(components=[component(reentry_minutes=10, has_rules=True)])
    park = Park(ticket(**card, rights=[full]), **rules)
    assert park.code() == "TOO_SOON"
    assert park.code(now=at("09:05:00")) == "ADMIT"


def test_the_clock_guard() -> None:
    park = Park(ticket(1), ticket(2))
    park.enter(1, now=at("09:00:00"))
    assert park.code(2, now=at("08:57:59")) == "CLOCK"
    assert park.code(2, now=at("08:58:00")) == "ADMIT"
