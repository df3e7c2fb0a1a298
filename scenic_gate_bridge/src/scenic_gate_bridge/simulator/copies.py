"""What the simulator's own server tells a device that may decide: config and feed."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from ..model import iso
from .codes import PRODUCT_CLASS, RETURNS_CLASS, SITE, SPAN, ZONE, Mint, first_day
from .ledger import PRICE, Admission, Device, Leaving, Ticket

VERSION = "1"
ENTERS, RETURNS = 1, 2  # components
MOST_UNSYNCED = 50


def config(device: Device, mint: Mint, known: object) -> dict[str, Any]:
    """The answer to `config`."""
    answer = {"version": VERSION, "server_time": iso(datetime.now(UTC))}
    if known == VERSION:
        return answer | {"unchanged": True}
    days = {
        str(first_day() + timedelta(days=n)): {"open": None, "reservation": "none"}
        for n in range(15)
    }
    may = device.decides != "no"
    return answer | {
        "unchanged": False,
        "device": device.name,
        "decides": device.decides,
        "public_keys": [{"kid": 1, "key": mint.public_key}],
        "site_codes": [SITE],
        "lookup_key": mint.lookup_key if may else None,
        "offline": {
            "max_age_hours": 24,
            "admit_unsynced": True,
            "max_unsynced": MOST_UNSYNCED,
            "kinds": ["qr", "barcode", "ic_card", "id_document"],
        },
        "sites": [
            {"id": 1, "code": SITE, "name": _name("Park", "景区"), "tz": ZONE.key}
            | {"days": days}
        ],
        "rules": [],
        "components": [
            {"id": ENTERS, "site": 1, "product_class": PRODUCT_CLASS}
            | {"name": _name("Park", "景区"), "gate_name": "成人票"},
            {"id": RETURNS, "site": 1, "product_class": RETURNS_CLASS}
            | {"name": _name("Park", "景区"), "gate_name": "成人票"}
            | {"reentry": "after_exit", "has_rules": True},
        ],
        "lanes": [
            {"lane": code, "name": f"{code} 通道", "site": 1}
            | {"gate": {"id": 1, "name": device.name}, "direction": direction.value}
            for code, direction in device.lanes.items()
        ],
        "pools": [],
    }


@dataclass(slots=True)
class Others:
    """What others than the asking device did with a ticket, in persons and entries."""

    used: int = 0
    held: int = 0
    again_held: int = 0
    entered: int = 0
    gone: int = 0
    last: datetime | None = None

    def add(self, one: Admission) -> None:
        """An admission of theirs."""
        self.used += one.used
        self.held += one.reserved
        self.again_held += one.under_way if one.again else 0
        self.entered += one.passed
        if one.passed:
            self.last = max(filter(None, [self.last, one.at]))

    def today(self) -> dict[str, Any] | None:
        """As the feed tells it; a rehearsal is over in a day."""
        if not self.entered and not self.gone:
            return None
        return {
            "day": str(datetime.now(UTC).astimezone(ZONE).date()),
            "used": self.used,
            "entered": self.entered,
            "gone": self.gone,
            "last": iso(self.last) if self.last else None,
        }


@dataclass(slots=True)
class Feed:
    """The tickets as `sync` tells them. `changed` has each code once for each change,
    the newest last; a cursor counts how many of them were told."""

    numbers: dict[str, int]
    codes: dict[int, str]
    changed: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, codes: Iterable[str], unsynced: Collection[str]) -> Feed:
        """All tickets are new; their numbers are their places. Those `unsynced` are
        told after their first use."""
        numbers = {code: number for number, code in enumerate(codes, 1)}
        told = [code for code in numbers if code not in unsynced]
        return cls(numbers, {n: code for code, n in numbers.items()}, told)

    def page(
        self,
        params: dict[str, Any],
        device: Device,
        mint: Mint,
        tickets: dict[str, Ticket],
        admissions: Iterable[Admission],
        left: Iterable[Leaving],
    ) -> dict[str, Any]:
        """The answer to `sync`."""
        begin = int(params["cursor"] or 0)
        end = min(len(self.changed), begin + params["limit"])
        codes = dict.fromkeys(self.changed[begin:end])
        born = datetime.fromisoformat(params["born"])
        others = {code: Others() for code in codes}

        def theirs(one: Admission | Leaving) -> bool:
            return one.code in others and (one.device != device.name or one.at < born)

        for admission in filter(theirs, admissions):
            others[admission.code].add(admission)
        for leaving in filter(theirs, left):
            others[leaving.code].gone += leaving.count
        return {
            "cursor": str(end),
            "more": end < len(self.changed),
            "reset": False,
            "server_time": iso(datetime.now(UTC)),
            "tickets": [
                self._row(code, tickets[code], mint, counts)
                for code, counts in others.items()
            ],
            "gone": [],
        }

    def _row(
        self, code: str, ticket: Ticket, mint: Mint, others: Others
    ) -> dict[str, Any]:
        number, first = self.numbers[code], first_day()
        begin = datetime.combine(first, datetime.min.time(), ZONE)
        state = "valid"
        if ticket.used:
            state = "part_used" if ticket.used < ticket.entries else "used"
        return {
            "id": number,
            "name": ticket_name(number),
            "kind": "group" if ticket.persons > 1 else "individual",
            "state": state,
            "persons": ticket.persons,
            "product": "成人票",
            "first_day": str(first),
            "span": SPAN,
            "media": [
                [mint.lookup(code), "qr" if code[0] == "T" else "barcode", "active"]
            ],
            "rights": [
                {
                    "id": number,
                    "site": 1,
                    "component": RETURNS if ticket.returns else ENTERS,
                    "total": ticket.entries,
                    "from": iso(begin),
                    "to": iso(begin + timedelta(days=SPAN)),
                    "weekdays": 127,
                    "minute_from": 0,
                    "minute_to": 1440,
                    "value": f"{PRICE}.00",
                    "used": others.used,
                    "held": others.held,
                    "again_held": others.again_held,
                    "today": others.today(),
                }
            ],
        }


def ticket_name(number: int) -> str:
    """The number of a ticket as people see it."""
    return f"{number:010d}"


def _name(en: str, zh: str) -> dict[str, str]:
    return {"en": en, "zh": zh}
