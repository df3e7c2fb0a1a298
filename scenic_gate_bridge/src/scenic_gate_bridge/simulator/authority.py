"""A small decision server of the simulator's own, so that a park runs by itself.

It speaks docs/gate-api.md (validate, report, heartbeat) over real HTTP, knows tickets
by their codes only, and keeps a ledger of every admission and every event, with which
the reconciliation compares what the bridges say.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from ..model import LaneDirection, iso
from .park import ParkError

REFUSALS = {
    "UNKNOWN": ("No such ticket", "无此票"),
    "USED": ("Already used", "该票已使用"),
    "IN_USE": ("In use at another lane", "该票正在其他通道使用"),
    "VOID": ("Cancelled", "该票已作废"),
    "LANE_UNKNOWN": ("This lane is not known", "通道未登记"),
    "WRONG_DIRECTION": ("Use an entry lane", "请走入口通道"),
}
ALARMS = {
    "forced",
    "tailgating",
    "wrong_direction",
    "fault",
    "fault_cleared",
    "link_down",
    "link_up",
}


@dataclass(slots=True)
class Device:
    """A bridge that may ask, and its lanes."""

    name: str
    lanes: dict[str, LaneDirection]
    revoked: bool = False
    seqs: set[int] = field(default_factory=set)


@dataclass(slots=True)
class Ticket:
    """One code. With several `persons` one scan opens for all entries left."""

    entries: int = 1
    persons: int = 1
    used: int = 0
    reserved: int = 0

    @property
    def left(self) -> int:
        """Entries neither used nor reserved."""
        return self.entries - self.used - self.reserved


@dataclass(slots=True)
class Admission:
    """What was decided for one request, and what became of it, in persons."""

    code: str
    lane: str
    passes: int
    answer: dict[str, Any]
    passed: int = 0
    assumed: int = 0
    annulled: int = 0

    @property
    def open(self) -> int:
        """Entries still reserved for it."""
        return self.passes - self.passed - self.annulled


@dataclass(slots=True)
class Authority:
    """The server's memory. `devices` are known by their keys."""

    devices: dict[str, Device]
    tickets: dict[str, Ticket]
    admissions: dict[str, Admission] = field(default_factory=dict)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    troubles: list[str] = field(default_factory=list)
    _unusable: set[str] = field(default_factory=set)
    _runner: web.AppRunner | None = None

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
        self._number(device, scan["seq"])
        code: str = scan["credential"]["value"]
        ticket = self.tickets.get(code)
        lane = device.lanes.get(scan["lane"])
        verdict, passes = "ADMIT", 0
        if request_id in self._unusable:
            verdict = "VOID"
        elif lane is None:
            verdict = "LANE_UNKNOWN"
        elif scan["direction"] != "in" or lane is LaneDirection.OUT:
            verdict = "WRONG_DIRECTION"
        elif ticket is None:
            verdict = "UNKNOWN"
        elif ticket.used >= ticket.entries:
            verdict = "USED"
        elif ticket.left <= 0:
            verdict = "IN_USE"
        else:
            passes = ticket.left if ticket.persons > 1 else 1
            ticket.reserved += passes
        en, zh = REFUSALS.get(verdict, ("Welcome", "欢迎光临"))
        answer = {
            "request_id": request_id,
            "decision": "admit" if passes else "deny",
            "code": verdict,
            "passes": passes,
            "repeat": False,
            "text": {"en": en, "zh": zh},
            "remedy": {"en": "", "zh": ""},
            "ticket": None,
            "server_time": iso(datetime.now(UTC)),
        }
        self.admissions[request_id] = Admission(code, scan["lane"], passes, answer)
        return answer

    def report(self, device: Device, params: dict[str, Any]) -> dict[str, Any]:
        """Keep what the lanes did, each fact once."""
        return {
            "results": [
                {"event_id": event["event_id"], "code": self._keep(device, event)}
                for event in params["events"]
            ]
        }

    def _keep(self, device: Device, event: dict[str, Any]) -> str:
        if event["event_id"] in self.events:
            return "REPEAT"
        self.events[event["event_id"]] = event
        self._number(device, event["seq"])
        kind = event["type"]
        if event["lane"] not in device.lanes:
            return self._trouble("LANE_UNKNOWN", event)
        if kind in ALARMS or kind == "exit":
            return "OK"
        if kind not in ("passed", "annulled"):
            return self._trouble("CONFLICT", event)
        admission = self.admissions.get(event["request_id"])
        if admission is None:
            if kind == "annulled":
                self._unusable.add(event["request_id"])
                return "OK"
            return self._trouble("CONFLICT", event)
        wanted = event.get("count")
        if wanted is None:  # all that is still reserved
            wanted = admission.open
        count = min(wanted, admission.open)
        if count:
            ticket = self.tickets[admission.code]
            ticket.reserved -= count
            if kind == "passed":
                ticket.used += count
                admission.passed += count
                admission.assumed += count if event.get("assumed") else 0
            else:
                admission.annulled += count
        if count < wanted and admission.passes:
            return self._trouble("CONFLICT", event)
        return "OK"

    def heartbeat(self, device: Device, params: dict[str, Any]) -> dict[str, Any]:
        """Take a sign of life; answer with the lanes."""
        for lane in params["lanes"]:
            ends = ("completed", "timed_out", "revoked", "outstanding")
            if lane["granted"] != sum(lane[name] for name in ends):
                self.troubles.append(f"lane {lane['lane']}: counters do not add up")
        return {
            "server_time": iso(datetime.now(UTC)),
            "device": device.name,
            "lanes": [
                {
                    "lane": code,
                    "name": f"{code} 通道",
                    "direction": direction.value,
                    "mode": "controlled",
                }
                for code, direction in device.lanes.items()
            ],
        }

    def _number(self, device: Device, seq: int) -> None:
        if seq in device.seqs:
            self.troubles.append(f"{device.name}: message number {seq} came twice")
        device.seqs.add(seq)

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
