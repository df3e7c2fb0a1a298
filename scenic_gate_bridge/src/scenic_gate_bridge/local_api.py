"""The bridge's own HTTP pages: health, metrics, lane log, emergency."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import structlog
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from . import __version__, page
from .biometric import EnrolFailed, SensorFault
from .drivers.manual import ManualDriver
from .heartbeat import Heartbeat
from .journal import Journal, LogRow
from .lane import Lane
from .lane_words import SetEmergency
from .local.sync import SyncPuller
from .metrics import Metrics
from .model import Direction, iso, utc_now
from .outbox import OutboxSender
from .photos import Album
from .settings import ApiSettings
from .site_server import SiteServer
from .status import ServerState, ServerStatus

if TYPE_CHECKING:
    from .printing import PrintClerk

ROWS = 12
MOST_ROWS = 500


class CountBody(BaseModel):
    """POST /lanes/{code}/count. `operator`: who counted."""

    model_config = ConfigDict(extra="forbid")

    direction: Direction
    count: Annotated[int, Field(ge=1, le=1000)]
    operator: Annotated[str, Field(min_length=1, max_length=64, pattern=r"\S")]


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LocalApi:
    """Serves on `settings.host`; `start` returns the base URL."""

    def __init__(
        self,
        settings: ApiSettings,
        lanes: dict[str, Lane],
        journal: Journal,
        status: ServerStatus,
        outbox: OutboxSender,
        heartbeat: Heartbeat,
        metrics: Metrics,
        site_server: SiteServer,
        puller: SyncPuller,
        album: Album,
        clerks: Sequence[PrintClerk],
    ) -> None:
        self._settings = settings
        self._lanes = lanes
        self._journal = journal
        self._status = status
        self._outbox = outbox
        self._heartbeat = heartbeat
        self._metrics = metrics
        self._puller = puller
        self._album = album
        self._clerks = clerks
        app = web.Application(middlewares=[_guard], client_max_size=4096)
        app.add_routes(
            [
                web.get("/", self._page),
                web.get("/page.js", self._script),
                web.get("/health", self._health),
                web.get("/metrics", self._metrics_page),
                web.get("/conflicts", self._conflicts),
                web.get("/lanes", self._lanes_json),
                web.get("/photos/{reference}", self._photo),
                web.post("/lanes/{code}/emergency", self._emergency),
                web.post("/lanes/{code}/count", self._count),
                web.post("/lanes/{code}/fingerprint", self._fingerprint),
                *site_server.routes(),
            ]
        )
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)

    async def start(self) -> str:
        """Begin to serve."""
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._settings.host, self._settings.port)
        await site.start()
        host, port = self._runner.addresses[0][:2]
        return f"http://{f'[{host}]' if ':' in host else host}:{port}"

    async def stop(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()

    # -- pages -------------------------------------------------------------------------

    async def _health(self, _request: web.Request) -> web.Response:
        outbox, unresolved = await self._journal.call(lambda db: db.counts())
        copy = await self._journal.call(lambda db: db.local.state())
        status = self._status
        problems = self._problems()
        return web.json_response(
            {
                "status": "degraded" if problems else "ok",
                "problems": problems,
                "version": __version__,
                "device": self._heartbeat.device,
                "server": {
                    "state": status.state.value,
                    "last_ok": iso(status.last_ok) if status.last_ok else None,
                    "last_error": status.last_error,
                },
                "outbox": outbox,
                "parked": self._outbox.parked,
                "unresolved": unresolved,
                **copy,
                "lanes": [lane.state() for lane in self._lanes.values()],
                "printers": [
                    {"printer": clerk.code, "state": clerk.state.value}
                    for clerk in self._clerks
                ],
            }
        )

    def _problems(self) -> list[str]:
        """What is wrong at this moment, one line each."""
        status = self._status
        lanes = [lane.state() for lane in self._lanes.values()]
        problems = list(self._heartbeat.troubles())
        if status.state is not ServerState.ONLINE:
            problems.append(f"server: {status.state.value} {status.last_error}".strip())
        problems += [
            f"lane {lane['lane']}: link down" for lane in lanes if lane["link"] != "up"
        ]
        problems += [
            f"lane {lane.code}: fault: {what}"
            for lane in self._lanes.values()
            for what in sorted(lane.machine.faults)
        ]
        problems += [problem for clerk in self._clerks for problem in clerk.problems()]
        problems += [
            f"lane {lane.code}: camera: {lane.camera_problem}"
            for lane in self._lanes.values()
            if lane.camera_problem
        ]
        problems += [
            f"lane {lane.code}: fingerprint: {lane.finger.problem}"
            for lane in self._lanes.values()
            if lane.finger is not None and lane.finger.problem
        ]
        problems += [
            f"lane {lane['lane']}: open by the fire alarm"
            for lane in lanes
            if lane["fire"]
        ]
        if any(lane.unwritten for lane in self._lanes.values()):
            problems.append("journal: the disk takes nothing")
        if self._puller.problem and status.state is ServerState.ONLINE:
            problems.append(f"copy of the tickets: {self._puller.problem}")
        if self._outbox.parked:
            problems.append(f"outbox: {self._outbox.parked} facts set aside")
        return problems

    async def _metrics_page(self, _request: web.Request) -> web.Response:
        (outbox, unresolved), oldest, copy_at, conflicts = await self._journal.call(
            lambda db: (
                db.counts(),
                db.oldest_waiting(),
                db.local.store.meta("copy_at"),
                db.local.store.conflict_count(),
            )
        )
        self._metrics.books(
            utc_now(),
            outbox=outbox,
            unresolved=unresolved,
            oldest=oldest,
            copy_at=copy_at,
            conflicts=conflicts,
        )
        self._metrics.server.set(self._status.state is ServerState.ONLINE)
        return web.Response(
            body=generate_latest(self._metrics.registry),
            headers={"Content-Type": CONTENT_TYPE_LATEST},
        )

    async def _conflicts(self, _request: web.Request) -> web.Response:
        """What the server could not reconcile, with its value in money."""
        found = await self._journal.call(lambda db: db.local.store.conflicts(MOST_ROWS))
        return web.json_response({"conflicts": found})

    async def _photo(self, request: web.Request) -> web.Response:
        """A picture of an alarm. It shows people: only for who stands here."""
        if not _local(request):
            raise web.HTTPForbidden(text="only from this machine\n")
        reference = request.match_info["reference"]
        picture = await asyncio.to_thread(self._album.find, reference)
        if picture is None:
            raise web.HTTPNotFound(
                text="no such picture: the camera gave none, or its days are over\n"
            )
        structlog.get_logger().info("picture looked at", photo=reference)
        return web.Response(body=picture, content_type="image/jpeg")

    async def _recent(self, code: str, limit: int) -> list[LogRow]:
        return await self._journal.call(lambda db: db.recent(code, limit))

    async def _lanes_json(self, request: web.Request) -> web.Response:
        text = request.query.get("limit", "50")
        limit = int(text) if text.isdecimal() and len(text) < 6 else 0
        if not 1 <= limit <= MOST_ROWS:
            raise web.HTTPBadRequest(text=f"limit: between 1 and {MOST_ROWS}\n")
        lanes = []
        for code, lane in self._lanes.items():
            rows = await self._recent(code, limit)
            lanes.append(
                lane.state()
                | {
                    "name": self._heartbeat.names.get(code, ""),
                    "events": [asdict(row) for row in rows],
                }
            )
        return web.json_response({"lanes": lanes})

    async def _page(self, request: web.Request) -> web.Response:
        lanes = []
        for code, lane in self._lanes.items():
            rows = await self._recent(code, ROWS)
            lanes.append((lane, self._heartbeat.names.get(code, ""), rows))
        outbox, copy_at, conflicts = await self._journal.call(
            lambda db: (
                db.counts()[0],
                db.local.store.copy_at,
                db.local.store.conflict_count(),
            )
        )
        view = page.View(
            self._heartbeat.device,
            self._status.state,
            outbox,
            __version__,
            utc_now(),
            copy_at,
            conflicts,
            len(self._problems()),
        )
        html = page.body(view, lanes)
        if request.query.get("part") != "body":
            html = page.page(html)
        return web.Response(text=html, content_type="text/html", charset="utf-8")

    async def _script(self, _request: web.Request) -> web.Response:
        return web.Response(text=page.SCRIPT, content_type="text/javascript")

    async def _emergency(self, request: web.Request) -> web.Response:
        """Open a lane for everybody, or end that."""
        lane, wanted = await self._order(request)
        on = wanted.get("on")
        if not isinstance(on, bool):
            raise web.HTTPBadRequest(text='send {"on": true} or {"on": false}\n')
        structlog.get_logger().warning("emergency", lane=lane.code, on=on)
        lane.put(SetEmergency(on))
        return web.json_response({"lane": lane.code, "emergency": on})

    async def _count(self, request: web.Request) -> web.Response:
        """People that somebody at a lane without a device counted by hand."""
        lane, wanted = await self._order(request)
        if not isinstance(lane.driver, ManualDriver):
            raise web.HTTPConflict(text="this lane counts by itself\n")
        try:
            body = CountBody.model_validate(wanted)
        except ValidationError as error:
            wrong = {str(item["loc"][0]) for item in error.errors() if item["loc"]}
            raise web.HTTPBadRequest(
                text=f"{', '.join(sorted(wrong))}: send"
                ' {"direction": "out", "count": 1, "operator": "name"}\n'
            ) from None
        if body.direction not in lane.machine.wanted_rest:
            raise web.HTTPConflict(
                text=f"nobody walks {body.direction} here without a ticket now\n"
            )
        lane.counted(body.direction, body.count, body.operator)
        return web.json_response({"lane": lane.code, "count": body.count})

    async def _fingerprint(self, request: web.Request) -> web.Response:
        """Enrol the finger of a member who agreed; two presses."""
        lane, wanted = await self._order(request)
        if lane.finger is None:
            raise web.HTTPConflict(text="this lane has no fingerprint sensor\n")
        ticket = wanted.get("ticket")
        if not isinstance(ticket, str) or not ticket or len(wanted) > 1:
            raise web.HTTPBadRequest(text='send {"ticket": "0000000123"}\n')
        try:
            if not await lane.finger.enrol(ticket):
                raise web.HTTPConflict(
                    text="no consent is known here: record it in Odoo at the member"
                    " card, and try again in half a minute\n"
                )
        except EnrolFailed as error:
            raise web.HTTPConflict(text=f"{error}: try again\n") from None
        except (SensorFault, OSError) as error:
            raise web.HTTPServiceUnavailable(
                text=f"the sensor is of no use: {error}\n"
            ) from None
        return web.json_response({"lane": lane.code, "ticket": ticket})

    async def _order(self, request: web.Request) -> tuple[Lane, dict[str, object]]:
        """The lane and the JSON object of an order. Only from this machine, and not
        from a web page that somebody happens to look at here."""
        if not _local(request):
            raise web.HTTPForbidden(text="only from this machine\n")
        if request.content_type != "application/json":
            raise web.HTTPUnsupportedMediaType(text="send JSON\n")
        lane = self._lanes.get(request.match_info["code"])
        if lane is None:
            raise web.HTTPNotFound(text="no such lane\n")
        try:
            wanted = await request.json()
        except ValueError:
            wanted = None
        if not isinstance(wanted, dict):
            raise web.HTTPBadRequest(text="send a JSON object\n")
        return lane, wanted


def _local(request: web.Request) -> bool:
    """Whether the request comes from this machine and was meant for it."""
    name = (request.host.rsplit(":", 1)[0] if request.host else "").strip("[]")
    return _loopback(request.remote or "") and (name == "localhost" or _loopback(name))


def _loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


@web.middleware
async def _guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Headers for pages that show nobody else's content."""
    response = await handler(request)
    response.headers["Content-Security-Policy"] = (
        "default-src 'none'; style-src 'unsafe-inline'; script-src 'self';"
        " connect-src 'self'; frame-ancestors 'none'"
    )
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Cache-Control"] = "no-store"
    return response
