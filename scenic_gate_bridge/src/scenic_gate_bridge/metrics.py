"""Prometheus metrics of one bridge."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


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
