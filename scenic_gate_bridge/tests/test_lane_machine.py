"""The lane's rules, one by one, with a real journal database."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from scenic_gate_bridge import refusals
from scenic_gate_bridge.drivers.base import (
    ALL_CAPS,
    Accepted,
    Alarm,
    AlarmKind,
    Caps,
    Fault,
    Fire,
    LinkDown,
    LinkUp,
    Noise,
    Passed,
    SteppedBack,
)
from scenic_gate_bridge.journal import JournalDb
from scenic_gate_bridge.lane_machine import LaneMachine, Phase
from scenic_gate_bridge.lane_words import (
    Allow,
    AllowFailed,
    AllowFailure,
    Ask,
    Counted,
    Decided,
    Input,
    LaneRules,
    Photograph,
    Rest,
    RestDone,
    ScanRead,
    SetEmergency,
    SetMode,
    Stop,
    Tick,
    Write,
)
from scenic_gate_bridge.model import (
    AfterCrash,
    Code,
    Decision,
    Direction,
    LaneDirection,
    LaneMode,
    ModeSource,
    Scan,
    Text,
    Verdict,
)

START = datetime(2026, 12, 1, tzinfo=UTC)


def admit(passes: int) -> Decision:
    return Decision(Verdict.ADMIT, "ADMIT", Text("in", "请进"), passes=passes)


class Bench:
    """A machine with a journal, driven by hand."""

    def __init__(self, **rules: Any) -> None:
        self.db = JournalDb(Path(":memory:"))
        self.machine = LaneMachine(
            LaneRules("L1", rules.pop("direction", LaneDirection.IN), **rules)
        )
        self.now = 0.0

    def __call__(self, event: Input, after: float = 0.0) -> list[Any]:
        self.now += after
        effects = self.machine.handle(event, self.now, START)
        kept = []
        for effect in effects:
            if isinstance(effect, Write):
                effect.work(self.db)
            else:
                kept.append(effect)
            if isinstance(effect, Ask):
                self.db.ask(effect.request_id, effect.scan, START)
        return kept

    def admit(self, passes: int = 1) -> str:
        """Scan and admit; the release is out and acknowledged."""
        scan = Scan("L1", Direction.IN, Code("CODE"), START)
        (ask,) = self(ScanRead(scan))
        (allow,) = self(Decided(ask.request_id, admit(passes)))
        self(Accepted())
        return str(ask.request_id)

    def events(self) -> list[tuple[object, object, object]]:
        return [
            (event["type"], event.get("count", 1), event.get("assumed", False))
            for event in (row.event for row in self.db.waiting(100))
            if not str(event["type"]).startswith("link")
        ]


@pytest.fixture
def bench() -> Any:
    benches: list[Bench] = []

    def make(**rules: Any) -> Bench:
        made = Bench(**rules)
        benches.append(made)
        made(LinkUp())
        return made

    yield make
    for made in benches:
        made.db.close()


def test_unanswered_release_is_taken_back_never_repeated(bench: Any) -> None:
    lane = bench()
    (ask,) = lane(ScanRead(Scan("L1", Direction.IN, Code("C"), START)))
    (allow,) = lane(Decided(ask.request_id, admit(1)))
    (rest,) = lane(AllowFailed(allow.ticket, AllowFailure.UNANSWERED))
    assert isinstance(rest, Rest)
    assert lane(RestDone(rest.ticket, True)) == []
    assert lane(Tick(), after=1.0) == []
    assert lane.events() == [("annulled", 1, False)]
    assert lane.machine.counters.revoked == 1


def test_report_and_lost_acknowledgement_count_as_the_pass(bench: Any) -> None:
    lane = bench()
    (ask,) = lane(ScanRead(Scan("L1", Direction.IN, Code("C"), START)))
    (allow,) = lane(Decided(ask.request_id, admit(1)))
    lane(Passed(Direction.IN))
    (rest,) = lane(AllowFailed(allow.ticket, AllowFailure.UNANSWERED))
    lane(Passed(Direction.IN))
    lane(RestDone(rest.ticket, True))
    assert lane.events() == [("passed", 1, False), ("tailgating", 1, False)]
    assert lane.machine.phase is Phase.IDLE


@pytest.mark.parametrize("refused", [False, True])
def test_report_before_the_answer_is_somebody_elses(bench: Any, refused: bool) -> None:
    """Forced through in the moment before the device took the release."""
    lane = bench()
    (ask,) = lane(ScanRead(Scan("L1", Direction.IN, Code("C"), START)))
    (allow,) = lane(Decided(ask.request_id, admit(1)))
    lane(Passed(Direction.IN))
    if refused:
        lane(AllowFailed(allow.ticket, AllowFailure.REFUSED))
    else:
        lane(Accepted())
    assert lane.events() == [("forced", 1, False)]
    assert lane.machine.outstanding == 1


def test_late_pass_counts_until_the_lane_has_settled(bench: Any) -> None:
    lane = bench()
    lane.admit()
    (rest,) = lane(Tick(), after=5.0)
    lane(RestDone(rest.ticket, True))
    lane(Passed(Direction.IN), after=0.9)
    assert lane.events() == [("passed", 1, False)]
    lane(Passed(Direction.IN), after=9)
    assert lane.events()[1:] == [("forced", 1, False)]


def test_noise_makes_the_timeout_unsure(bench: Any) -> None:
    for rule_name, end in (
        (AfterCrash.ASSUMED_PASSED, ("passed", 1, True)),
        (AfterCrash.ANNUL, ("annulled", 1, False)),
    ):
        lane = bench(after_crash=rule_name)
        lane.admit()
        lane(Noise())
        (rest,) = lane(Tick(), after=5.0)
        lane(RestDone(rest.ticket, True))
        lane(Tick(), after=1.0)
        assert lane.events() == [end]


def test_link_lost_while_open_leaves_the_pass_unsure(bench: Any) -> None:
    lane = bench()
    lane.admit(3)
    assert lane(LinkDown("unplugged")) == []
    assert lane.events() == [("passed", 1, True), ("annulled", 2, False)]


def test_release_that_cannot_be_taken_back_leaves_the_pass_unsure(bench: Any) -> None:
    lane = bench()
    lane.admit()
    (rest,) = lane(Tick(), after=5.0)
    lane(RestDone(rest.ticket, False))
    assert lane.events() == [("passed", 1, True)]


def test_late_member_of_a_group_ends_it(bench: Any) -> None:
    lane = bench()
    lane.admit(3)
    (rest,) = lane(Tick(), after=5.0)
    assert lane(Passed(Direction.IN)) == []
    lane(RestDone(rest.ticket, True))
    lane(Noise())
    lane(Tick(), after=1.0)
    assert lane.events() == [("passed", 1, False), ("annulled", 2, False)]


def test_stop_takes_the_release_back_at_once(bench: Any) -> None:
    lane = bench()
    lane.admit()
    (rest,) = lane(Stop())
    lane(RestDone(rest.ticket, True))
    lane(Tick(), after=1.0)
    assert lane.machine.finished
    assert lane.machine.counters.revoked == 1


@pytest.mark.parametrize("event", [SetEmergency(True), Stop(), LinkDown("gone")])
def test_release_acknowledged_too_late_is_taken_back(bench: Any, event: Input) -> None:
    lane = bench()
    (ask,) = lane(ScanRead(Scan("L1", Direction.IN, Code("C"), START)))
    lane(Decided(ask.request_id, admit(1)))
    assert lane(event) == []
    (rest,) = lane(Accepted())
    assert rest.free == lane.machine.wanted_rest


def test_group_interrupted_by_emergency_gives_the_rest_back(bench: Any) -> None:
    lane = bench()
    lane.admit(5)
    (allow,) = lane(Passed(Direction.IN))
    lane(Accepted())
    (rest,) = lane(SetEmergency(True))
    assert rest.free == frozenset(Direction)
    lane(RestDone(rest.ticket, True))
    lane(Tick(), after=1.0)
    assert lane.events() == [("passed", 1, False), ("emergency", 1, False),
                             ("annulled", 4, False)]  # fmt: skip
    assert lane(ScanRead(Scan("L1", Direction.IN, Code("D"), START))) == []
    assert lane.db.recent("L1", 1)[0].code == "EMERGENCY"
    lane(SetMode(LaneMode.LOCKED))
    assert lane.machine.wanted_rest == frozenset(Direction)
    (rest,) = lane(SetEmergency(False))
    assert rest.free == frozenset()


def test_waiting_scan_is_asked_in_its_turn_or_told_to_scan_again(bench: Any) -> None:
    lane = bench(queue_timeout=3.0)
    lane.admit()
    assert lane(ScanRead(Scan("L1", Direction.IN, Code("D"), START))) == []
    (ask,) = lane(Passed(Direction.IN), after=2.0)
    assert ask.scan.code == Code("D")
    lane(Decided(ask.request_id, refusals.OFFLINE))
    lane.admit()
    assert lane(ScanRead(Scan("L1", Direction.IN, Code("E"), START))) == []
    assert lane(Passed(Direction.IN), after=4.0) == []
    assert lane.db.recent("L1", 1)[0].code == "SCAN_AGAIN"


def test_pass_against_the_grant_is_wrong_direction(bench: Any) -> None:
    lane = bench(direction=LaneDirection.BOTH)
    lane.admit()
    lane(Passed(Direction.OUT))
    assert lane.events() == [("wrong_direction", 1, False)]
    assert lane.machine.outstanding == 1
    lane(Passed(Direction.IN))
    assert lane.machine.outstanding == 0


def test_exit_needs_exit_mode(bench: Any) -> None:
    assert bench(direction=LaneDirection.OUT, free_exit=True).machine.wanted_rest == {
        Direction.OUT
    }
    for free_exit, kind in ((True, "exit"), (False, "forced")):
        lane = bench(direction=LaneDirection.BOTH, free_exit=free_exit)
        lane(Passed(Direction.OUT))
        assert lane.events() == [(kind, 1, False)]


MODES = [
    (LaneMode.CONTROLLED, "forced", "wrong_direction", set()),
    (LaneMode.EXIT, "wrong_direction", "exit", {Direction.OUT}),
    (LaneMode.FREE, "entry", "wrong_direction", {Direction.IN}),
    (LaneMode.LOCKED, "forced", "wrong_direction", set()),
    (LaneMode.EMERGENCY, "entry", "exit", set(Direction)),
]


@pytest.mark.parametrize(("mode", "inwards", "outwards", "rest"), MODES)
def test_what_a_walk_is_in_each_mode(
    bench: Any, mode: LaneMode, inwards: str, outwards: str, rest: set[Direction]
) -> None:
    """At an entry lane; the server is told of the change and of the persons."""
    lane = bench()
    effects = lane(SetMode(mode, ModeSource.SCHEDULE))
    assert [effect.free for effect in effects] == ([rest] if rest else [])
    lane(Passed(Direction.IN))
    lane(Passed(Direction.OUT))
    told = [] if mode is LaneMode.CONTROLLED else ["mode"]
    assert [kind for kind, _c, _a in lane.events()] == [*told, inwards, outwards]
    if told:
        notes = [row.event["note"] for row in lane.db.waiting(9)]
        assert f"{mode} by schedule" in notes
    scan = Scan("L1", Direction.IN, Code("C"), START)
    asked = lane(ScanRead(scan))
    refused = {
        LaneMode.EXIT: "WRONG_DIRECTION",
        LaneMode.FREE: "LANE_FREE",
        LaneMode.LOCKED: "LANE_CLOSED",
        LaneMode.EMERGENCY: "EMERGENCY",
    }
    if mode is LaneMode.CONTROLLED:
        assert isinstance(asked[0], Ask)
    else:
        assert asked == []
        assert lane.db.recent("L1", 1)[0].code == refused[mode]


def test_emergency_of_the_server_is_not_ended_by_the_schedule(bench: Any) -> None:
    lane = bench()
    lane(SetMode(LaneMode.EMERGENCY))
    assert lane(SetMode(LaneMode.LOCKED, ModeSource.SCHEDULE, alone=True)) == []
    assert lane.machine.mode is LaneMode.EMERGENCY
    # but the server ends it, and may say that the schedule goes on
    (rest,) = lane(SetMode(LaneMode.EXIT, ModeSource.SCHEDULE))
    assert rest.free == {Direction.OUT}
    lane(SetMode(LaneMode.EMERGENCY))
    lane(SetEmergency(True))
    assert lane(SetMode(LaneMode.CONTROLLED)) == []
    assert lane.machine.wanted_rest == set(Direction)
    (rest,) = lane(SetEmergency(False))
    assert rest.free == set()


def test_change_of_mode_takes_a_release_back(bench: Any) -> None:
    """Within the time that a mode may take, whoever stands there; a late walk counts
    for its ticket all the same."""
    lane = bench()
    lane.admit(3)
    (rest,) = lane(SetMode(LaneMode.EXIT))
    assert rest.free == {Direction.OUT}
    lane(RestDone(rest.ticket, True))
    lane(Passed(Direction.IN))
    lane(Tick(), after=1.0)
    counters = lane.machine.counters
    assert (counters.completed, counters.revoked) == (1, 2)


def test_fire_stops_commands_and_is_told(bench: Any) -> None:
    lane = bench(direction=LaneDirection.BOTH)
    lane.admit()
    assert lane(Fire(True)) == []
    assert lane(Fire(True)) == []
    assert lane(SetMode(LaneMode.LOCKED)) == []
    assert lane(Tick(), after=1.0) == []
    lane(Passed(Direction.IN))
    lane(Passed(Direction.OUT))
    (rest,) = lane(Fire(False))
    assert rest.free == set()
    kinds = [kind for kind, _count, _assumed in lane.events()]
    assert kinds == [
        "fire", "mode", "annulled", "entry", "exit", "fire_over"
    ]  # fmt: skip
    assert (lane.machine.counters.came_in, lane.machine.counters.went_out) == (1, 1)


def test_release_that_a_fire_left_out_is_taken_back_after_it(bench: Any) -> None:
    lane = bench()
    lane.admit()
    lane(Fire(True))
    (rest,) = lane(Fire(False), after=0.5)
    assert rest.free == set()
    lane(Passed(Direction.IN))
    lane(RestDone(rest.ticket, True))
    assert [event[:2] for event in lane.events()] == [
        ("fire", 1), ("fire_over", 1), ("passed", 1)
    ]  # fmt: skip


def test_link_lost_with_a_release_that_a_fire_left_out_is_unsure(bench: Any) -> None:
    lane = bench()
    lane.admit()
    lane(Fire(True))
    lane(LinkDown("unplugged"), after=0.5)
    assert lane.events() == [("fire", 1, False), ("passed", 1, True)]


def test_without_a_sensor_each_pass_is_assumed_in_its_time(bench: Any) -> None:
    lane = bench(caps=ALL_CAPS & ~Caps.PASS_DONE)
    lane.admit(2)
    (rest,) = lane(Tick(), after=5.0)
    (allow,) = lane(RestDone(rest.ticket, True))
    assert isinstance(allow, Allow)
    lane(Accepted())
    (rest,) = lane(Tick(), after=5.0)
    assert lane(RestDone(rest.ticket, True)) == []
    assert lane.machine.phase is Phase.IDLE
    assert lane.events() == [("passed", 1, True)] * 2


def test_device_that_cannot_be_left_free_is_not_told_to(bench: Any) -> None:
    lane = bench(caps=Caps.PASS_DONE | Caps.FREE_OUT)
    (rest,) = lane(SetEmergency(True))
    assert rest.free == {Direction.OUT}


def test_alarms_and_faults_are_told_once(bench: Any) -> None:
    lane = bench()
    lane(Alarm(AlarmKind.PINCH))
    for on in (False, True, True, False):
        lane(Fault("beam blocked", on))
    lane(SteppedBack())
    kinds = [kind for kind, _count, _assumed in lane.events()]
    assert kinds == ["pinch", "fault", "fault_cleared"]
    assert lane.db.recent("L1", 1)[0].phase == "stepped_back"


def test_a_picture_is_named_by_its_alarm(bench: Any) -> None:
    lane = bench(camera=True)
    named = []
    for kind in AlarmKind:
        (photograph,) = lane(Alarm(kind))
        assert isinstance(photograph, Photograph)
        named.append((kind.value, photograph.reference))
    (photograph,) = lane(Passed(Direction.IN))
    named.append(("forced", photograph.reference))
    assert lane(Fault("beam blocked", True)) == []
    events = [row.event for row in lane.db.waiting(100)]
    told = [(event["type"], event["photo"]) for event in events if "photo" in event]
    assert told == named
    assert len(set(told)) == len(told)


def test_who_was_admitted_may_be_refused_after_all(bench: Any) -> None:
    lane = bench()
    (ask,) = lane(ScanRead(Scan("L1", Direction.IN, Code("C"), START)))
    assert lane(Decided(ask.request_id, admit(1), refusals.FINGER)) == []
    events = [row.event for row in lane.db.waiting(100)]
    assert [(event["type"], event.get("code")) for event in events[1:]] == [
        ("annulled", None),
        ("refused", "FINGER"),
    ]
    counters = lane.machine.counters
    assert (lane.machine.phase, counters.granted) == (Phase.IDLE, 0)
    assert lane.db.counts()[1] == 0


def test_persons_counted_by_hand(bench: Any) -> None:
    lane = bench(direction=LaneDirection.OUT, free_exit=True)
    lane(Counted(Direction.OUT, 5, "Li"))
    assert lane.events() == [("exit", 5, False)]
    assert lane.db.waiting(9)[-1].event["note"] == "Li"


def test_entry_and_exit_of_one_lane_are_kept_apart(bench: Any) -> None:
    lane = bench(direction=LaneDirection.BOTH, free_exit=True)
    lane.admit()
    lane(Passed(Direction.IN))
    for _ in range(2):
        lane(Passed(Direction.OUT))
    counters = lane.machine.counters
    assert (counters.came_in, counters.went_out, counters.exits) == (1, 2, 2)


def leaves(code: str = "CODE", answers: list[Decision] | None = None) -> ScanRead:
    answered = (answers if answers is not None else []).append
    return ScanRead(Scan("L1", Direction.OUT, Code(code), START, answered=answered))


def test_any_code_opens_an_exit_unasked_and_is_reported(bench: Any) -> None:
    lane = bench(direction=LaneDirection.OUT)
    answers: list[Decision] = []
    (allow,) = lane(leaves("no code at all", answers))
    assert allow == Allow(allow.ticket, Direction.OUT)
    assert [(a.verdict, a.code) for a in answers] == [(Verdict.ADMIT, "EXIT")]
    lane(Accepted())
    # the next one waits, and goes in its turn
    assert lane(leaves("NEXT")) == []
    (allow,) = lane(Passed(Direction.OUT))
    assert allow.direction is Direction.OUT
    lane(Accepted())
    lane(Passed(Direction.OUT))
    assert lane.events() == [("exit", 1, False), ("exit", 1, False)]
    shown = [row.event.get("credential") for row in lane.db.waiting(9)[1:]]
    assert shown == [
        {"kind": "auto", "value": "no code at all"},
        {"kind": "auto", "value": "NEXT"},
    ]
    counters = lane.machine.counters
    assert (counters.granted, counters.completed, counters.went_out) == (2, 2, 2)
    assert counters.exits == 0


def test_nobody_who_waits_is_released_on_a_line_just_lost(bench: Any) -> None:
    """The command that failed knows before the driver tells."""
    lane = bench(direction=LaneDirection.OUT)
    answers: list[Decision] = []
    (allow,) = lane(leaves())
    lane(leaves("NEXT", answers))
    assert lane(AllowFailed(allow.ticket, AllowFailure.LOST)) == []
    assert [answer.code for answer in answers] == ["LANE_FAULT"]
    lane(LinkDown("unplugged"))
    lane(LinkUp())
    kinds = [event["type"] for event in (row.event for row in lane.db.waiting(9))]
    assert kinds.count("link_down") == 1 and kinds.count("link_up") == 2
    (allow,) = lane(leaves("AGAIN"))
    assert allow.direction is Direction.OUT


def test_who_did_not_leave_is_not_reported(bench: Any) -> None:
    lane = bench(direction=LaneDirection.BOTH)
    lane(leaves())
    lane(Accepted())
    (rest,) = lane(Tick(), after=5.0)
    lane(RestDone(rest.ticket, True))
    lane(Tick(), after=1.0)
    assert lane.events() == []
    assert lane.machine.counters.timed_out == 1
    assert lane.db.recent("L1", 1)[0].phase == "annulled"


@pytest.mark.parametrize("mode", sorted(set(LaneMode) - {LaneMode.CONTROLLED}))
def test_a_code_does_nothing_where_no_ticket_counts(bench: Any, mode: LaneMode) -> None:
    lane = bench(direction=LaneDirection.OUT)
    lane(SetMode(mode))
    answers: list[Decision] = []
    assert lane(leaves(answers=answers)) == []
    assert [answer.verdict for answer in answers] == [Verdict.DENY]
    assert lane.machine.counters.granted == 0


def test_clock_jump_changes_no_deadline(bench: Any) -> None:
    lane = bench()
    lane.admit()
    for year in (1970, 2100):
        jumped = START.replace(year=year)
        assert lane.machine.handle(Tick(), lane.now + 1.0, jumped) == []
    assert lane.machine.phase is Phase.OPEN
