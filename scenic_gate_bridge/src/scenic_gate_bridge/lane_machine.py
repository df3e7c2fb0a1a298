"""The rules of a lane, without clock, device, disk or network.

`LaneMachine.handle` takes one input and returns what has to be done, in order. A
`Write` must be on the disk before the effects behind it are carried out: that is how a
release is never sent before its journal row is durable. Persons are counted, and always

    granted == completed + timed_out + revoked + outstanding

One admission at a time. A second scan meanwhile waits (one place): in front of a tripod
the next visitor often scans while the one before is still walking, and if they walk
through on each other's release, both tickets end up used, as they should. The waiting
scan is not asked at the server before its turn, so that it reserves nothing; a third is
refused with BUSY. At an exit with a reader each code opens for one person, without
asking, and that person's exit is reported with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import assert_never

from . import refusals
from .drivers.base import (
    Accepted,
    Alarm,
    AlarmKind,
    Caps,
    DriverEvent,
    Fault,
    Fire,
    LinkDown,
    LinkUp,
    Noise,
    Passed,
    SteppedBack,
)
from .journal import JournalDb
from .lane_words import (
    Allow,
    AllowFailed,
    AllowFailure,
    Ask,
    Counted,
    Counters,
    Decided,
    Effect,
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
from .model import (
    BOTH,
    NONE,
    AfterCrash,
    Decision,
    Direction,
    LaneDirection,
    LaneMode,
    ModeSource,
    Scan,
    Text,
    Verdict,
    new_id,
)


class Phase(StrEnum):
    """Where the lane's one admission stands."""

    IDLE = "idle"
    ASKING = "asking"
    OPENING = "opening"  # release sent, not yet acknowledged
    OPEN = "open"  # released, waiting for the person
    CLOSING = "closing"  # release being taken back
    SETTLING = "settling"  # taken back; a late pass report may still come


ASSUMED = "assumed"  # the reason of a rest between two persons whom no sensor sees
PHOTOGRAPHED = frozenset(kind.value for kind in AlarmKind)
RELEASED = (Phase.OPEN, Phase.CLOSING, Phase.SETTLING)
GOODBYE = Decision(Verdict.ADMIT, "EXIT", Text("Goodbye", "欢迎再次光临"), passes=1)


@dataclass(slots=True)
class _Admission:
    request_id: str
    scan: Scan
    passes: int = 0
    completed: int = 0
    early: bool = False  # a pass was reported before the release was acknowledged
    spent: bool = False  # the release that was sent has been walked through
    unsure: bool = False  # the released person may have passed unseen
    reason: str = ""


