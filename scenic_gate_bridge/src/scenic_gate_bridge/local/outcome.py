"""A decision, and how it is kept for a repeat of the same request."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum

from ..model import Decision, Text, Verdict
from .facts import Facts
from .store import to_json


class DecidedBy(StrEnum):
    """In which mode a device decides by itself."""

    OFFLINE = "offline"
    SITE = "site"


@dataclass(frozen=True, slots=True)
class Outcome:
    """A decision with the id under which the server learns of it.

    `decision.code`, `.verdict`, `.passes` and `.text` are what the visitor is told.
    """

    request_id: str
    decision: Decision
    facts: Facts
    repeat: bool = False
    counted: bool = True  # whether those who enter are counted as people inside


def write_outcome(outcome: Outcome) -> str:
    decision, facts = outcome.decision, outcome.facts
    return to_json(
        {
            "verdict": decision.verdict.value,
            "code": decision.code,
            "text": {"en": decision.text.en, "zh": decision.text.zh},
            "remedy": {"en": decision.remedy.en, "zh": decision.remedy.zh},
            "passes": decision.passes,
            "product": decision.product,
            "ticket": facts.ticket,
            "persons": facts.persons,
            "left": facts.left,
            "again": facts.again,
            "right": decision.right,
        }
    )


def read_outcome(request_id: str, kept: str) -> Outcome:
    values = json.loads(kept)
    decision = Decision(
        verdict=Verdict(values["verdict"]),
        code=values["code"],
        text=Text(**values["text"]),
        remedy=Text(**values["remedy"]),
        passes=values["passes"],
        product=values["product"],
        ticket=values["ticket"],
        right=values["right"],
    )
    facts = Facts(
        ticket=values["ticket"],
        product=values["product"],
        persons=values["persons"],
        left=values["left"],
        again=values["again"],
    )
    return Outcome(request_id, decision, facts, repeat=True)
