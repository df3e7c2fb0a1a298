"""A small park as the server describes it: config, tickets, codes. For the tests."""

from __future__ import annotations

import base64
from datetime import UTC, date, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from scenic_gate_bridge.simulator.codes import look_up, signed_qr

SECRET = b"s" * 32
SIGNER = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
SITE = "YUNXI"
DAY = date(2026, 12, 1)  # a Tuesday
LANES = ("L1", "L2")


def at(clock: str = "09:00:00", day: date = DAY) -> datetime:
    """A moment on the clock of the site."""
    return datetime.fromisoformat(f"{day}T{clock}+08:00").astimezone(UTC)


def stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def lookup(text: str) -> str:
    return look_up(SECRET, text)


def qr(
    number: int,
    *,
    first: date = DAY,
    site: str = SITE,
    signer: Ed25519PrivateKey = SIGNER,
    **values: int,
) -> str:
    """A signed QR."""
    return signed_qr(signer, site, number, first, **values)


def component(number: int = 1, site: int = 1, **values: Any) -> dict[str, Any]:
    return {
        "id": number,
        "site": site,
        "product_class": 7,
        "name": {"en": f"Place {number}", "zh": f"景点{number}"},
        "gate_name": "成人票",
        "sequence": 10 * number,
        "choice": None,
        "in_sequence": False,
        "reentry": "none",
        "reentry_minutes": None,
        "antipassback": "none",
        "minutes_from_first": None,
        "grace_early": 0,
        "grace_late": 0,
        "has_rules": False,
        "staff_lanes": None,
    } | values


def config(**values: Any) -> dict[str, Any]:
    """A config answer: two lanes into site 1, one into site 2."""
    days = {
        str(DAY + timedelta(days=n)): {"open": None, "reservation": "none"}
        for n in range(-1, 15)
    }
    raw = SIGNER.public_key().public_bytes_raw()
    lanes = [
        {
            "lane": code,
            "name": {"en": f"Lane {code}", "zh": f"{code}通道"},
            "site": site,
            "gate": {"id": site, "name": {"en": f"Gate {site}", "zh": f"{site}号门"}},
            "direction": "in",
            "into": [],
            "out_of": [],
            "counted": False,
            "kind": "tripod",
        }
        for code, site in (("L1", 1), ("L2", 1), ("M1", 2))
    ]
    lanes.append(lanes[0] | {"lane": "X1", "direction": "out"})
    return {
        "version": "v1",
        "unchanged": False,
        "server_time": stamp(at()),
        "device": "test-1",
        "decides": "site",
        "public_keys": [{"kid": 1, "key": base64.b64encode(raw).decode()}],
        "site_codes": [SITE],
        "lookup_key": base64.b64encode(SECRET).decode(),
        "offline": {
            "max_age_hours": 24,
            "admit_unsynced": True,
            "max_unsynced": 3,
            "kinds": ["qr", "barcode", "ic_card", "id_document"],
        },
        "sites": [
            {
                "id": number,
                "code": SITE,
                "name": {"en": f"Site {number}", "zh": f"{number}号景区"},
                "tz": "Asia/Shanghai",
                "days": days,
            }
            for number in (1, 2)
        ],
        "rules": [],
        "components": [component(1), component(2, 2)],
        "lanes": lanes,
        "pools": [],
    } | values


def limited(**values: Any) -> dict[str, Any]:
    """A config whose site 1 has room for few people."""
    made = config()
    for lane in made["lanes"]:
        lane |= {"counted": True, "into": [1]}
    pool = {
        "id": 1,
        "name": {"en": "Inside", "zh": "园内"},
        "capacity": 2,
        "stop_at": None,
        "level": None,
        "site": 1,
    }
    return made | {"pools": [pool | values]}


def right(number: int = 1, **values: Any) -> dict[str, Any]:
    """An entitlement of one entry today."""
    return {
        "id": number,
        "site": 1,
        "component": 1,
        "rule": None,
        "total": 1,
        "refunded": 0,
        "unlimited": False,
        "daily": 0,
        "from": stamp(at("00:00:00")),
        "to": stamp(at("00:00:00", DAY + timedelta(days=1))),
        "weekdays": 127,
        "minute_from": 0,
        "minute_to": 1440,
        "value": "80.00",
        "used": 0,
        "held": 0,
        "again_held": 0,
        "today": None,
    } | values


def ticket(number: int = 1, *codes: str, **values: Any) -> dict[str, Any]:
    """A ticket of the feed; by default its only medium is its signed QR."""
    kinds = {"IC": "ic_card", "ID": "id_document", "T1": "qr"}
    return {
        "id": number,
        "name": f"{number:010d}",
        "kind": "individual",
        "state": "valid",
        "persons": 1,
        "product": "成人票",
        "booking": number,
        "visit_date": str(DAY),
        "slotted": False,
        "first_day": str(DAY),
        "span": 1,
        "first_entry_at": None,
        "blocked": None,
        "staff_lanes": None,
        "media": [
            [lookup(code), kinds.get(code[:2], "barcode"), "active"]
            for code in codes or (qr(number),)
        ],
        "rights": [right(number)],
        "reservations": [],
    } | values
