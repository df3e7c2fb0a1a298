"""A small server that speaks docs/gate-api.md over real HTTP, for the bridge's tests.

It keeps tickets in memory, is strict about every field, and can be told to misbehave:
`faults` holds (path, what, seconds) that are used up one a request; what is one of
    slow     answer after `seconds`
    lost     do the work, then cut the connection without an answer
    cut      cut the connection, do nothing
    500      INTERNAL_ERROR, nothing done
    garbage  HTTP 200 with something that is no answer
    wrong    a well-formed answer to somebody else's question
    bad      INVALID_PARAMS
    shared   KEY_SHARED
    away     DATABASE_AWAY, nothing done
    429      RATE_LIMITED, to be tried again after `seconds`
    503      too busy, to be tried again after `seconds`
"""

from __future__ import annotations

import argparse
import asyncio
import json
import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from aiohttp import web

from scenic_gate_bridge.simulator.ledger import Ticket

KEY = "sgk_" + "k" * 43
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
STAMP = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)")
KINDS = ("auto", "qr", "barcode", "ic_card", "id_document")
TYPES = {
    "admitted",
    "refused",
    "passed",
    "annulled",
    "exit",
    "forced",
    "tailgating",
    "wrong_direction",
    "fault",
    "fault_cleared",
    "link_down",
    "muted",
    "link_up",
    "entry",
    "mode",
    "emergency",
    "emergency_over",
    "fire",
    "fire_over",
    "pinch",
}
NO_SETTINGS = {"version": "0", "decides": "no"}
ERRORS = {
    "500": (500, -32603, "INTERNAL_ERROR"),
    "away": (503, -32053, "DATABASE_AWAY"),
    "shared": (409, -32009, "KEY_SHARED"),
    "bad": (400, -32602, "INVALID_PARAMS"),
}
PRINTER_STATES = ("ready", "no_paper", "cover_open", "error", "offline")
MODES = ("controlled", "exit", "free", "locked", "emergency")


class BadParams(Exception):
    """INVALID_PARAMS; the text names the field."""


@dataclass
class Admission:
    code: str
    passes: int
    passed: int = 0
    annulled: int = 0
    answer: dict[str, Any] = field(default_factory=dict)


@dataclass
class PrintQueue:
    """What one printer has to print, and what became of it."""

    code: str
    jobs: list[dict[str, Any]]
    told: list[str] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    outcomes: dict[int, str] = field(default_factory=dict)
    handed: int = 0
    _sent: dict[str, Any] | None = None

    def ask(self, params: dict[str, Any]) -> dict[str, Any]:
        if params["printer"] != self.code:
            return {"known": False, "job": None}
        self.states.append(params["state"])
        if self._sent is not None and params.get("job") == self._sent["job"]:
            self._keep(self._sent, params["outcome"])
        if params.get("leaving"):
            return {"known": True, "job": None}
        if self._sent is None and self.jobs:
            self._sent = self.jobs.pop(0)
            self.handed += 1
        return {"known": True, "job": self._sent}

    def _keep(self, job: dict[str, Any], outcome: str) -> None:
        self.told.append(outcome)
        self._sent = None
        if outcome == "waiting":
            self.jobs.insert(0, job)
        else:
            self.outcomes[job["job"]] = outcome


