"""One rule, two deciders: the bridge plays docs/gate-vectors.

Odoo plays the same files in scenic_ticket_gate/tests/test_vectors.py, and asserts that
its own config and feed are those of the files.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from scenic_gate_bridge.local import LocalDecider, Outcome
from scenic_gate_bridge.local.lane_modes import ToldLane
from scenic_gate_bridge.model import Direction, LaneMode

FOLDER = Path(__file__).parents[2] / "docs" / "gate-vectors"
FILES = sorted(FOLDER.glob("*.json"))


class Player:
    """A decider with the copy of a vector."""

    def __init__(self, vector: dict[str, Any]) -> None:
        self.media = vector["media"]
        self.decider = LocalDecider.in_memory()
        self.decider.load_config(vector["config"])
        self.decider.load_feed(vector["feed"])
        self.admissions: dict[str | None, Outcome] = {}

    def play(self, step: dict[str, Any]) -> None:
        """Do what a step says; an expectation that fails is an AssertionError."""
        now = datetime.fromisoformat(step["at"])
        match step:
            case {"scan": scan, "expect": expect}:
                self._scan(step.get("as"), scan, expect, now)
            case {"passed": count}:
                self.decider.passed(self._admission(step), count, now)
            case {"annulled": count}:
                self.decider.annulled(self._admission(step), count, now)
            case {"exit": values}:
                self._exit(values, now)
            case {"change": {"lane": lane, "mode": mode}}:
                self.decider.told_lanes([ToldLane(lane, "", "in", LaneMode(mode))])
            case {"change": _} | {"elsewhere": _}:
                # only the feed tells
                assert step["feed"]
            case _:
                pytest.fail(f"no such step: {step}")
        self.decider.load_feed(step.get("feed", ()))

    def _admission(self, step: dict[str, Any]) -> str:
        return self.admissions[step.get("of")].request_id

    def _scan(
        self,
        name: str | None,
        scan: dict[str, str],
        expect: dict[str, Any],
        now: datetime,
    ) -> None:
        medium = self.media[scan["medium"]]
        outcome = self.decider.decide(
            self.decider.read(medium["kind"], medium["value"]),
            scan["lane"],
            Direction(scan.get("direction", "in")),
            now,
        )
        decision, facts = outcome.decision, outcome.facts
        ticket = self.decider.store.by_name(facts.ticket or "-")
        seen = {
            "decision": decision.verdict.value,
            "code": decision.code,
            "passes": decision.passes,
            "ticket": ticket.id if ticket else None,
            "again": facts.again,
            "right": decision.right,
        }
        assert {key: seen[key] for key in expect} == expect
        assert decision.text.en and decision.text.zh
        assert "%" not in decision.text.en + decision.remedy.en
        if decision.code == "ADMIT":
            self.admissions[name] = self.admissions[None] = outcome

    def _exit(self, values: dict[str, Any], now: datetime) -> None:
        medium = self.media.get(values.get("medium"))
        self.decider.exit(values["lane"], now, values.get("count", 1), medium)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_the_decider_plays(path: Path) -> None:
    vector = json.loads(path.read_text("utf-8"))
    player = Player(vector)
    for number, step in enumerate(vector["steps"], 1):
        try:
            player.play(step)
        except AssertionError as error:
            raise AssertionError(f"{path.name}: step {number}: {error}") from error


def test_there_are_vectors() -> None:
    assert len(FILES) > 40
