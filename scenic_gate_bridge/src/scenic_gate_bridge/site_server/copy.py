"""What clients are told of the settings and of the place. In the journal's thread."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from ..journal import JournalDb
from ..local.lane_modes import write_lanes
from ..model import LaneMode, iso
from ..settings import SiteClient


def settings_answer(db: JournalDb, client: SiteClient) -> dict[str, Any]:
    """The config answer: what Odoo says of the lanes of this client. It decides
    nothing, and gets no secret."""
    told = json.loads(db.local.store.meta("config") or "{}")
    lanes = [each for each in told.get("lanes", []) if each["lane"] in client.lanes]
    answer = {
        name: value
        for name, value in told.items()
        if name not in ("version", "unchanged", "server_time", "fingerprints")
    } | {
        "device": client.name,
        "decides": "no",
        "lookup_key": None,
        "lanes": lanes,
    }
    text = json.dumps(answer, sort_keys=True, ensure_ascii=False)
    version = hashlib.sha256(text.encode()).hexdigest()[:32]
    return answer | {"version": version, "unchanged": False}


def heartbeat_answer(
    db: JournalDb, client: SiteClient, now: datetime
) -> dict[str, Any]:
    """The heartbeat's answer: as Odoo last said, and as its schedule went on since. A
    lane of which Odoo said nothing yet is left out."""
    local = db.local
    lanes = [
        each.as_of(now)
        for each in local.store.lanes.values()
        if each.lane in client.lanes
    ]
    return {
        "server_time": iso(now),
        "device": client.name,
        "config": settings_answer(db, client)["version"],
        "lanes": [
            told | {"mode": each.mode or LaneMode.LOCKED}
            for told, each in zip(write_lanes(lanes), lanes, strict=True)
        ],
        "inside": {
            str(pool): {"inside": inside, "held": held}
            for pool, (inside, held) in local.people_inside(now).items()
        },
    }
