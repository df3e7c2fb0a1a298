"""The visitors of one run, and the faults that meet them."""

from __future__ import annotations

import asyncio
import random
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import aiohttp

from ..model import Direction, LaneDirection
from .board_model import BoardModel
from .faults import Faults
from .gate import PASS_TIMEOUT, SETTLE, TIMEOUT, Gate
from .park import ParkError, Passage, Sight, SimLane
from .steel import LaneKind
from .visitors import Kind, Party

PATIENCE = 2.5  # longer than a decision may take
WALK = 0.12  # to the arm
DOUBT = 1.0  # a pass this long before a kill may not have been written down
CABLE = 0.2  # the same before a cable is pulled
FIRE_OVER = 2.0  # seconds until the bridge believes that the alarm is over
TRIES = 6
BY_CODE = 0.2  # of those who came alone: leave by an exit that reads the code
TURNS_BACK = 0.1  # of those who show a code there: do not go at once
CROSSES = 0.5  # of those who step up while the arm is still open for somebody else

LINE = {
    "drop": Faults(drop=0.05),
    "corrupt": Faults(corrupt=0.05),
    "split": Faults(split=True),
    "duplicate": Faults(duplicate=0.05),
    "repeat": Faults(repeat=0.3),
    "delay": Faults(delay=0.25),
    "garbage": Faults(garbage=0.5),
}
STEEL = ("unplug", "brown-out", "stuck", "fire")
SERVER = ("server-down", "server-slow", "server-5xx", "answer-lost", "slow-link")
PROCESS = ("kill", "clock")
FAULTS = (*LINE, *STEEL, *SERVER, *PROCESS)


def parse_faults(text: str) -> tuple[str, ...]:
    """`all`, `none`, or names with commas between."""
    if text == "all":
        return FAULTS
    names = tuple(dict.fromkeys(text.split(","))) if text != "none" else ()
    for name in names:
        if name not in FAULTS:
            raise ParkError(
                f"--faults: there is no {name!r}; there are: all, none,"
                f" {', '.join(FAULTS)}"
            )
    return names


