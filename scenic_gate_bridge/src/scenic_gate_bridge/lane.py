"""Runs a lane: feeds the machine its inputs and carries out what it decides."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import assert_never

import structlog

from . import refusals
from .biometric import FingerCheck
from .drivers.base import (
    CommandRefused,
    CommandUnanswered,
    LaneDriver,
    LinkDown,
    LinkLost,
)
from .journal import Journal
from .journal.patient import PatientWriter
from .lane_machine import LaneMachine
from .lane_words import (
    Allow,
    AllowFailed,
    AllowFailure,
    Ask,
    Counted,
    Decided,
    Effect,
    Input,
    Photograph,
    Rest,
    RestDone,
    ScanRead,
    SetMode,
    Stop,
    Tick,
    Write,
)
from .metrics import Metrics
from .model import (
    Decision,
    Direction,
    LaneMode,
    ModeSource,
    PlannedMode,
    Scan,
    Verdict,
    iso,
    utc_now,
)
from .photos import Photographer
from .watchdog import Beat, no_beat

WAITING_SCANS = 16
LOOK_UP = 5.0  # seconds after which an idle lane shows that it still works
PATIENCE = 20.0  # seconds within which it does so, however much there is to write


class Lane:
    """One lane. Everything that happens to it goes through one queue, in order."""

    def __init__(
        self,
        machine: LaneMachine,
        driver: LaneDriver,
        journal: Journal,
        decide: Callable[[str, Scan], Awaitable[Decision]],
        metrics: Metrics,
        photographer: Photographer | None = None,
        finger: FingerCheck | None = None,
    ) -> None:
        self.machine = machine
        self.driver = driver
        self.code = machine.rules.code
        self._writer = PatientWriter(journal, self.code)
        self._decide = decide
        self._metrics = metrics
        self._photographer = photographer
        self.finger = finger
        self._inbox: asyncio.Queue[Input] = asyncio.Queue()
        self._scans = 0
        self.plan: tuple[PlannedMode, ...] = ()
        self.turns: Beat = no_beat
        self._log = structlog.get_logger().bind(lane=self.code)

    # -- inputs ----------------------------------------------------------------------

    def put(self, event: Input) -> None:
        """Hand over an input; never blocks."""
        self._inbox.put_nowait(event)

    def scan(self, scan: Scan) -> None:
        """Hand over a scan; a flood of them is cut off. While the journal cannot be
        written nobody is let in, and a refusal leaves no trace but this. People may
        leave all the same."""
        if self._writer.stuck and scan.direction is Direction.IN:
            self._metrics.scans.labels(self.code, refusals.JOURNAL_FAULT.code).inc()
            scan.answered(refusals.JOURNAL_FAULT)
            return
        if self._scans >= WAITING_SCANS:
            self.rejected("flood")
            return
        self._scans += 1
        self.put(ScanRead(scan))

    @property
    def unwritten(self) -> bool:
        """Whether the journal does not take what this lane did."""
        return self._writer.stuck

    @property
    def camera_problem(self) -> str:
        """Why the last picture is missing, if it is."""
        return "" if self._photographer is None else self._photographer.problem

    def rejected(self, reason: str) -> None:
        """Count a read that is no scan."""
        self._metrics.rejected.labels(self.code, reason).inc()

    def set_mode(self, mode: LaneMode, by: ModeSource) -> None:
        """Hand over the mode in which the server wants the lane to work."""
        self.put(SetMode(mode, by))

    def follow_plan(self, mode: LaneMode) -> None:
        """Hand over the mode that the plan brings while the server is silent."""
        self.put(SetMode(mode, ModeSource.SCHEDULE, alone=True))

    def counted(self, direction: Direction, count: int, operator: str) -> None:
        """Hand over people that an operator counted by hand."""
        self.put(Counted(direction, count, operator))

    def stop(self) -> None:
        """Finish what is under way; `run` returns then."""
        self.put(Stop())

    async def reader_link(self, name: str, up: bool) -> None:
        """Record that a reader of this lane went or came back."""
        await self._reader_event("link_up" if up else "link_down", name)

    async def reader_muted(self, name: str) -> None:
        """Raise the alarm that a reader was muted after too many unknown codes."""
        await self._reader_event("muted", name)

    async def _reader_event(self, kind: str, name: str) -> None:
        at = utc_now()
        direction = min(self.machine.rules.direction.served)
        await self._writer.write(
            lambda db: db.lane_event(self.code, kind, direction, at, note=name)
        )

    # -- the loop ----------------------------------------------------------------------

    async def run(self) -> None:
        """Work until stopped and finished."""
        with suppress(LinkLost):
            # there is no link yet: this only tells the driver how to begin
            await self.driver.rest(self.machine.commanded_rest)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._writer.run())
            while not self.machine.finished:
                await self._step(group, await self._next())
            self._writer.end()

    async def _next(self) -> Input:
        self.turns(PATIENCE)
        idle = asyncio.get_running_loop().time() + LOOK_UP
        try:
            async with asyncio.timeout_at(min(idle, self.machine.deadline or idle)):
                return await self._inbox.get()
        except TimeoutError:
            return Tick()

    async def _step(self, group: asyncio.TaskGroup, event: Input) -> None:
        if isinstance(event, ScanRead):
            self._scans -= 1
        now = asyncio.get_running_loop().time()
        effects = self.machine.handle(event, now, utc_now())
        for effect in effects:
            await self._carry_out(group, effect)
        self._observe(event)

    async def _carry_out(self, group: asyncio.TaskGroup, effect: Effect) -> None:
        match effect:
            case Write(work):
                await self._writer.write(work)
            case Ask(request_id, scan):
                group.create_task(self._ask(request_id, scan))
            case Allow(ticket, Direction.IN) if self._writer.stuck:
                # an entry that is not written down first must not be given
                self.put(AllowFailed(ticket, AllowFailure.NOT_SENT))
            case Allow(ticket, direction):
                group.create_task(self._allow(ticket, direction))
            case Rest(ticket, free):
                group.create_task(self._rest(ticket, free))
            case Photograph(reference):
                assert self._photographer is not None
                group.create_task(self._photographer.take(reference))
            case _:
                assert_never(effect)

    async def _ask(self, request_id: str, scan: Scan) -> None:
        started = asyncio.get_running_loop().time()
        if self._writer.stuck:
            decision = refusals.JOURNAL_FAULT
        else:
            decision = await self._decide(request_id, scan)
        self._metrics.decision.observe(asyncio.get_running_loop().time() - started)
        refusal = await self._finger_refusal(scan, decision)
        told = refusal or decision
        self._metrics.scans.labels(self.code, told.code).inc()
        self._log.info(
            "decision",
            request_id=request_id,
            code=told.code,
            scanned=repr(scan.code),
            passes=told.passes,
        )
        self.put(Decided(request_id, decision, refusal))
        scan.answered(told)

    async def _finger_refusal(self, scan: Scan, decision: Decision) -> Decision | None:
        """Why who is admitted may not walk, when the lane asks for a finger."""
        if (
            self.finger is None
            or scan.direction is Direction.OUT
            or decision.verdict is not Verdict.ADMIT
        ):
            return None
        member = await self.finger.wanted(decision)
        if member is None:
            return None
        at = utc_now()
        await self._writer.write(
            lambda db: db.note(self.code, "finger", at, direction=scan.direction)
        )
        return await self.finger.refusal(member)

    async def _allow(self, ticket: int, direction: Direction) -> None:
        try:
            await self.driver.allow(direction)
            return
        except CommandRefused:
            failure = AllowFailure.REFUSED
        except CommandUnanswered:
            failure = AllowFailure.UNANSWERED
        except LinkLost as error:
            failure = AllowFailure.LOST if error.sent else AllowFailure.NOT_SENT
        self._log.warning("release failed", failure=failure.value)
        self.put(AllowFailed(ticket, failure))

    async def _rest(self, ticket: int, free: frozenset[Direction]) -> None:
        try:
            await self.driver.rest(free)
        except LinkLost as error:
            self._log.warning("could not bring the lane to rest", reason=str(error))
            self.put(RestDone(ticket, False))
        else:
            self.put(RestDone(ticket, True))

    def _observe(self, event: Input) -> None:
        machine, counters = self.machine, self.machine.counters
        if isinstance(event, LinkDown):
            self._log.debug("link down", reason=event.reason)
        self._metrics.link.labels(self.code).set(bool(machine.link))
        mode = LaneMode.EMERGENCY if machine.in_emergency else machine.mode
        self._metrics.lane_mode(self.code, mode)
        for outcome, value in (
            ("granted", counters.granted),
            ("completed", counters.completed),
            ("timed_out", counters.timed_out),
            ("revoked", counters.revoked),
            ("outstanding", machine.outstanding),
            ("exit", counters.exits),
            ("came_in", counters.came_in),
            ("went_out", counters.went_out),
        ):
            self._metrics.passes.labels(self.code, outcome).set(value)

    def counters(self) -> dict[str, object]:
        """What a heartbeat tells about this lane."""
        machine, counters = self.machine, self.machine.counters
        return {
            "lane": self.code,
            "link": "up" if machine.link else "down",
            "mode": machine.mode.value,
            "emergency": machine.emergency,
            "fire": machine.fire,
            "granted": counters.granted,
            "completed": counters.completed,
            "timed_out": counters.timed_out,
            "revoked": counters.revoked,
            "outstanding": machine.outstanding,
        }

    def state(self) -> dict[str, object]:
        """What the bridge's own pages tell about this lane, beside its log."""
        machine, counters = self.machine, self.machine.counters
        return self.counters() | {
            "direction": machine.rules.direction.value,
            "phase": machine.phase.value,
            "free": sorted(machine.wanted_rest),
            "faults": sorted(machine.faults),
            "exits": counters.exits,
            "in": counters.came_in,
            "out": counters.went_out,
            "next": [
                {"at": iso(planned.at), "mode": planned.mode.value}
                for planned in self.plan
            ],
        }
