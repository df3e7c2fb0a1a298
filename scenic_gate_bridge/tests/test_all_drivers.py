"""One set of rules for every lane driver.

Real drivers, the real lane and the real journal database stand against simulated
devices on lines that cut, spoil and lose; visitors walk, push or stand still. Time is
virtual. Whatever happens: the books add up, no admission is forgotten, and a lane that
is left alone rests as its mode says.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from scenic_gate_bridge import refusals
from scenic_gate_bridge.drivers import make_driver
from scenic_gate_bridge.drivers.base import Caps
from scenic_gate_bridge.journal import JournalDb
from scenic_gate_bridge.lane import Lane
from scenic_gate_bridge.lane_machine import LaneMachine, Phase
from scenic_gate_bridge.lane_words import LaneRules, SetEmergency
from scenic_gate_bridge.metrics import Metrics
from scenic_gate_bridge.model import (
    Code,
    Decision,
    Direction,
    LaneMode,
    ModeSource,
    Scan,
    Text,
    Verdict,
)
from scenic_gate_bridge.settings import (
    InfraredSettings,
    LaneSettings,
    ManualSettings,
    ModbusSettings,
    TpwSettings,
)
from scenic_gate_bridge.simulator.board_model import BoardModel
from scenic_gate_bridge.simulator.catrax_model import CatraxModel
from scenic_gate_bridge.simulator.tpw_model import TpwModel
from scenic_gate_bridge.supervisor import supervise
from scenic_gate_bridge.watchdog import DEVICE_TURN, Pulses
from virtual import VirtualLoop, Wire

PORT = 5000
LINE = {"kind": "tcp", "host": "127.0.0.1", "port": PORT}
RELAYS = {"release_in": 0, "release_out": 1, "free_in": 2, "free_out": 3}
PASSES = {"pass_in": 0, "pass_out": 1}
MODBUS = {"kind": "modbus", "transport": LINE, "fire": 7, "inverted": [7]}
DRIVERS: dict[str, dict[str, Any]] = {
    "catrax": {"kind": "catrax", "transport": LINE, "poll": 2.0},
    "tpw": {"kind": "tpw-321asp", "transport": LINE, "address": 1},
    "modbus": MODBUS | RELAYS | PASSES,
    "modbus-hold": MODBUS | RELAYS | PASSES | {"hold": True, "pulse": 5.0},
    "modbus-blind": MODBUS | RELAYS,
    "infrared": {
        "kind": "infrared", "transport": LINE, "beam_a": 0, "beam_b": 1, "poll": 0.05,
    },
    "manual": {"kind": "manual"},
}  # fmt: skip
SEEN = ("passed", "exit", "entry", "forced", "tailgating", "wrong_direction")


class Nothing:
    """The device of a lane without one."""

    def __init__(self) -> None:
        self.passed = {Direction.IN: 0, Direction.OUT: 0}
        self.releases = 0

    def feed(self, data: bytes) -> bytes:
        return b""

    def push(self, direction: Direction, *, force: bool = False) -> bytes | None:
        self.passed[direction] += 1
        return b""

    def released(self, direction: Direction) -> bool:
        return True

    is_free = released


class Journal:
    """The real database, in this thread: there is no other under virtual time."""

    def __init__(self) -> None:
        self.db = JournalDb(Path(":memory:"))

    async def call(self, work: Any) -> Any:
        return work(self.db)


class DriverModel(RuleBasedStateMachine):
    """A lane with one kind of driver, its device, its line and its visitors."""

    kind = "catrax"

    def __init__(self) -> None:
        super().__init__()
        self.loop = VirtualLoop()
        self.journal = Journal()
        self.clean = True
        self.next_decision = admit(1)

    @initialize(
        seed=st.integers(0, 2**32 - 1),
        direction=st.sampled_from(["in", "out", "both"]),
    )
    def begin(self, seed: int, direction: str) -> None:
        if self.kind == "infrared":
            direction = "out"
        lane = {"code": "L1", "direction": direction, "driver": DRIVERS[self.kind]}
        free_exit = self.kind == "infrared"
        self.lane_settings = LaneSettings(**lane, free_exit=free_exit)
        self.model = self.make_model()
        rng = random.Random(seed)
        self.wire = self.loop.wires[PORT] = Wire(self.loop, self.model, rng)
        self.driver = make_driver(self.lane_settings)
        rules = LaneRules(
            "L1",
            self.lane_settings.direction,
            free_exit=free_exit,
            caps=self.driver.caps,
        )
        self.machine = LaneMachine(rules)
        journal: Any = self.journal
        self.lane = Lane(self.machine, self.driver, journal, self.decide, Metrics())
        self.pulses = Pulses(self.loop.time)
        self.driver.turns = self.pulses.of("turnstile")
        self.tasks = [
            self.loop.create_task(self.lane.run()),
            self.loop.create_task(
                supervise(
                    "L1", lambda: self.driver.run(self.lane.put), self.driver.turns
                )
            ),
        ]
        self.wait(6)
        assert self.machine.link

    def make_model(self) -> Any:
        driver = self.lane_settings.driver
        if isinstance(driver, (ModbusSettings, InfraredSettings)):
            return BoardModel(driver, self.loop.time, "tcp")
        if isinstance(driver, TpwSettings):
            return TpwModel(driver.address)
        return Nothing() if isinstance(driver, ManualSettings) else CatraxModel()

    async def decide(self, request_id: str, scan: Scan) -> Decision:
        await self.journal.call(lambda db: db.ask(request_id, scan, scan.at))
        await asyncio.sleep(0.05)
        return self.next_decision

    def wait(self, seconds: float) -> None:
        self.loop.run_until_complete(asyncio.sleep(seconds))
        assert not self.pulses.late()
        for task in self.tasks:
            if task.done():
                task.result()

    def teardown(self) -> None:
        if hasattr(self, "tasks"):
            try:
                self.left_alone()
                self.stopped()
            finally:
                for task in self.tasks:
                    task.cancel()
                gathered = asyncio.gather(*self.tasks, return_exceptions=True)
                self.loop.run_until_complete(gathered)
        self.journal.db.close()
        self.loop.close()

    # -- people ------------------------------------------------------------------------

    @rule(
        decision=st.sampled_from([1, 1, 1, 3, 0]),
        inwards=st.booleans(),
        seconds=st.sampled_from([0.0, 0.06, 0.3, 1.0]),
    )
    def scan(self, decision: int, inwards: bool, seconds: float) -> None:
        served = sorted(self.lane_settings.direction.served)
        direction = served[0] if inwards else served[-1]
        self.next_decision = admit(decision) if decision else refusals.OFFLINE
        at = datetime(2026, 12, 1, tzinfo=UTC)
        self.lane.scan(Scan("L1", direction, Code(f"C{self.loop.now}"), at))
        self.wait(seconds)

    @rule(
        direction=st.sampled_from(Direction),
        force=st.sampled_from([False] * 4 + [True]),
    )
    def walk(self, direction: Direction, force: bool) -> None:
        was_up = self.machine.link
        report = self.model.push(direction, force=force)
        if report is not None:
            self.wire.send(report)
            self.wait(1.2)
        if not (was_up and self.machine.link):
            # a board that refused ten commands is being dialled anew: it tells nobody
            self.clean = False

    @rule(seconds=st.sampled_from([0.1, 0.7, 3.0, 6.0]))
    def time_passes(self, seconds: float) -> None:
        self.wait(seconds)

    # -- the line ----------------------------------------------------------------------

    @rule(deaf=st.integers(0, 2), mute=st.integers(0, 2))
    def line_loses(self, deaf: int, mute: int) -> None:
        self.clean = False
        self.wire.deaf, self.wire.mute = deaf, mute

    @rule(noise=st.binary(min_size=1, max_size=40))
    def noise(self, noise: bytes) -> None:
        self.clean = False
        self.wire.send(noise)
        self.wait(0.1)

    @rule(seconds=st.sampled_from([0.1, 2.0]))
    def pull(self, seconds: float) -> None:
        self.clean = False
        self.wire.unplug()
        self.wait(seconds)
        self.wire.plugged = True

    @rule(count=st.sampled_from([1, 1, 2, 10]))
    def refuse(self, count: int) -> None:
        if not isinstance(self.model, Nothing):
            self.model.refuse = count

    # -- people who run the place ------------------------------------------------------

    @rule(mode=st.sampled_from(LaneMode))
    def set_mode(self, mode: LaneMode) -> None:
        self.lane.set_mode(mode, ModeSource.SERVER)
        self.wait(0.1)

    @rule(on=st.booleans())
    def set_emergency(self, on: bool) -> None:
        self.lane.put(SetEmergency(on))
        self.wait(0.1)

    @rule(on=st.booleans())
    def fire(self, on: bool) -> None:
        if isinstance(self.lane_settings.driver, ModbusSettings):
            self.model.hold_input("fire", on)
            self.wait(0.3)

    # -- what always holds ----------------------------------------------------------

    @invariant()
    def books(self) -> None:
        if not hasattr(self, "machine"):
            return
        counters = self.machine.counters
        assert counters.granted == (
            counters.completed
            + counters.timed_out
            + counters.revoked
            + self.machine.outstanding
        )
        passed, granted = self.rows(
            "SELECT total(passed), total(passes) FROM journal WHERE state != 'denied'"
        )[0]
        assert counters.completed == passed
        assert counters.granted <= granted

    def rows(self, statement: str) -> list[Any]:
        return self.journal.db._con.execute(statement).fetchall()

    def left_alone(self) -> None:
        """With the line healed and nobody there, the lane does what its mode says."""
        self.wire.deaf = self.wire.mute = 0
        self.wire.plugged = True
        if not isinstance(self.model, Nothing):
            self.model.refuse = 0
        machine = self.machine
        calm = 0
        for _ in range(15):  # a link that was lost often is tried again after 36 s
            self.wait(5)
            calm = calm + 1 if machine.link and machine.phase is Phase.IDLE else 0
            if calm == 3:
                break
        assert calm == 3
        free = machine.commanded_rest
        burning = machine.fire
        barrier = not isinstance(
            self.lane_settings.driver, (InfraredSettings, ManualSettings)
        )
        for way in Direction:
            if barrier and not burning:
                assert self.model.is_free(way) is (way in free)
                assert self.model.released(way) is (way in free)
        if self.clean and Caps.PASS_DONE in self.driver.caps:
            self.everybody_was_seen()

    def everybody_was_seen(self) -> None:
        told: Counter[str] = Counter()
        for (body,) in self.rows("SELECT body FROM outbox"):
            event = json.loads(body)
            if event["type"] in SEEN and not event.get("assumed"):
                told[event["direction"]] += event.get("count", 1)
        assert told == {
            way.value: count for way, count in self.model.passed.items() if count
        }

    def stopped(self) -> None:
        self.lane.stop()
        self.wait(15)
        assert self.machine.finished
        for state, passes, passed, annulled in self.rows(
            "SELECT state, passes, passed, annulled FROM journal"
        ):
            assert state in ("passed", "annulled", "denied")
            assert state == "denied" or passed + annulled == passes


def admit(passes: int) -> Decision:
    return Decision(Verdict.ADMIT, "ADMIT", Text("in", "请进"), passes=passes)


@pytest.mark.parametrize("kind", DRIVERS)
def test_a_driver_that_nobody_uses_still_turns(kind: str) -> None:
    """Else the watchdog would end the bridge in a quiet hour."""
    machine = type(kind, (DriverModel,), {"kind": kind})()
    machine.begin(seed=1, direction="in")
    try:
        machine.wait(2 * DEVICE_TURN)
        machine.wire.unplug()
        machine.wait(2 * DEVICE_TURN)
        machine.wire.plugged = True
    finally:
        machine.teardown()


@pytest.mark.timeout(600)  # minutes of a lane's life, on a machine that may be busy
@pytest.mark.parametrize("kind", DRIVERS)
def test_every_driver_keeps_the_books(kind: str) -> None:
    machine = type(kind, (DriverModel,), {"kind": kind})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=12, stateful_step_count=15)
    )