@dataclass(slots=True)
class Day:
    """The visitors and the faults of one run."""

    gates: list[Gate]
    rng: random.Random
    passages: list[Passage] = field(default_factory=list)
    outcome: Counter[str] = field(default_factory=Counter)
    done: Counter[str] = field(default_factory=Counter)
    begun: int = 0
    _queue: deque[Party] = field(default_factory=deque)
    _twins: dict[str, asyncio.Event] = field(default_factory=dict)
    _leavers: deque[Party] = field(default_factory=deque)
    _inside: int = 0
    _by_code: int = 0  # of those inside: will leave by a code, or try to at this moment
    _returning: int = 0  # of these: will come in again
    _entering: int = 0

    @property
    def lanes(self) -> dict[str, SimLane]:
        return {code: lane for gate in self.gates for code, lane in gate.lanes.items()}

    async def run(self, parties: list[Party], faults: Sequence[str]) -> None:
        """Let them all in and out again, and carry out every fault meanwhile."""
        self._queue.extend(parties)
        for lane in self.lanes.values():
            lane.on_passage = self._passed
        rounds = max(1, len(parties) // 400)
        async with asyncio.TaskGroup() as group:
            entries = [
                lane
                for lane in self.lanes.values()
                if lane.direction is not LaneDirection.OUT
            ]
            self._entering = len(entries)
            for lane in entries:
                group.create_task(self._entry(lane))
            for lane in self.lanes.values():
                if lane.coded:
                    group.create_task(self._coded_exit(lane))
                elif lane.direction is not LaneDirection.IN:
                    group.create_task(self._exit(lane))
            for kinds in ((*LINE, *STEEL), SERVER, PROCESS):
                script = [name for name in kinds if name in faults] * rounds
                self.rng.shuffle(script)
                group.create_task(self._script(script, len(parties)))

    def _passed(self, passage: Passage) -> None:
        self.passages.append(passage)
        self._inside += 1 if passage.direction is Direction.IN else -1

    # -- people ------------------------------------------------------------------------

    async def _entry(self, lane: SimLane) -> None:
        """One entry lane: those who stand there, one after the other."""
        while self._queue or self._returning:
            if not self._queue:
                await asyncio.sleep(0.1)
                continue
            party = self._queue.popleft()
            self.begun += 1
            await self._visit(lane, party)
        self._entering -= 1

    async def _visit(self, lane: SimLane, party: Party) -> None:
        match party.kind:
            case Kind.FORCES | Kind.WRONG_WAY:
                # not while a release may still be out: it would count as its visitor
                await self._shut(lane)
                await asyncio.sleep(TIMEOUT + SETTLE)
                if not lane.released(Direction.IN):
                    way = party.kind is Kind.WRONG_WAY
                    lane.walk(Direction.OUT if way else Direction.IN, force=True)
                self.outcome[party.kind] += 1
                return
            case Kind.TWIN:
                await self._meet(party)
            case Kind.NO_SHOW:
                await self._show(lane, party, "timeout")
                party.kind = Kind.ALONE
                self._queue.append(party)
                self.outcome["no-show"] += 1
                return
            case _:
                pass
        passed = await self._show(lane, party, "pass")
        what = "came back" if party.kind is Kind.BACK else "passed"
        self.outcome[what if passed else "refused"] += 1
        if passed and party.kind is Kind.TAILGATER:
            await asyncio.sleep(lane.headway)
            # where nobody saw the visitor, who follows is taken for them
            unseen = lane.passages[-1].sight is Sight.LOST
            lane.walk(Direction.IN, force=True, who=party.code if unseen else "")
        if passed and any(lane.coded for lane in self.lanes.values()):
            self._may_leave_by_code(party)
        if party.kind is Kind.COPY:
            self._queue.append(Party(Kind.FORGED, party.code))

    def _may_leave_by_code(self, party: Party) -> None:
        returns = party.kind is Kind.RETURNS
        alone = party.kind in (Kind.ALONE, Kind.UNSYNCED)
        if returns or (alone and self.rng.random() < BY_CODE):
            self._leavers.append(party)
            self._by_code += 1
            self._returning += returns

    async def _coded_exit(self, lane: SimLane) -> None:
        """One exit that reads codes: those who show theirs there, one after the other;
        who wanted to come in again does."""
        while self._leavers or self._entering:
            if not self._leavers:
                await asyncio.sleep(0.1)
                continue
            party = self._leavers.popleft()
            left = await self._leave(lane, party)
            self._by_code -= 1
            self.outcome["left by code"] += left
            if party.kind is Kind.RETURNS:
                self._returning -= 1
                if left:
                    self._queue.append(Party(Kind.BACK, party.code))

    async def _leave(self, lane: SimLane, party: Party) -> int:
        """Show the code at an exit, again if it stays shut; how many got through."""
        walk = "timeout" if self.rng.random() < TURNS_BACK else "pass"
        for _attempt in range(TRIES):
            await self._shut(lane, Direction.OUT)
            await asyncio.sleep(lane.headway)
            visit = await lane.visit(
                party.code,
                Direction.OUT,
                walk=walk,
                people=1,
                delay=WALK,
                patience=PATIENCE,
            )
            if visit.passed:
                return visit.passed
            walk = "pass"
        await asyncio.sleep(TIMEOUT)
        return 0

    async def _meet(self, party: Party) -> None:
        """Wait a moment for the other one with the same code, at another lane."""
        met = self._twins.get(party.code)
        if met is not None:
            met.set()
            return
        met = self._twins[party.code] = asyncio.Event()
        self._queue.appendleft(party)
        try:
            async with asyncio.timeout(1.0):
                await met.wait()
        except TimeoutError:
            pass

    async def _show(self, lane: SimLane, party: Party, walk: str) -> int:
        """Show the code, again if the lane stays shut; how many got through."""
        honest = party.kind not in (Kind.FORGED, Kind.TWIN)
        late = party.kind is Kind.STEPS_BACK
        if await self._cross(lane, party):
            return 1
        for attempt in range(TRIES if honest else 1):
            if not attempt:
                await self._shut(lane)
            visit = await lane.visit(
                party.code,
                Direction.IN,
                walk=walk,
                people=party.people,
                delay=PASS_TIMEOUT * 0.6 if late else WALK * self.rng.uniform(0.5, 2),
                patience=PATIENCE,
            )
            if visit.released:
                if visit.passed < party.persons:
                    await self._leave_open(lane, party)
                return visit.passed
        # a decision that is late must not open for whoever comes next
        await asyncio.sleep(TIMEOUT)
        return 0

    async def _leave_open(self, lane: SimLane, party: Party) -> None:
        """The arm opens once more for those who did not come: now and then somebody
        else steps up before it is shut."""
        opened = await lane.wait_next_release(lane.walked_on, Direction.IN, TIMEOUT)
        if opened and self.rng.random() < CROSSES:
            lane.left_for = party.code

    async def _cross(self, lane: SimLane, party: Party) -> bool:
        """Whoever steps up to an open arm walks at once, on the release of somebody
        else; then it opens for them, and nobody walks, unless the next one does."""
        code, lane.left_for = lane.left_for, ""
        if not code or party.kind is not Kind.ALONE:
            return False
        await asyncio.sleep(lane.headway)
        lane.show(party.code)
        if not lane.walk(Direction.IN, who=code):
            return False
        self.outcome["crossed"] += 1
        if await lane.wait_next_release(lane.walked_on, Direction.IN, PATIENCE):
            lane.left_for = party.code
        return True

    async def _shut(self, lane: SimLane, way: Direction = Direction.IN) -> None:
        """Nobody steps up while the arm is released for somebody else."""
        while lane.released(way):
            await asyncio.sleep(0.02)

    async def _exit(self, lane: SimLane) -> None:
        """One exit: who is inside goes home, until all have but those who leave by a
        code."""
        while self._inside > self._by_code or self._entering:
            await asyncio.sleep(lane.kind.headway + self.rng.uniform(0.0, 0.2))
            if self._inside > self._by_code:
                lane.walk(Direction.OUT)
                if lane.kind is LaneKind.MANUAL:
                    await self._count(lane)

    async def _count(self, lane: SimLane) -> None:
        """Whoever stands there counts the person, again if it did not work."""
        gate = next(gate for gate in self.gates if lane.code in gate.lanes)
        passage = lane.passages[-1]
        counted = {"direction": "out", "count": 1, "operator": "rehearsal"}
        async with aiohttp.ClientSession() as session:
            while True:
                url = f"{gate.url}/lanes/{lane.code}/count"
                try:
                    async with session.post(url, json=counted) as answer:
                        if answer.ok:
                            break
                except (aiohttp.ClientError, OSError):
                    # it may have been counted just before the bridge died
                    passage.sight = Sight.UNSURE
                await asyncio.sleep(0.1)
        if passage.sight is not Sight.UNSURE:
            passage.sight = Sight.SURE
            passage.at = asyncio.get_running_loop().time()

    # -- faults ------------------------------------------------------------------------

    async def _script(self, script: list[str], parties: int) -> None:
        """One fault after the other, spread over the visitors."""
        for number, name in enumerate(script):
            begin = parties * number // (len(script) + 1)
            while self.begun < begin and self._entering:
                await asyncio.sleep(0.05)
            await self._fault(name)
            self.done[name] += 1

    async def _fault(self, name: str) -> None:
        gate = self.rng.choice(self.gates)
        if name in SERVER:
            await self._server_fault(gate, name)
        elif name == "kill":
            await self._kill(gate)
        elif name == "clock":
            await self._step_clock(gate)
        else:
            lanes = [
                lane for lane in gate.lanes.values() if lane.kind is not LaneKind.MANUAL
            ]
            lane = self.rng.choice(lanes)
            await self._lane_fault(gate, lane, name)

    async def _lane_fault(self, gate: Gate, lane: SimLane, name: str) -> None:
        seconds = self.rng.uniform(1.0, 2.5)
        if name in LINE:
            for port in lane.ports.values():
                port.to_host = LINE[name]
            # a command that came twice would be a second release: no line does that
            if name != "repeat":
                lane.lane_port.to_device = LINE[name]
            await asyncio.sleep(seconds)
            for port in lane.ports.values():
                port.to_host = port.to_device = Faults()
        elif name == "unplug":
            lane.doubt(CABLE)
            lane.unsure = True
            await asyncio.gather(
                lane.pull("lane", seconds), lane.pull("scanner", seconds / 2)
            )
        elif name == "brown-out":
            lane.doubt(CABLE)
            lane.unsure = lane.kind.polled
            lane.model.power_cycle()
        elif name == "stuck":
            lane.model.blind = True
            await asyncio.sleep(seconds)
            lane.model.blind = False
        else:
            await self._fire(lane, seconds)
        # what the device said last is through, and a lost link has been noticed
        await asyncio.sleep(1.0)
        await self._sure(gate, [lane])

    async def _fire(self, lane: SimLane, seconds: float) -> None:
        """The alarm opens the lane: with a fire contact the bridge learns of it."""
        contact = lane.model if isinstance(lane.model, BoardModel) else None
        if lane.kind is not LaneKind.MODBUS or contact is None:
            lane.fire = lane.model.blind = True
        else:
            lane.unsure = True
            contact.hold_input("fire", True)
        for _person in range(3):
            await asyncio.sleep(seconds / 3)
            if self._inside > 0:
                lane.walk(Direction.OUT)
        lane.fire = lane.model.blind = False
        if lane.unsure and contact is not None:
            contact.hold_input("fire", False)
            await asyncio.sleep(FIRE_OVER)

    async def _server_fault(self, gate: Gate, name: str) -> None:
        link = gate.link
        if name == "server-down":
            link.refuse = True
            link.cut()
        elif name == "server-slow":
            link.delay = TIMEOUT
        elif name == "server-5xx":
            link.bad_gateway = True
        elif name == "answer-lost":
            link.cut_after = 0
        else:
            link.rate, link.delay = 8000, 0.2
        await asyncio.sleep(self.rng.uniform(1.5, 3.0))
        link.heal()

    async def _kill(self, gate: Gate) -> None:
        lanes = list(gate.lanes.values())
        for lane in lanes:
            lane.doubt(DOUBT)
            lane.unsure = True
        await gate.kill()
        await asyncio.sleep(self.rng.uniform(0.0, 1.0))
        await gate.start()
        await self._sure(gate, lanes)

    async def _step_clock(self, gate: Gate) -> None:
        gate.clock.write_text(str(self.rng.choice((-7200, -300, 300, 7200))))
        await asyncio.sleep(self.rng.uniform(1.5, 3.0))
        gate.clock.unlink()

    async def _sure(self, gate: Gate, lanes: list[SimLane]) -> None:
        """Once the bridge has these lanes again, what they report gets through."""
        await gate.linked(*(lane.code for lane in lanes))
        for lane in lanes:
            lane.unsure = False