@dataclass(slots=True)
class LaneMachine:
    """One lane. Not thread-safe; inputs come one at a time."""

    rules: LaneRules
    mode: LaneMode = LaneMode.CONTROLLED
    emergency: bool = False  # declared here, beside what the server wants
    new_id: Callable[[], str] = new_id
    phase: Phase = field(default=Phase.IDLE, init=False)
    link: bool | None = field(default=None, init=False)  # None: not yet known
    fire: bool = field(default=False, init=False)
    faults: set[str] = field(default_factory=set, init=False)
    deadline: float | None = field(default=None, init=False)
    counters: Counters = field(default_factory=Counters, init=False)
    stopping: bool = field(default=False, init=False)
    _admission: _Admission | None = field(default=None, init=False)
    _waiting: tuple[Scan, float] | None = field(default=None, init=False)
    _applied: frozenset[Direction] | None = field(default=NONE, init=False)
    _ticket: int = field(default=0, init=False)
    _last_pass: tuple[float, Direction, str] | None = field(default=None, init=False)
    _effects: list[Effect] = field(default_factory=list, init=False)
    _now: float = field(default=0.0, init=False)
    _at: datetime = field(init=False)

    def __post_init__(self) -> None:
        self._applied = self.commanded_rest

    # -- what others look at -------------------------------------------------------

    @property
    def outstanding(self) -> int:
        """Persons granted whose end is not yet known."""
        if self._admission is None or self.phase is Phase.ASKING:
            return 0
        return self._admission.passes - self._admission.completed

    @property
    def finished(self) -> bool:
        """Stopped, with nothing left to do."""
        return self.stopping and self.phase is Phase.IDLE

    @property
    def in_emergency(self) -> bool:
        """Whether everybody is to get through, by the server's word or by one said
        here. Each ends only by itself."""
        return self.emergency or self.mode is LaneMode.EMERGENCY

    @property
    def served(self) -> frozenset[Direction]:
        """The directions in which people may walk at present."""
        if self.mode is LaneMode.EXIT:
            return frozenset({Direction.OUT})
        return self.rules.direction.served

    @property
    def wanted_rest(self) -> frozenset[Direction]:
        """The directions that turn freely while nobody is being let through."""
        if self.in_emergency or self.fire:
            return BOTH
        if self.mode is LaneMode.FREE:
            return self.rules.direction.served
        if self.mode is LaneMode.EXIT or self.rules.free_exit:
            return frozenset({Direction.OUT})
        return NONE

    @property
    def commanded_rest(self) -> frozenset[Direction]:
        """What the device is told of that: as much as it can."""
        return self.wanted_rest & self.rules.caps.free

    # -- the one way in ------------------------------------------------------------

    def handle(self, event: Input, now: float, at: datetime) -> list[Effect]:
        """Take one input. `now` is monotonic seconds, `at` the wall clock."""
        self._effects = []
        self._now = now
        self._at = at
        match event:
            case ScanRead(scan):
                self._scan(scan)
            case Decided(request_id, decision, refusal):
                self._decided(request_id, decision, refusal)
            case AllowFailed(ticket, failure):
                self._allow_failed(ticket, failure)
            case RestDone(ticket, ok):
                self._rest_done(ticket, ok)
            case Counted(direction, count, operator):
                self._walked_freely(direction, count, operator)
            case SetMode(mode, by, alone):
                self._set_mode(mode, by, alone)
            case SetEmergency(on):
                self._set_emergency(on)
            case Tick():
                self._tick()
            case Stop():
                self._stop()
            case _:
                self._told(event)
        return self._effects

    def _told(self, event: DriverEvent) -> None:
        """What the driver says by itself."""
        match event:
            case Accepted():
                self._accepted()
            case Passed(direction):
                self._passed(direction)
            case Noise():
                self._noise()
            case LinkUp() | LinkDown():
                self._link(event)
            case Alarm(kind):
                self._event(kind.value, self._main)
            case Fault(what, on):
                self._fault(what, on)
            case Fire(on):
                self._set_fire(on)
            case SteppedBack():
                self._note("stepped_back")
            case _:
                assert_never(event)

    # -- scans and decisions -------------------------------------------------------

    def _blocked(self, direction: Direction) -> Decision | None:
        """Why this lane lets nobody through by ticket that way at this moment."""
        if self.in_emergency or self.fire:
            return refusals.EMERGENCY
        if self.mode is LaneMode.LOCKED:
            return refusals.LANE_CLOSED
        if self.mode is LaneMode.FREE:
            return refusals.LANE_FREE
        if direction not in self.served:
            return refusals.WRONG_DIRECTION
        if self.mode is LaneMode.EXIT:
            return refusals.LANE_FREE
        if not self.link:
            return refusals.LANE_FAULT
        return None

    def _scan(self, scan: Scan) -> None:
        refusal = self._blocked(scan.direction)
        if self.stopping:
            refusal = refusals.LANE_CLOSED
        if refusal is None and self.phase is not Phase.IDLE:
            if self._waiting is None:
                self._waiting = (scan, self._now + self.rules.queue_timeout)
                return
            refusal = refusals.BUSY
        if refusal is not None:
            self._refuse(scan, refusal)
            return
        self._serve(scan)

    def _refuse(self, scan: Scan, decision: Decision) -> None:
        lane, at = self.rules.code, self._at
        self._write(
            lambda db: db.note(lane, "denied", at, scan=scan, decision=decision)
        )
        scan.answered(decision)

    def _serve(self, scan: Scan) -> None:
        if scan.direction is Direction.OUT:
            self._let_out(scan)
        else:
            self._ask(scan)

    def _let_out(self, scan: Scan) -> None:
        """Whoever wants to leave may, whatever the code is and without asking anybody.
        Also a group shows its code once for each person."""
        request_id, at = self.new_id(), self._at
        self._admission = _Admission(request_id, scan, passes=1)
        self.counters.granted += 1
        self._write(lambda db: db.let_out(request_id, scan, GOODBYE, at))
        scan.answered(GOODBYE)
        self._release()

    def _ask(self, scan: Scan) -> None:
        self._admission = _Admission(self.new_id(), scan)
        self.phase = Phase.ASKING
        self._effects.append(Ask(self._admission.request_id, scan))

    def _decided(
        self, request_id: str, decision: Decision, refused: Decision | None
    ) -> None:
        admission = self._admission
        if (
            admission is None
            or self.phase is not Phase.ASKING
            or admission.request_id != request_id
        ):
            return
        at, scan = self._at, admission.scan
        if decision.verdict is not Verdict.ADMIT:
            self._write(lambda db: db.deny(request_id, decision, at, scan))
            self._idle()
            return
        self._write(lambda db: db.authorise(request_id, decision, at))
        blocked = self._blocked(admission.scan.direction)
        if blocked is not None or self.stopping:
            reason = blocked.code if blocked else "shutdown"
            self._write(lambda db: db.close_admission(request_id, reason, at))
            self._idle()
            return
        if refused is not None:
            self._write(lambda db: db.close_admission(request_id, refused.code, at))
            self._write(lambda db: db.refused(scan, refused, at))
            self._idle()
            return
        admission.passes = decision.passes
        self.counters.granted += decision.passes
        self._write(lambda db: db.open(request_id, at))
        self._release()

    def _release(self) -> None:
        assert self._admission is not None
        self.phase = Phase.OPENING
        self.deadline = None
        self._admission.early = self._admission.spent = False
        self._ticket += 1
        self._effects.append(Allow(self._ticket, self._admission.scan.direction))

    # -- answers of the device -----------------------------------------------------

    def _accepted(self) -> None:
        admission = self._admission
        if admission is None or self.phase is not Phase.OPENING:
            return
        if admission.early:
            # reported before the device had this release: it was not on it
            admission.early = False
            self._unasked(admission.scan.direction)
        # without a sensor nobody sees whether the person walks
        admission.unsure = Caps.PASS_DONE not in self.rules.caps
        if self._hindrance:
            self._take_back(admission, self._hindrance)
            return
        self.phase = Phase.OPEN
        self.deadline = self._now + self.rules.pass_timeout

    def _allow_failed(self, ticket: int, failure: AllowFailure) -> None:
        admission = self._admission
        if (
            admission is None
            or self.phase is not Phase.OPENING
            or ticket != self._ticket
        ):
            return
        reason = f"release: {failure.value}"
        obeyed = failure in (AllowFailure.UNANSWERED, AllowFailure.LOST)
        if admission.early and not obeyed:
            self._unasked(admission.scan.direction)
        if admission.early and obeyed:
            # the acknowledgement was lost, not the release: somebody walked on it
            self._book(admission)
        if failure is AllowFailure.NOT_SENT:
            self._end(admission, reason)
        elif failure is AllowFailure.LOST:
            self._doubt_link()
            admission.unsure = not admission.spent
            self._end(admission, reason)
        else:
            self._take_back(admission, reason)

    @property
    def _hindrance(self) -> str:
        """Why a release must not be out now, or not be followed by another."""
        if self.fire:
            return "fire"
        if self.in_emergency:
            return "emergency"
        if self.stopping:
            return "shutdown"
        if self.mode is not LaneMode.CONTROLLED:
            return "mode"
        return "" if self.link else "link lost"

    def _take_back(self, admission: _Admission, reason: str) -> None:
        admission.reason = admission.reason or reason
        if self.fire:
            # the lane is open by its own wiring and not to be told anything
            self._settle()
            return
        self.phase = Phase.CLOSING
        self.deadline = None
        self._rest()

    def _settle(self) -> None:
        self.phase = Phase.SETTLING
        self.deadline = self._now + self.rules.settle

    def _rest(self) -> None:
        self._applied = self.commanded_rest
        self._ticket += 1
        self._effects.append(Rest(self._ticket, self._applied))

    def _rest_done(self, ticket: int, ok: bool) -> None:
        admission = self._admission
        if (
            admission is None
            or self.phase is not Phase.CLOSING
            or ticket != self._ticket
        ):
            return
        if not ok:
            self._doubt_link()
        if not ok or admission.completed == admission.passes:
            admission.unsure = not admission.spent
            self._end(admission, admission.reason)
        elif admission.reason != ASSUMED:
            self._settle()
        elif self._hindrance:
            self._end(admission, self._hindrance)
        else:
            admission.reason = ""
            self._release()

    def _tick(self) -> None:
        if self.deadline is None or self._now < self.deadline:
            return
        admission = self._admission
        assert admission is not None
        if self.phase is Phase.OPEN and Caps.PASS_DONE not in self.rules.caps:
            more = admission.completed + 1 < admission.passes
            self._book(admission, release=more, assumed=True)
            self._take_back(admission, ASSUMED)
        elif self.phase is Phase.OPEN:
            self._take_back(admission, "timeout")
        else:
            self._end(admission, admission.reason)

    def _end(self, admission: _Admission, reason: str) -> None:
        """The admission's one terminal step when not all of its persons were seen."""
        if admission.completed == admission.passes:
            self._idle()
            return
        request_id, at = admission.request_id, self._at
        assume = (
            admission.unsure and self.rules.after_crash is AfterCrash.ASSUMED_PASSED
        )
        left = admission.passes - admission.completed
        self._write(
            lambda db: db.close_admission(request_id, reason, at, assume=assume)
        )
        if assume:
            self.counters.completed += 1
            self.counters.count(admission.scan.direction)
            left -= 1
        if reason == "timeout":
            self.counters.timed_out += left
        else:
            self.counters.revoked += left
        self._idle()

    # -- passes --------------------------------------------------------------------

    def _passed(self, direction: Direction) -> None:
        admission = self._admission
        if (
            admission is not None
            and direction is admission.scan.direction
            and admission.completed < admission.passes
        ):
            if self.phase is Phase.OPENING and not admission.early:
                admission.early = True
                return
            if self.phase in RELEASED and not admission.spent:
                self._complete(admission)
                return
        self._unasked(direction)

    def _complete(self, admission: _Admission) -> None:
        """The released person went through."""
        more = admission.completed + 1 < admission.passes
        release = more and self.phase is Phase.OPEN
        self._book(admission, release=release)
        if release:
            self._release()
        elif not more and self.phase is not Phase.CLOSING:
            self._idle()
        # else: while a release is being taken back, wait for that to be answered

    def _book(
        self, admission: _Admission, *, release: bool = False, assumed: bool = False
    ) -> None:
        """Write down that the released person went through, and with it whether the
        next one is released now."""
        request_id, at = admission.request_id, self._at
        admission.completed += 1
        admission.spent = True
        admission.unsure = False
        self.counters.completed += 1
        self.counters.count(admission.scan.direction)
        self._last_pass = (self._now, admission.scan.direction, request_id)
        self._write(
            lambda db: db.passed(request_id, at, release=release, assumed=assumed)
        )

    def _unasked(self, direction: Direction) -> None:
        """A pass that no grant covers: counted or alarmed, never paid by a ticket."""
        if direction in self.wanted_rest:
            note = "free lane"
            if self.fire or self.in_emergency:
                note = "fire" if self.fire else "emergency"
            self._walked_freely(direction, 1, note)
            return
        last = self._last_pass
        if direction not in self.served or (
            self.outstanding
            and self._admission is not None
            and direction is not self._admission.scan.direction
        ):
            self._event("wrong_direction", direction)
        elif (
            last is not None
            and last[1] is direction
            and self._now - last[0] <= self.rules.tailgate
        ):
            self._event("tailgating", direction, request_id=last[2])
        else:
            self._event("forced", direction)

    def _walked_freely(self, direction: Direction, count: int, note: str) -> None:
        """People came or left without a ticket, as they may: counted."""
        self.counters.count(direction, count)
        if direction is Direction.OUT:
            self.counters.exits += count
            self._event("exit", direction, count=count, note=note)
        else:
            self._event("entry", direction, count=count, note=note)

    def _event(
        self,
        kind: str,
        direction: Direction,
        *,
        request_id: str | None = None,
        count: int = 1,
        note: str = "",
    ) -> None:
        lane, at, photo = self.rules.code, self._at, ""
        if self.rules.camera and kind in PHOTOGRAPHED:
            photo = self.new_id()
            # before it is written down: people walk on
            self._effects.append(Photograph(photo))
        self._write(
            lambda db: db.lane_event(
                lane,
                kind,
                direction,
                at,
                request_id=request_id,
                count=count,
                note=note,
                photo=photo,
            )
        )

    def _note(self, phase: str) -> None:
        lane, at, main = self.rules.code, self._at, self._main
        self._write(lambda db: db.note(lane, phase, at, direction=main))

    # -- faults and fire -------------------------------------------------------------

    def _fault(self, what: str, on: bool) -> None:
        if on is (what in self.faults):
            return
        self.faults ^= {what}
        self._event("fault" if on else "fault_cleared", self._main, note=what)

    def _set_fire(self, on: bool) -> None:
        if on is self.fire:
            return
        self.fire = on
        self._event("fire" if on else "fire_over", self._main)
        self._drop_waiting()
        # when it is over the device is told anew how to rest, whatever it was told
        self._applied = None
        self._new_rest("fire")

    # -- the link --------------------------------------------------------------------

    def _noise(self) -> None:
        if self._admission is not None and self.phase in (Phase.OPENING, *RELEASED):
            self._admission.unsure = not self._admission.spent

    def _link(self, event: LinkUp | LinkDown) -> None:
        up = isinstance(event, LinkUp)
        if self.link is up:
            return
        self.link = up
        note = event.reason if isinstance(event, LinkDown) else ""
        self._event("link_up" if up else "link_down", self._main, note=note)
        # Opening and closing end by the driver's own answer, which knows more.
        admission = self._admission
        if (
            not up
            and admission is not None
            and self.phase in (Phase.OPEN, Phase.SETTLING)
        ):
            # in a fire the release was not taken back
            if self.phase is Phase.OPEN or self._applied is None:
                admission.unsure = not admission.spent
            self._end(admission, admission.reason or "link lost")

    def _doubt_link(self) -> None:
        """A command found the line broken before the driver said so: whoever waits at
        an exit must not be released at a device that may still hold a release."""
        if self.link:
            self.link = None

    @property
    def _main(self) -> Direction:
        """The direction named in events that have none of their own."""
        return (
            Direction.OUT if self.rules.direction is LaneDirection.OUT else Direction.IN
        )

    # -- modes -----------------------------------------------------------------------

    def _set_mode(self, mode: LaneMode, by: ModeSource, alone: bool) -> None:
        if mode is self.mode:
            return
        if self.mode is LaneMode.EMERGENCY and alone:
            return
        self.mode = mode
        # the way is opened first: people come before the books
        self._new_rest("emergency" if self.in_emergency else "mode")
        lane, at, main = self.rules.code, self._at, self._main
        self._write(lambda db: db.set_mode(lane, mode, by, main, at))
        self._drop_waiting()

    def _set_emergency(self, on: bool) -> None:
        if on is self.emergency:
            return
        self.emergency = on
        self._new_rest("emergency")
        lane, at, main = self.rules.code, self._at, self._main
        self._write(lambda db: db.set_emergency(lane, on, main, at))
        self._drop_waiting()

    def _new_rest(self, reason: str) -> None:
        """The lane is to rest in another way. A release that is out is taken back; who
        just walks on it is still booked."""
        if self.phase in (Phase.IDLE, Phase.ASKING):
            self._settle_rest()
        elif self._admission is not None and (
            (self.phase is Phase.OPEN and self._hindrance)
            or (self.phase in (Phase.CLOSING, Phase.SETTLING) and self.in_emergency)
            or (self.phase is Phase.SETTLING and self._applied is None)
        ):
            self._take_back(self._admission, reason)

    def _settle_rest(self) -> None:
        if self._applied != self.commanded_rest and not self.fire:
            self._rest()

    def _drop_waiting(self) -> None:
        """Answer the waiting scan when the lane no longer works by ticket."""
        if self._waiting is None:
            return
        scan, _until = self._waiting
        blocked = self._blocked(scan.direction)
        if blocked is not None:
            self._waiting = None
            self._refuse(scan, blocked)

    def _stop(self) -> None:
        self.stopping = True
        if self._waiting is not None:
            scan, _until = self._waiting
            self._waiting = None
            self._refuse(scan, refusals.LANE_CLOSED)
        if self.phase is Phase.OPEN and self._admission is not None:
            self._take_back(self._admission, "shutdown")

    # -- back to the beginning -------------------------------------------------------

    def _idle(self) -> None:
        self._admission = None
        self.phase = Phase.IDLE
        self.deadline = None
        self._settle_rest()
        if self._waiting is None or self.stopping:
            return
        scan, until = self._waiting
        self._waiting = None
        refusal = self._blocked(scan.direction)
        if refusal is None and self._now > until:
            refusal = refusals.WAITED_TOO_LONG
        if refusal is None:
            self._serve(scan)
        else:
            self._refuse(scan, refusal)

    def _write(self, work: Callable[[JournalDb], object]) -> None:
        self._effects.append(Write(work))
