"""A small decision server of the simulator's own, so that a park runs by itself.

It speaks docs/gate-api.md (validate, report, heartbeat, config, sync) over real HTTP,
knows tickets by their codes only, and keeps a ledger of every admission and every
event, with which the reconciliation compares what the bridges say.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ..model import LaneDirection, iso
from . import copies
from .codes import Mint
from .ledger import PRICE, Admission, Device, Leaving, Ticket
from .park import ParkError

REFUSALS = {
    "UNKNOWN": ("No such ticket", "无此票"),
    "FORGED": ("Not a genuine code", "票码无效"),
    "INSIDE": ("Already inside", "持票人已在园内"),
    "USED": ("Already used", "该票已使用"),
    "IN_USE": ("In use at another lane", "该票正在其他通道使用"),
    "VOID": ("Cancelled", "该票已作废"),
    "LANE_UNKNOWN": ("This lane is not known", "通道未登记"),
    "WRONG_DIRECTION": ("Use an entry lane", "请走入口通道"),
}
# facts that move no entry
PLAIN = {
    "exit",
    "entry",
    "refused",
    "forced",
    "tailgating",
    "wrong_direction",
    "pinch",
    "muted",
    "mode",
    "emergency",
    "emergency_over",
    "fire",
    "fire_over",
    "fault",
    "fault_cleared",
    "link_down",
    "link_up",
}


@dataclass(slots=True)
class Authority:
    """The server's memory. `devices` are known by their keys; `unsynced`: codes that no
    copy has before they are used; `left`: who showed a code at an exit."""

    devices: dict[str, Device]
    tickets: dict[str, Ticket]
    mint: Mint = field(default_factory=lambda: Mint(random.Random(0)))
    unsynced: set[str] = field(default_factory=set)
    left: list[Leaving] = field(default_factory=list)
    admissions: dict[str, Admission] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    _feed: copies.Feed = field(init=False)
    _unusable: set[str] = field(default_factory=set)
    _runner: web.AppRunner | None = None

    def __post_init__(self) -> None:
        self._feed = copies.Feed.of(self.tickets, self.unsynced)

    async def start(self) -> int:
        """Serve on 127.0.0.1; returns the port."""
        app = web.Application(client_max_size=4 << 20)
        app.router.add_post("/scenic/gate/v1/{path}", self._call)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.5)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        except OSError as error:
            raise ParkError(f"cannot serve: {error}") from error
        return int(self._runner.addresses[0][1])

    async def stop(self) -> None:
        """Serve no longer."""
        if self._runner is not None:
            await self._runner.cleanup()

    # -- the rules ---------------------------------------------------------------------

    def validate(self, device: Device, params: dict[str, Any]) -> dict[str, Any]:
        """Decide on scans; an admission reserves its entries."""
        return {"results": [self._decide(device, scan) for scan in params["scans"]]}

    def _decide(self, device: Device, scan: dict[str, Any]) -> dict[str, Any]:
        request_id: str = scan["request_id"]
        known = self.admissions.get(request_id)
        if known is not None:
            return known.answer | {"repeat": True}
        self._number(device, scan["seq"], request_id)
        code: str = scan["credential"]["value"]
        ticket = self.tickets.get(code)
        lane = device.lanes.get(scan["lane"])
        verdict, passes, again = "ADMIT", 0, False
        if request_id in self._unusable:
            verdict = "VOID"
        elif lane is None:
            verdict = "LANE_UNKNOWN"
        elif scan["direction"] != "in" or lane is LaneDirection.OUT:
            verdict = "WRONG_DIRECTION"
        elif ticket is None:
            verdict = "FORGED" if code.startswith("T1") else "UNKNOWN"
        elif ticket.again > 0:
            passes, again = ticket.again, True
        elif ticket.again_held:
            verdict = "IN_USE"
        elif ticket.used >= ticket.entries and ticket.returns:
            verdict = "INSIDE"
        elif ticket.used >= ticket.entries:
            verdict = "USED"
        elif ticket.left <= 0:
            verdict = "IN_USE"
        else:
            passes = ticket.left if ticket.persons > 1 else 1
        en, zh = REFUSALS.get(verdict, ("Welcome", "欢迎光临"))
        answer = {
            "request_id": request_id,
            "decision": "admit" if passes else "deny",
            "code": verdict,
            "passes": passes,
            "repeat": False,
            "again": again,
            "text": {"en": en, "zh": zh},
            "remedy": {"en": "", "zh": ""},
            "ticket": None,
            "server_time": iso(datetime.now(UTC)),
        }
        if ticket is not None:
            number = self._feed.numbers[code]
            told: dict[str, Any] = {"name": copies.ticket_name(number)}
            told |= {"product": "成人票", "persons": ticket.persons}
            told |= {"right": number if passes else None}
            left = ticket.left - (0 if again else passes)
            answer["ticket"] = told | {"left": left}
        self._admit(request_id, code, scan["lane"], device, passes, again, answer)
        return answer

    def _admit(
        self,
        request_id: str,
        code: str,
        lane: str,
        device: Device,
        passes: int,
        again: bool,
        answer: dict[str, Any],
    ) -> Admission:
        """Write a decision down, and reserve as many entries as there are; a free
        re-entry needs none."""
        at = datetime.now(UTC)
        made = Admission(code, lane, device.name, at, passes, answer, again)
        ticket = self.tickets.get(code)
        if ticket is not None:
            made.reserved = 0 if again else min(passes, ticket.left)
            ticket.reserved += made.reserved
            ticket.again_held += passes if again else 0
            self._feed.changed.append(code)
        made.double = 0 if again else passes - made.reserved
        self.admissions[request_id] = made
        return made

    def report(self, device: Device, params: dict[str, Any]) -> dict[str, Any]:
        """Keep what the lanes did, each fact once."""
        return {"results": [self._keep(device, event) for event in params["events"]]}

    def _keep(self, device: Device, event: dict[str, Any]) -> dict[str, Any]:
        answer = {"event_id": event["event_id"]}
        repeat = event["event_id"] in self.events
        if not repeat:
            self.events[event["event_id"]] = event
            self._number(device, event["seq"], event["event_id"])
        kind = event["type"]
        if kind == "admitted":
            return answer | self._keep_admitted(device, event, repeat)
        if repeat:
            return answer | {"code": "REPEAT"}
        code = "OK"
        if event["lane"] not in device.lanes:
            code = self._trouble("LANE_UNKNOWN", event)
        elif kind in ("passed", "annulled"):
            code = self._end(event)
        elif kind == "exit" and "credential" in event:
            self._count_out(device, event)
        elif kind not in PLAIN:
            code = self._trouble("CONFLICT", event)
        return answer | {"code": code}

    def _keep_admitted(
        self, device: Device, event: dict[str, Any], repeat: bool
    ) -> dict[str, Any]:
        """The device has let people in by itself: what is not free any more is told
        as a conflict with its value, again with each repeat."""
        request_id = event["request_id"]
        if not repeat:
            # of a genuine QR that is not in its copy a device knows no right
            code = self._feed.codes.get(event.get("right", 0), "")
            if "credential" in event:
                code = event["credential"]["value"]
            if code not in self.tickets or event["lane"] not in device.lanes:
                self._trouble("admitted by what nobody sold", event)
            place = (event["lane"], device, event["count"], event["again"])
            self._admit(request_id, code, *place, {})
        kept = self.admissions[request_id]
        if not kept.double:
            return {"code": "REPEAT" if repeat else "OK"}
        return {
            "code": "REPEAT" if repeat else "CONFLICT",
            "conflict": {
                "why": "DOUBLE_USE",
                "ticket": copies.ticket_name(self._feed.numbers[kept.code]),
                "persons": kept.double,
                "value": f"{kept.double * PRICE}.00",
                "currency": "CNY",
            },
        }

    def _count_out(self, device: Device, event: dict[str, Any]) -> None:
        """Any code opens an exit; of those that were sold it is remembered."""
        code, count = event["credential"]["value"], event["count"]
        now, assumed = datetime.now(UTC), event["assumed"]
        self.left.append(Leaving(code, device.name, now, count, assumed))
        if code in self.tickets:
            self.tickets[code].gone += count
            self._feed.changed.append(code)

    def _end(self, event: dict[str, Any]) -> str:
        request_id = event["request_id"]
        kept = self.admissions.get(request_id)
        if kept is None:
            if event["type"] == "annulled":
                self._unusable.add(request_id)
                return "OK"
            return self._trouble("CONFLICT", event)
        ticket = self.tickets.get(kept.code, Ticket())
        assumed = event.get("assumed") is True
        fits = kept.end(event["type"], event.get("count"), assumed, ticket)
        if kept.code in self.tickets:
            self._feed.changed.append(kept.code)
        return "OK" if fits or not kept.passes else self._trouble("CONFLICT", event)

    def heartbeat(self, device: Device, params: dict[str, Any]) -> dict[str, Any]:
        """Take a sign of life; answer with the lanes."""
        # who got no answer may send the same once more
        said = json.dumps(params, sort_keys=True)
        self._number(device, params["seq"], said)
        for lane in params["lanes"]:
            ends = ("completed", "timed_out", "revoked", "outstanding")
            if lane["granted"] != sum(lane[name] for name in ends):
                self.troubles.append(f"lane {lane['lane']}: counters do not add up")
        return {
            "server_time": iso(datetime.now(UTC)),
            "device": device.name,
            "config": copies.VERSION,
            "inside": {},
            "lanes": [
                {
                    "lane": code,
                    "name": f"{code} 通道",
                    "direction": direction.value,
                    "mode": "controlled",
                    "next": [],
                }
                for code, direction in device.lanes.items()
            ],
        }

    def config(self, device: Device, params: dict[str, Any]) -> dict[str, Any]:
        """What a device needs to know beside the tickets."""
        return copies.config(device, self.mint, params.get("version"))

    def sync(self, device: Device, params: dict[str, Any]) -> dict[str, Any]:
        """The tickets for a device that decides."""
        books = (self.tickets, self.admissions.values(), self.left)
        return self._feed.page(params, device, self.mint, *books)

    def _number(self, device: Device, seq: int, what: object) -> None:
        if device.numbers.setdefault(seq, what) != what:
            self.troubles.append(f"{device.name}: message number {seq} came twice")

    def _trouble(self, code: str, event: dict[str, Any]) -> str:
        self.troubles.append(f"{code}: {event['type']} at lane {event['lane']}")
        return code

    # -- HTTP --------------------------------------------------------------------------

    async def _call(self, request: web.Request) -> web.Response:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        device = self.devices.get(key)
        if device is None or device.revoked:
            return _error(401, -32001, "DEVICE_KEY_INVALID")
        methods = {
            "validate": self.validate,
            "report": self.report,
            "heartbeat": self.heartbeat,
            "config": self.config,
            "sync": self.sync,
        }
        method = methods.get(request.match_info["path"])
        if method is None:
            raise web.HTTPNotFound(text="no such method\n")
        try:
            body = await request.json()
        except ConnectionError:
            # cut in the middle of a request, as the script wants
            raise web.HTTPBadRequest from None
        try:
            result = method(device, body["params"])
        except (KeyError, TypeError) as error:
            self.troubles.append(f"{device.name}: malformed request: {error!r}")
            return _error(400, -32602, "INVALID_PARAMS", body["id"])
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": result})


def _error(status: int, number: int, code: str, call: Any = None) -> web.Response:
    error = {"code": number, "message": code, "data": {"code": code}}
    return web.json_response(
        {"jsonrpc": "2.0", "id": call, "error": error}, status=status
    )
