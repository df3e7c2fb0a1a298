"""What the server said of the lanes of this device: their modes, now and planned.

A lane of this bridge follows by itself (see heartbeat.py). What is kept here is for the
rule, and for the lanes of those whom a site server serves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from ..model import LaneMode, ModeSource, PlannedMode, iso

MOST_PLANNED = 200
LONGEST_NAME = 100


@dataclass(frozen=True, slots=True)
class ToldLane:
    """A lane as a heartbeat's answer has it. `mode`: None for one that this program
    does not know; `plan`: changes to come, soonest first; `by`: what brought the mode.
    """

    lane: str
    name: str
    direction: str
    mode: LaneMode | None
    plan: tuple[PlannedMode, ...] = ()
    by: ModeSource = ModeSource.SERVER

    def mode_at(self, now: datetime) -> LaneMode | None:
        """The mode with the changes that came since the server said it."""
        return self.as_of(now).mode

    def as_of(self, now: datetime) -> ToldLane:
        """The lane with the changes that came since the server said it."""
        due = [planned.mode for planned in self.plan if planned.at <= now]
        if not due:
            return self
        return replace(self, mode=due[-1], by=ModeSource.SCHEDULE)


def read_lanes(told: object) -> Iterator[ToldLane]:
    """The lanes of a heartbeat's answer that can be understood."""
    for item in told if isinstance(told, list) else []:
        code = item.get("lane") if isinstance(item, dict) else None
        if not isinstance(code, str):
            continue
        try:
            mode = LaneMode(item.get("mode"))
        except ValueError:
            mode = None
        yield ToldLane(
            lane=code,
            name=str(item.get("name") or "")[:LONGEST_NAME],
            direction=str(item.get("direction")),
            mode=mode,
            plan=tuple(read_plan(item.get("next"))),
            by=ModeSource.SCHEDULE
            if item.get("by") == ModeSource.SCHEDULE
            else ModeSource.SERVER,
        )


def write_lanes(lanes: Iterable[ToldLane]) -> list[dict[str, object]]:
    """The lanes in the form in which `read_lanes` reads them."""
    return [
        {
            "lane": each.lane,
            "name": each.name,
            "direction": each.direction,
            "mode": each.mode,
            "by": each.by,
            "next": [{"at": iso(p.at), "mode": p.mode} for p in each.plan],
        }
        for each in lanes
    ]


def read_plan(told: object) -> Iterator[PlannedMode]:
    """The planned changes that can be understood, soonest first."""
    found = []
    for item in told[:MOST_PLANNED] if isinstance(told, list) else []:
        try:
            found.append(PlannedMode(read_time(item["at"]), LaneMode(item["mode"])))
        except (TypeError, KeyError, ValueError):
            continue
    yield from sorted(found, key=lambda planned: planned.at)


def read_time(text: Any) -> datetime:
    """A time with offset; ValueError for anything else."""
    at = datetime.fromisoformat(text) if isinstance(text, str) else None
    if at is None or at.tzinfo is None:
        raise ValueError("no time")
    return at
