"""Decides for clients and keeps their facts. Runs in the journal's thread.

Ids mean something to the client that made them only. The id under which the journal and
Odoo know them is made of the client's name and its id, so that a repeat always finds
its first answer. A client's fact goes up as one of this device, in the order in which
it came.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ..journal import JournalDb
from ..local.outcome import DecidedBy, Outcome
from ..local.service import why_not
from ..model import Decision, Direction, iso
from ..settings import SiteClient
from .params import EventParams, ScanParams

OLD = 1000  # numbers behind the highest
NOWHERE = "?"  # the lane of a fact whose lane is not the client's
NAMESPACE = uuid.UUID("6f0c1b1e-2a53-4f5b-9a57-6d3c1f3f7c52")


def wire_id(client: str, client_id: str) -> str:
    """The id under which journal and Odoo know what this client calls so."""
    return str(uuid.uuid5(NAMESPACE, f"{client}/{client_id}"))


@dataclass(frozen=True, slots=True)
class Desk:
    """The journal as one client sees it."""

    db: JournalDb
    client: SiteClient

    def wire_id(self, client_id: str) -> str:
        """The id under which the journal and Odoo know an id of the client."""
        return wire_id(self.client.name, client_id)

    # -- scans -------------------------------------------------------------------------

    def validate(self, scan: ScanParams, now: datetime) -> dict[str, Any]:
        """Decide on a scan, once."""
        refusal = why_not(self.db, DecidedBy.SITE, now)
        request_id = self.wire_id(scan.request_id)
        with self.db.transaction():
            outcome = self.db.local.known(request_id)
            if outcome is None and refusal is not None:
                return _answer(scan, refusal, now)
            if outcome is None:
                outcome = self._decide(scan, request_id, now)
        facts = outcome.facts
        ticket = {
            "name": facts.ticket,
            "product": facts.product,
            "persons": facts.persons,
            "left": facts.left,
            "right": outcome.decision.right,
        }
        return _answer(scan, outcome.decision, now) | {
            "repeat": outcome.repeat,
            "again": facts.again,
            "ticket": ticket if facts.ticket else None,
        }

    def _decide(self, scan: ScanParams, request_id: str, now: datetime) -> Outcome:
        local = self.db.local
        kind, value = scan.credential.kind, scan.credential.value
        read = local.read(kind.value, value)
        if scan.lane not in self.client.lanes:
            return local.refuse_within(
                "LANE_UNKNOWN", read, NOWHERE, scan.direction, now, request_id
            )
        place = (read, scan.lane, scan.direction, now, request_id)
        newest = local.store.newest_number(self.client.key_hash)
        if scan.seq < newest - OLD:
            return local.refuse_within("SEQUENCE", *place)
        if not local.store.take_number(self.client.key_hash, scan.seq):
            return local.refuse_within("SEQUENCE", *place)
        return local.decide_within(*place, DecidedBy.SITE)

    # -- facts -------------------------------------------------------------------------

    def report(self, event: EventParams, now: datetime) -> dict[str, Any]:
        """Keep a fact, once."""
        event_id = self.wire_id(event.event_id)
        with self.db.transaction():
            if self.db.has_fact(event_id):
                code = "REPEAT"
            else:
                code = self._keep(event, event_id, now)
        return {"event_id": event.event_id, "code": code}

    def _keep(self, event: EventParams, event_id: str, now: datetime) -> str:
        local, kind = self.db.local, event.type
        note, code = event.note, "OK"
        if not local.store.take_number(self.client.key_hash, event.seq):
            note = "; ".join(filter(None, (note, "seq reused")))
        lane = event.lane
        if lane not in self.client.lanes:
            note = "; ".join(filter(None, (f"lane {lane} of {self.client.name}", note)))
            lane, code = NOWHERE, "LANE_UNKNOWN"
        at = min(event.at, now)
        request_id = self.wire_id(event.request_id) if event.request_id else None
        if kind in ("passed", "annulled") and request_id is not None:
            code = self._of_admission(event, request_id, lane, now, code)
        credential = None
        if kind == "exit" and event.credential is not None:
            shown = event.credential
            credential = {"kind": shown.kind.value, "value": shown.value}
        self.db.keep_fact(
            event_id,
            lane,
            kind,
            at,
            direction=event.direction or _usual(kind),
            request_id=request_id,
            count=event.count,
            assumed=event.assumed,
            note=note,
            credential=credential,
            photo=event.photo,
        )
        return code

    def _of_admission(
        self,
        event: EventParams,
        request_id: str,
        lane: str,
        now: datetime,
        code: str,
    ) -> str:
        """The code for the end of an admission, `code` where nothing is odd."""
        kept = self.db.local.store.decision(request_id)
        if kept is None:
            if event.type == "passed":
                return "CONFLICT"
            # the request may still be on its way: it must not reserve afterwards
            self.db.local.annul_within(request_id, lane, now)
            return code
        return "CONFLICT" if (event.count or 0) > kept.left else code


def _usual(kind: str) -> Direction:
    return Direction.OUT if kind == "exit" else Direction.IN


def _answer(scan: ScanParams, decision: Decision, now: datetime) -> dict[str, Any]:
    return {
        "request_id": scan.request_id,
        "decision": decision.verdict.value,
        "code": decision.code,
        "passes": decision.passes,
        "repeat": False,
        "text": {"en": decision.text.en, "zh": decision.text.zh},
        "remedy": {"en": decision.remedy.en, "zh": decision.remedy.zh},
        "ticket": None,
        "server_time": iso(now),
    }