@dataclass
class Peer:
    """The server's memory; tests look into it."""

    lanes: dict[str, dict[str, Any]]
    tickets: dict[str, Ticket] = field(default_factory=dict)
    admissions: dict[str, Admission] = field(default_factory=dict)
    unusable: set[str] = field(default_factory=set)
    events: dict[str, dict[str, Any]] = field(default_factory=dict)
    conflicts: list[dict[str, Any]] = field(default_factory=list)
    faults: list[tuple[str, str, float]] = field(default_factory=list)
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    seqs: list[int] = field(default_factory=list)
    requests: list[tuple[str, int]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    refused_types: set[str] = field(default_factory=set)
    key: str = KEY
    settings: dict[str, Any] = field(default_factory=dict)  # a config answer
    feed: list[dict[str, Any]] = field(default_factory=list)
    answer_conflict: dict[str, Any] | None = None
    pages: int = 2  # tickets a page of the feed
    # of tickets that are in the feed, too: number, and the right that opens next
    names: dict[str, str] = field(default_factory=dict)
    rights: dict[str, int] = field(default_factory=dict)
    prints: PrintQueue = field(default_factory=lambda: PrintQueue("", []))

    # -- the rules ---------------------------------------------------------------------

    def validate(self, params: dict[str, Any]) -> dict[str, Any]:
        scans = _list(params, "scans", 50)
        for scan in scans:
            _want(scan, "request_id", lambda v: bool(UUID.fullmatch(v)))
            _want(scan, "lane", lambda v: isinstance(v, str))
            _want(scan, "direction", lambda v: v in ("in", "out"))
            _want(scan, "seq", lambda v: type(v) is int and v > 0)
            _want(scan, "at", lambda v: bool(STAMP.fullmatch(v)))
            credential = scan.get("credential")
            if not isinstance(credential, dict):
                raise BadParams("credential")
            _want(credential, "kind", lambda v: v in KINDS)
            _want(credential, "value", lambda v: 0 < len(v) <= 512)
        self.seqs += [scan["seq"] for scan in scans]
        self.kinds += [scan["credential"]["kind"] for scan in scans]
        self.requests.append(("validate", len(scans)))
        return {"results": [self._decide(scan) for scan in scans]}

    def _decide(self, scan: dict[str, Any]) -> dict[str, Any]:
        request_id = scan["request_id"]
        known = self.admissions.get(request_id)
        if known is not None:
            return known.answer | {"repeat": True}
        lane = self.lanes.get(scan["lane"])
        code = scan["credential"]["value"]
        ticket = self.tickets.get(code)
        passes = 0
        if request_id in self.unusable:
            verdict = "VOID"
        elif lane is None:
            verdict = "LANE_UNKNOWN"
        elif lane["mode"] == "locked":
            verdict = "LANE_CLOSED"
        elif lane["direction"] not in (scan["direction"], "both"):
            verdict = "WRONG_DIRECTION"
        elif ticket is None:
            verdict = "UNKNOWN"
        elif ticket.used == ticket.entries:
            verdict = "USED"
        elif ticket.left == 0:
            verdict = "IN_USE"
        else:
            verdict = "ADMIT"
            passes = ticket.left if ticket.persons > 1 else 1
            ticket.reserved += passes
        answer = {
            "request_id": request_id,
            "decision": "admit" if verdict == "ADMIT" else "deny",
            "code": verdict,
            "passes": passes,
            "repeat": False,
            "text": {"en": f"text {verdict}", "zh": f"文字 {verdict}"},
            "remedy": {"en": "", "zh": ""} if passes else {"en": "ask", "zh": "咨询"},
            "ticket": None
            if ticket is None
            else {
                "name": self.names.get(code, code),
                "product": "成人票",
                "persons": ticket.persons,
                "left": ticket.left,
                "right": self.rights.get(code, 1) if passes else None,
            },
            "server_time": _now(),
        }
        self.admissions[request_id] = Admission(code, passes, answer=answer)
        return answer

    def report(self, params: dict[str, Any]) -> dict[str, Any]:
        events = _list(params, "events", 500)
        for event in events:
            _want(event, "event_id", lambda v: bool(UUID.fullmatch(v)))
            _want(event, "seq", lambda v: type(v) is int and v > 0)
            _want(event, "lane", lambda v: isinstance(v, str))
            _want(event, "type", lambda v: v in TYPES - self.refused_types)
            _want(event, "direction", lambda v: v in ("in", "out"))
            if event["type"] in ("passed", "annulled", "exit", "entry"):
                if event["type"] != "annulled" or event.get("count") is not None:
                    _want(event, "count", lambda v: type(v) is int and 0 < v <= 1000)
                _want(event, "assumed", lambda v: isinstance(v, bool))
            _want(event, "at", lambda v: bool(STAMP.fullmatch(v)))
            _want(event, "note", lambda v: isinstance(v, str))
            if event["type"] in ("passed", "annulled"):
                _want(event, "request_id", lambda v: bool(UUID.fullmatch(v)))
            if "photo" in event:
                _want(event, "photo", lambda v: bool(UUID.fullmatch(v)))
        self.requests.append(("report", len(events)))
        return {
            "results": [
                {"event_id": event["event_id"], "code": self._keep(event)}
                | self._clash(event)
                for event in events
            ]
        }

    def _clash(self, event: dict[str, Any]) -> dict[str, Any]:
        if event["type"] != "admitted" or self.answer_conflict is None:
            return {}
        return {"code": "CONFLICT", "conflict": self.answer_conflict}

    def _keep(self, event: dict[str, Any]) -> str:
        if event["event_id"] in self.events:
            return "REPEAT"
        self.events[event["event_id"]] = event
        self.seqs.append(event["seq"])
        if event["lane"] not in self.lanes:
            return "LANE_UNKNOWN"
        if event["type"] == "admitted":
            self.admissions[event["request_id"]] = Admission("", event["count"])
        if event["type"] not in ("passed", "annulled"):
            return "OK"
        admission = self.admissions.get(event["request_id"])
        if admission is None:
            if event["type"] == "annulled":
                self.unusable.add(event["request_id"])
                return "OK"
            self.conflicts.append(event)
            return "CONFLICT"
        open_count = admission.passes - admission.passed - admission.annulled
        wanted = event.get("count")
        if wanted is None:  # of an annulment: all that is still reserved
            wanted = open_count
        count = min(wanted, open_count)
        if event["type"] == "passed":
            admission.passed += count
        else:
            admission.annulled += count
        if count and admission.code:
            ticket = self.tickets[admission.code]
            ticket.reserved -= count
            ticket.used += count if event["type"] == "passed" else 0
        if count < wanted and admission.passes:
            self.conflicts.append(event)
            return "CONFLICT"
        return "OK"

    def config(self, params: dict[str, Any]) -> dict[str, Any]:
        self.requests.append(("config", 0))
        settings = self.settings or NO_SETTINGS
        if params.get("version") == settings["version"]:
            return {"version": settings["version"], "unchanged": True}
        return settings | {"unchanged": False, "server_time": _now()}

    def sync(self, params: dict[str, Any]) -> dict[str, Any]:
        """The feed in pages; the cursor is how many tickets were told."""
        _want(params, "limit", lambda v: 1 <= v <= 2000)
        _want(params, "born", lambda v: bool(STAMP.fullmatch(v)))
        told = int(params.get("cursor") or 0)
        self.requests.append(("sync", told))
        page = self.feed[told : told + self.pages]
        return {
            "cursor": str(told + len(page)),
            "more": told + len(page) < len(self.feed),
            "reset": False,
            "server_time": _now(),
            "tickets": page,
            "gone": [],
        }

    def print(self, params: dict[str, Any]) -> dict[str, Any]:
        _want(params, "printer", lambda v: isinstance(v, str))
        _want(params, "session", lambda v: bool(UUID.fullmatch(v)))
        _want(params, "state", lambda v: v in PRINTER_STATES)
        _want(params, "width", lambda v: type(v) is int and v % 8 == 0)
        if "job" in params:
            _want(params, "job", lambda v: type(v) is int and v > 0)
            _want(params, "outcome", lambda v: v in ("printed", "waiting", "unsure"))
        return self.prints.ask(params)

    def heartbeat(self, params: dict[str, Any]) -> dict[str, Any]:
        _want(params, "seq", lambda v: type(v) is int and v > 0)
        _want(params, "version", lambda v: isinstance(v, str))
        for name in ("outbox", "unresolved"):
            _want(params, name, lambda v: type(v) is int and v >= 0)
        for lane in params["lanes"]:
            _want(lane, "link", lambda v: v in ("up", "down"))
            _want(lane, "mode", lambda v: v in MODES)
            for name in ("fire", "emergency"):
                _want(lane, name, lambda v: isinstance(v, bool))
            granted = lane["granted"]
            ends = ("completed", "timed_out", "revoked", "outstanding")
            if granted != sum(lane[name] for name in ends):
                raise BadParams("lanes: the counters do not add up")
        newest = max((beat["seq"] for beat in self.heartbeats), default=0)
        self.seqs.append(params["seq"])
        self.heartbeats.append(params)
        return {
            "server_time": _now(),
            "device": "test-1",
            "config": (self.settings or NO_SETTINGS)["version"],
            "behind": params["seq"] < newest,
            "lanes": [
                {"lane": code, "name": f"{code} 通道"} | settings
                for code, settings in self.lanes.items()
            ],
        }

    # -- what tests ask ----------------------------------------------------------------

    def of_type(self, *kinds: str) -> list[dict[str, Any]]:
        return [event for event in self.events.values() if event["type"] in kinds]

    def state(self) -> dict[str, Any]:
        return {
            "tickets": {code: asdict(t) for code, t in self.tickets.items()},
            "events": list(self.events.values()),
            "conflicts": self.conflicts,
            "seqs": self.seqs,
            "admissions": {
                key: {"code": a.code, "passes": a.passes}
                for key, a in self.admissions.items()
            },
        }

    # -- HTTP --------------------------------------------------------------------------

    def app(self) -> web.Application:
        app = web.Application()
        app.router.add_post("/scenic/gate/v1/{path}", self._call)
        app.router.add_get("/state", self._state)
        app.router.add_post("/faults", self._set_faults)
        return app

    async def _set_faults(self, request: web.Request) -> web.Response:
        self.faults = [(path, what, s) for path, what, s in await request.json()]
        return web.json_response({})

    async def _state(self, _request: web.Request) -> web.Response:
        return web.json_response(self.state())

    async def _call(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            return _error(401, -32001, "DEVICE_KEY_INVALID", None)
        try:
            body = await request.json()
        except ValueError:
            return _error(400, -32700, "PARSE_ERROR", None)
        if body.get("jsonrpc") != "2.0" or body.get("method") != "call":
            return _error(400, -32600, "INVALID_REQUEST", body.get("id"))
        what, seconds = self._fault(path)
        number, params = body["id"], body["params"]
        if what == "cut":
            return _cut(request)
        if what in ERRORS:
            return _error(*ERRORS[what], number)
        if what == "429":
            limited = _error(429, -32029, "RATE_LIMITED", number)
            limited.headers["Retry-After"] = f"{seconds:.0f}"
            return limited
        if what == "503":
            wait = {"Retry-After": f"{seconds:.0f}"}
            return web.Response(status=503, text="busy", headers=wait)
        if what == "garbage":
            return web.Response(text="<html>502 Bad Gateway</html>")
        if what == "slow":
            await asyncio.sleep(seconds)
        try:
            result = getattr(self, path)(params)
        except BadParams as error:
            return _error(400, -32602, "INVALID_PARAMS", number, str(error))
        if what == "lost":
            return _cut(request)
        if what == "wrong":
            for item in result.get("results", []):
                item["request_id" if path == "validate" else "event_id"] = "x"
        return web.json_response({"jsonrpc": "2.0", "id": number, "result": result})

    def _fault(self, path: str) -> tuple[str, float]:
        for index, (wanted, what, seconds) in enumerate(self.faults):
            if wanted == path:
                del self.faults[index]
                return what, seconds
        return "", 0.0


def _cut(request: web.Request) -> web.StreamResponse:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _error(
    status: int, number: int, code: str, request_id: Any, field_name: str = ""
) -> web.Response:
    text = {"en": f"{code} {field_name}", "zh": code}
    error = {"code": number, "message": code, "data": {"code": code, "text": text}}
    return web.json_response(
        {"jsonrpc": "2.0", "id": request_id, "error": error}, status=status
    )


def _want(values: Any, name: str, good: Any) -> None:
    try:
        fine = name in values and good(values[name])
    except TypeError:
        fine = False
    if not fine:
        raise BadParams(name)


def _list(params: Any, name: str, most: int) -> list[Any]:
    values = params.get(name) if isinstance(params, dict) else None
    if not isinstance(values, list) or not 1 <= len(values) <= most:
        raise BadParams(name)
    return values


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


async def _main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--lanes", type=json.loads, required=True)
    parser.add_argument("--tickets", type=json.loads, required=True)
    parser.add_argument("--settings", type=json.loads, default={})
    parser.add_argument("--feed", type=json.loads, default=[])
    arguments = parser.parse_args()
    peer = Peer(
        arguments.lanes,
        {code: Ticket(**fields) for code, fields in arguments.tickets.items()},
        settings=arguments.settings,
        feed=arguments.feed,
    )
    runner = web.AppRunner(peer.app(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"peer ready http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_main())
