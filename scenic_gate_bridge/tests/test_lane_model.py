"""The lane's rules against a device and people that do whatever they like.

The machine runs with a real journal database. Beside it stands a model of the steel: a
release that is or is not obeyed, persons who walk, push or stand still, a line that
loses reports, and a process that dies.
"""

from __future__ import annotations

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

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
    Accepted,
    Fire,
    LinkDown,
    LinkUp,
    Noise,
    Passed,
)
from scenic_gate_bridge.journal import JournalDb
from scenic_gate_bridge.lane_machine import LaneMachine, Phase
from scenic_gate_bridge.lane_words import (
    Allow,
    AllowFailed,
    AllowFailure,
    Ask,
    Decided,
    Input,
    LaneRules,
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
    Verdict,
)
from test_lane_machine import START, admit

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
