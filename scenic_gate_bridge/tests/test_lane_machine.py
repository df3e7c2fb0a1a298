"""The lane's rules against a device and people that do whatever they like.

The machine runs with a real journal database. Beside it stands a model of the steel: a
release that is or is not obeyed, persons who walk, push or stand still, a line that
loses reports, and a process that dies.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

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
from scenic_gate_bridge.lane_machine import (
    Allow,
    AllowFailed,
    AllowFailure,
    Ask,
    Counted,
    Decided,
    Input,
    LaneMachine,
    LaneRules,
    Phase,
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


DISTURBANCES: list[Input | str] = [
    "link",
    "link",
    "crash",
    SetMode(LaneMode.CONTROLLED),
    SetMode(LaneMode.LOCKED),
    SetMode(LaneMode.FREE),
    SetMode(LaneMode.EXIT),
    SetMode(LaneMode.EMERGENCY),
    SetMode(LaneMode.LOCKED, ModeSource.SCHEDULE),
    SetMode(LaneMode.LOCKED, ModeSource.SCHEDULE, alone=True),
    SetEmergency(True),
    SetEmergency(False),
    Fire(True),
    Fire(False),
    Noise(),
]


class LaneModel(RuleBasedStateMachine):
    """The lane, its journal, its device and its visitors."""

    def __init__(self) -> None:
        super().__init__()
        self.db = JournalDb(Path(":memory:"))
        self.now = 100.0
        self.link = False
        self.credit: tuple[Direction, str] | None = None
        self.free: frozenset[Direction] = frozenset()
        self.asks: list[str] = []
        self.commands: list[tuple[Allow | Rest, str, bool]] = []
        self.really_passed: Counter[str] = Counter()
        self.allowed: Counter[str] = Counter()
        self.passes: dict[str, int] = {}
        self.scans = 0

    def teardown(self) -> None:
        if hasattr(self, "machine"):
            self.finish()
        self.db.close()

    @initialize(
        direction=st.sampled_from(LaneDirection),
        free_exit=st.sampled_from([False, False, False, True]),
        after_crash=st.sampled_from(AfterCrash),
        link=st.sampled_from([True, True, True, False]),
    )
    def begin(
        self,
        direction: LaneDirection,
        free_exit: bool,
        after_crash: AfterCrash,
        link: bool,
    ) -> None:
        free_exit = free_exit and direction is not LaneDirection.IN
        self.lane_rules = LaneRules(
            "L1", direction, free_exit=free_exit, after_crash=after_crash
        )
        self.boot()
        if link:
            self.link_comes()

    def boot(self) -> None:
        state = self.db.lane_states().get("L1")
        self.machine = LaneMachine(
            self.lane_rules,
            mode=state.mode if state else LaneMode.CONTROLLED,
            emergency=state.emergency if state else False,
        )
        self.wanted_at_link = self.machine.commanded_rest
        self.before_boot = self.rows("SELECT total(passed) FROM journal")[0][0]
        self.asks, self.commands = [], []
        self.link = False

    # -- carrying out ------------------------------------------------------------------

    def feed(self, event: Input) -> None:
        at = START + timedelta(seconds=self.now)
        for effect in self.machine.handle(event, self.now, at):
            match effect:
                case Write(work):
                    work(self.db)
                case Ask(request_id, scan):
                    assert self.machine.mode is LaneMode.CONTROLLED
                    assert not self.machine.in_emergency
                    assert not self.machine.fire
                    assert not self.machine.stopping
                    assert scan.direction is Direction.IN, "people may always leave"
                    self.db.ask(request_id, scan, at)
                    self.asks.append(request_id)
                case Allow(_ticket, direction):
                    self.check_allow(direction)
                    request_id = self.current()
                    self.allowed[request_id] += 1
                    self.commands.append((effect, request_id, False))
                case Rest(_ticket, free):
                    assert not self.machine.fire, "commands stop in a fire"
                    assert free == self.machine.commanded_rest
                    self.wanted_at_link = free
                    self.commands.append((effect, "", False))
        assert len(self.asks) <= 1

    def current(self) -> str:
        rows = self.rows("SELECT request_id FROM journal WHERE state = 'opening'")
        assert len(rows) == 1
        return str(rows[0][0])

    def check_allow(self, direction: Direction) -> None:
        """The journal already says so, and nothing else may be open."""
        assert self.machine.link
        assert self.machine.mode is LaneMode.CONTROLLED
        assert not self.machine.emergency
        assert not self.machine.fire
        assert not any(isinstance(command, Allow) for command, _r, _e in self.commands)
        resting = any(isinstance(command, Rest) for command, _r, _e in self.commands)
        assert self.credit is None or resting
        ((issued, passed, passes, way),) = self.rows(
            "SELECT issued, passed, passes, direction FROM journal"
            " WHERE state = 'opening'"
        )
        assert issued == passed + 1 <= passes
        assert way == direction

    def rows(self, statement: str, *values: Any) -> list[Any]:
        return self.db._con.execute(statement, values).fetchall()

    # -- visitors and the server -------------------------------------------------------

    @rule(data=st.data())
    def scan(self, data: st.DataObject) -> None:
        served = sorted(self.lane_rules.direction.served)
        direction = data.draw(st.sampled_from(served))
        if self.lane_rules.free_exit and direction is Direction.OUT:
            return
        self.scans += 1
        code = Code(f"CODE{self.scans}")
        self.feed(ScanRead(Scan("L1", direction, code, START)))

    @precondition(lambda self: self.machine.phase is Phase.IDLE)
    @rule(
        passes=st.sampled_from([1, 2, 4]),
        upto=st.sampled_from(["asked", "sent", "accepted"]),
        outwards=st.booleans(),
    )
    def visitor_comes(self, passes: int, upto: str, outwards: bool) -> None:
        """The everyday beginning, in one step, so that what comes after it is tried
        often: the lane works by ticket, a code is admitted, the release is out."""
        if not self.link:
            self.link_comes()
        self.feed(Fire(False))
        self.feed(SetEmergency(False))
        self.feed(SetMode(LaneMode.CONTROLLED))
        while self.commands:
            self.device_answers(None, True)
        served = self.lane_rules.direction.served - self.machine.wanted_rest
        if not served:
            return
        self.scans += 1
        if not self.asks:
            code = Code(f"CODE{self.scans}")
            way = Direction.OUT if outwards and Direction.OUT in served else min(served)
            self.feed(ScanRead(Scan("L1", way, code, START)))
        if upto != "asked" and self.asks:
            self.answer(admit(passes))
        if upto == "accepted":
            self.device_answers(None, True)

    @precondition(lambda self: self.asks)
    @rule(
        decision=st.sampled_from(
            [admit(1), admit(1), admit(3), refusals.OFFLINE_UNSURE, refusals.OFFLINE]
        )
    )
    def answer(self, decision: Decision) -> None:
        request_id = self.asks.pop()
        if decision.verdict is Verdict.ADMIT:
            self.passes[request_id] = decision.passes
        self.feed(Decided(request_id, decision))
        # an answer that comes twice changes nothing
        before = self.snapshot()
        self.feed(Decided(request_id, admit(1)))
        assert self.snapshot() == before

    def snapshot(self) -> Any:
        return self.rows("SELECT * FROM journal"), self.rows("SELECT id FROM outbox")

    # -- the device --------------------------------------------------------------------

    def head(self) -> Allow | Rest | None:
        return self.commands[0][0] if self.commands else None

    @precondition(lambda self: self.link and isinstance(self.head(), Allow))
    @rule()
    def releases_before_it_answers(self) -> None:
        command, request_id, done = self.commands[0]
        assert isinstance(command, Allow)
        if not done:
            self.release(command.direction, request_id)
            self.commands[0] = (command, request_id, True)

    def release(self, direction: Direction, request_id: str) -> None:
        assert self.credit is None, "two releases at once"
        self.credit = (direction, request_id)

    @precondition(lambda self: self.link and self.commands)
    @rule(
        failure=st.sampled_from(
            [None, None, AllowFailure.REFUSED, AllowFailure.UNANSWERED]
        ),
        obeyed=st.booleans(),
    )
    def device_answers(self, failure: AllowFailure | None, obeyed: bool) -> None:
        command, request_id, done = self.commands.pop(0)
        if isinstance(command, Rest):
            self.credit = None
            self.free = command.free
            self.feed(RestDone(command.ticket, True))
            return
        if done:
            # it had obeyed, so its answer was before what came since, and was lost
            failure = AllowFailure.UNANSWERED
        elif failure is None or (obeyed and failure is AllowFailure.UNANSWERED):
            self.release(command.direction, request_id)
        if failure is None:
            self.feed(Accepted())
        else:
            self.feed(AllowFailed(command.ticket, failure))

    def link_goes(self, obeyed: bool, told_first: bool) -> None:
        self.link = False
        if told_first:
            self.feed(LinkDown("unplugged"))
        self.fail_commands(obeyed)
        if not told_first:
            self.feed(LinkDown("unplugged"))
            self.fail_commands(False)

    def fail_commands(self, obeyed: bool) -> None:
        first = True
        while self.commands:
            command, request_id, done = self.commands.pop(0)
            if isinstance(command, Rest):
                self.feed(RestDone(command.ticket, False))
            elif first:
                if obeyed and not done:
                    self.release(command.direction, request_id)
                self.feed(AllowFailed(command.ticket, AllowFailure.LOST))
            else:
                self.feed(AllowFailed(command.ticket, AllowFailure.NOT_SENT))
            first = False

    def link_comes(self) -> None:
        self.fail_unsent()
        self.link = True
        self.credit = None
        self.free = self.wanted_at_link
        self.feed(LinkUp())

    def fail_unsent(self) -> None:
        """Without a link the driver answers at once."""
        while self.commands:
            command, _request_id, _done = self.commands.pop(0)
            if isinstance(command, Rest):
                self.feed(RestDone(command.ticket, False))
            else:
                self.feed(AllowFailed(command.ticket, AllowFailure.NOT_SENT))

    # -- people ------------------------------------------------------------------------

    @precondition(lambda self: self.credit is not None)
    @rule(lost=st.sampled_from([False, False, True]))
    def released_visitor_walks(self, lost: bool) -> None:
        assert self.credit is not None
        self.walk(self.credit[0], False, lost)

    @rule(direction=st.sampled_from(Direction), force=st.booleans(), lost=st.booleans())
    def walk(self, direction: Direction, force: bool, lost: bool) -> None:
        if self.credit is not None and self.credit[0] is direction:
            # long after a fire opened the lane for all, nobody walks on a release
            if not (self.machine.fire and self.machine.outstanding == 0):
                self.really_passed[self.credit[1]] += 1
            self.credit = None
        elif direction not in self.free and not force:
            return
        if self.link:
            # a report is only lost in noise that the driver notices
            self.feed(Noise() if lost else Passed(direction))

    @rule(seconds=st.sampled_from([0.2, 1.0, 5.0, 9.0]))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.feed(Tick())

    @rule(event=st.sampled_from(DISTURBANCES), first=st.booleans(), last=st.booleans())
    def something_happens(self, event: Input | str, first: bool, last: bool) -> None:
        if event == "crash":
            self.crash()
        elif isinstance(event, str):
            if self.link:
                self.link_goes(first, last)
            else:
                self.fail_unsent()
                self.link_comes()
        elif self.link or not isinstance(event, Noise):
            self.feed(event)

    def crash(self) -> None:
        """The process dies; a person may still use a release that is out."""
        if self.credit is not None:
            self.really_passed[self.credit[1]] += 1
            self.credit = None
        self.db.recover({"L1": self.lane_rules.after_crash}, START)
        assert self.db.recover({"L1": self.lane_rules.after_crash}, START) == []
        self.boot()

    def finish(self) -> None:
        """Stop; then everything that is under way must come to an end."""
        self.feed(Stop())
        for _ in range(40):
            if self.machine.finished:
                break
            if self.asks:
                self.answer(admit(2))
            elif self.commands and self.link:
                self.device_answers(None, True)
            elif self.commands:
                self.fail_unsent()
            else:
                self.time_passes(5.0)
        assert self.machine.finished
        states = {row[0] for row in self.rows("SELECT state FROM journal")}
        assert states <= {"passed", "annulled", "denied"}
        self.books(finished=True)

    # -- what always holds -------------------------------------------------------------

    @invariant()
    def counters_add_up(self) -> None:
        if not hasattr(self, "machine"):
            return
        counters = self.machine.counters
        assert (
            counters.granted
            == counters.completed
            + counters.timed_out
            + counters.revoked
            + self.machine.outstanding
        )
        assert self.machine.outstanding >= 0

    @invariant()
    def counters_are_the_journals(self) -> None:
        if hasattr(self, "machine"):
            (booked,) = self.rows("SELECT total(passed) FROM journal")[0]
            assert self.machine.counters.completed == booked - self.before_boot

    @invariant()
    def the_arm_rests_as_it_should(self) -> None:
        """With every command answered, nobody is held up in an emergency, and an idle
        lane lets through exactly whom its mode says."""
        if not hasattr(self, "machine") or not self.link or self.commands:
            return
        if self.machine.fire:
            return  # the lane is open by its own wiring
        if self.machine.in_emergency:
            assert self.free == frozenset(Direction)
        if self.machine.phase in (Phase.IDLE, Phase.ASKING):
            assert self.credit is None
            assert self.free == self.machine.wanted_rest

    @invariant()
    def nobody_is_forgotten(self) -> None:
        """Whenever nothing is under way, the lane is idle or waits for a deadline."""
        if hasattr(self, "machine") and not self.asks and not self.commands:
            assert self.machine.phase in (Phase.IDLE, Phase.OPEN, Phase.SETTLING)
            if self.machine.phase is not Phase.IDLE:
                assert self.machine.deadline is not None

    @invariant()
    def books(self, finished: bool = False) -> None:
        """What is reported of each admission fits what was granted, and nobody who
        walked on a release goes unbooked."""
        if not hasattr(self, "machine"):
            return
        reported: dict[str, Counter[str]] = {}
        left: Counter[str] = Counter()
        for (body,) in self.rows("SELECT body FROM outbox"):
            event = json.loads(body)
            if "credential" in event:
                assert event["type"] == "exit"
                left[Code(event["credential"]["value"]).digest] += event["count"]
            if event["type"] in ("passed", "annulled"):
                counts = reported.setdefault(event["request_id"], Counter())
                # an annulment without count is of a request that had no answer
                counts[event["type"]] += event.get("count", 0)
                counts["whole"] += "count" not in event
        for request_id, way, code, state, passes, passed, annulled, shown in self.rows(
            "SELECT request_id, direction, code_hash, state, passes, passed, annulled,"
            " credential FROM journal"
        ):
            counts = reported.get(request_id, Counter())
            if way == "out":
                # reported with the code by who went, and not at all by who did not
                assert not counts
                assert left[code] == passed
                assert (shown is not None) is (state == "opening")
                counts = Counter(passed=passed, annulled=annulled)
            assert counts["passed"] == passed
            assert not counts["whole"] or (passes == 0 and counts["annulled"] == 0)
            if state != "denied":
                assert counts["annulled"] == annulled
                assert passed + annulled <= passes
            if state in ("passed", "annulled"):
                assert passed + annulled == passes
            assert self.allowed[request_id] <= passed + 1
            assert self.allowed[request_id] <= passes
            if (
                state in ("passed", "annulled")
                and self.lane_rules.after_crash is AfterCrash.ASSUMED_PASSED
            ):
                assert passed >= self.really_passed[request_id]
        if finished:
            assert self.db.counts()[1] == 0


LaneModel.TestCase.settings = settings(max_examples=300, stateful_step_count=30)
TestLaneModel = LaneModel.TestCase


# -- single rules, spelled out -------------------------------------------------------


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
