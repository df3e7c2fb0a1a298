"""The watchdog is fed while every part turns, and only then."""

from __future__ import annotations

from scenic_gate_bridge.watchdog import Pulses


def test_a_part_that_does_not_turn_in_time_is_late() -> None:
    now = 0.0
    pulses = Pulses(lambda: now)
    assert pulses.late() == []
    lane, outbox = pulses.of("lane L1"), pulses.of("outbox")
    lane(10.0)
    outbox(60.0)
    now = 9.0
    assert pulses.late() == []
    now = 11.0
    assert pulses.late() == ["lane L1"]
    lane(10.0)
    assert pulses.late() == []
    now = 100.0
    assert pulses.late() == ["lane L1", "outbox"]
