"""Prometheus metrics of one bridge."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from .model import LaneMode


class Metrics:
    """Its own registry, so that two bridges in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.scans = Counter(
            "scenic_gate_scans",
            "Scans answered, by lane and decision code",
            ["lane", "code"],
            registry=self.registry,
        )
        self.rejected = Counter(
            "scenic_gate_rejected_reads",
            "Reads that were no scan, by lane and reason",
            ["lane", "reason"],
            registry=self.registry,
        )
        self.passes = Gauge(
            "scenic_gate_passes",
            "Persons since the start, by lane and how their grant stands",
            ["lane", "outcome"],
            registry=self.registry,
        )
        self.mode = Gauge(
            "scenic_gate_lane_mode",
            "1 for the mode in which the lane works, 0 for the others",
            ["lane", "mode"],
            registry=self.registry,
        )
        self.link = Gauge(
            "scenic_gate_link_up",
            "1 while the turnstile answers",
            ["lane"],
            registry=self.registry,
        )
        self.reported = Counter(
            "scenic_gate_reported_events",
            "Facts that the server confirmed, by its code",
            ["code"],
            registry=self.registry,
        )
        self.outbox = Gauge(
            "scenic_gate_outbox",
            "Facts that wait for the server",
            registry=self.registry,
        )
        self.outbox_age = Gauge(
            "scenic_gate_outbox_age_seconds",
            "For how long the oldest of them has waited, 0 if none does",
            registry=self.registry,
        )
        self.copy_age = Gauge(
            "scenic_gate_copy_age_seconds",
            "How old the copy of the tickets is, NaN without one",
            registry=self.registry,
        )
        self.conflicts = Gauge(
            "scenic_gate_conflicts",
            "Admissions of this bridge that the server could not reconcile",
            registry=self.registry,
        )
        self.server = Gauge(
            "scenic_gate_server_up",
            "1 while the server answers",
            registry=self.registry,
        )
        self.decided = Counter(
            "scenic_gate_decisions",
            "Scans by who decided: server, offline or site (the bridge), nobody",
            ["by"],
            registry=self.registry,
        )
        self.unresolved = Gauge(
            "scenic_gate_unresolved",
            "Admissions that are not finished",
            registry=self.registry,
        )
        self.decision = Histogram(
            "scenic_gate_decision_seconds",
            "From asking the server to its answer",
            buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6),
            registry=self.registry,
        )
        self.journal = Histogram(
            "scenic_gate_journal_seconds",
            "One transaction of the journal",
            buckets=(0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.2, 1),
            registry=self.registry,
        )

    def lane_mode(self, lane: str, mode: LaneMode) -> None:
        """The mode in which a lane works from now on."""
        for each in LaneMode:
            self.mode.labels(lane, each.value).set(each is mode)

    def books(
        self,
        now: datetime,
        *,
        outbox: int,
        unresolved: int,
        oldest: str | None,
        copy_at: str | None,
        conflicts: int,
    ) -> None:
        """What the journal holds at this moment. `oldest`: since when the first fact
        waits, `copy_at`: as of when the copy is complete."""
        self.outbox.set(outbox)
        self.unresolved.set(unresolved)
        self.outbox_age.set(_age(oldest, now) if oldest else 0)
        self.copy_age.set(_age(copy_at, now) if copy_at else float("nan"))
        self.conflicts.set(conflicts)


def _age(at: str, now: datetime) -> float:
    return max(0.0, (now - datetime.fromisoformat(at)).total_seconds())
