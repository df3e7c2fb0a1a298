"""The simulator's control API: walk a visitor, pull a cable, spoil a line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ..model import Direction
from .faults import Faults
from .park import LaneSpec, Park, ParkError, SimLane

Probability = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=600)]
M = TypeVar("M", bound=BaseModel)


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PresentBody(_Body):
    """POST /lanes/{code}/present"""

    code: Annotated[str, Field(min_length=1, max_length=2000)]
    walk: Literal["pass", "timeout", "none"] = "pass"
    direction: Direction | None = None
    people: Annotated[int, Field(ge=1, le=1000)] = 1
    delay: Seconds = 0.3
    patience: Seconds = 3.0
    wait: bool = True


class WalkBody(_Body):
    """POST /lanes/{code}/walk"""

    direction: Direction
    force: bool = False


class RawBody(_Body):
    """POST /lanes/{code}/raw: bytes in hex, as if the device had sent them."""

    device: Literal["lane", "scanner"] = "scanner"
    hex: Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{2}){1,4096}$")]


class UnplugBody(_Body):
    """POST /lanes/{code}/unplug"""

    device: Literal["lane", "scanner"] = "lane"
    seconds: Seconds = 1.0


class FaultBody(_Body):
    """POST /lanes/{code}/fault: the line's faults from now on; none named, none left.
    `refuse` and `swallow` are for the turnstile's next commands."""

    device: Literal["lane", "scanner"] = "lane"
    to: Literal["host", "device", "both"] = "both"
    drop: Probability = 0.0
    corrupt: Probability = 0.0
    duplicate: Probability = 0.0
    split: bool = False
    garbage: Probability = 0.0
    repeat: Probability = 0.0
    delay: Annotated[float, Field(ge=0, le=60)] = 0.0
    refuse: Annotated[int, Field(ge=0, le=1000)] = 0
    swallow: Annotated[int, Field(ge=0, le=1000)] = 0


class Control:
    """The HTTP side of a park."""

    def __init__(self, park: Park) -> None:
        self._park = park
        self._walks: set[asyncio.Task[object]] = set()
        self.app = web.Application()
        self.app.add_routes(
            [
                web.get("/lanes", self._lanes),
                web.post("/lanes/{code}/present", self._present),
                web.post("/lanes/{code}/walk", self._walk),
                web.post("/lanes/{code}/raw", self._raw),
                web.post("/lanes/{code}/unplug", self._unplug),
                web.post("/lanes/{code}/fault", self._fault),
            ]
        )

    async def close(self) -> None:
        """End the walks that nobody waits for."""
        for task in self._walks:
            task.cancel()
        await asyncio.gather(*self._walks, return_exceptions=True)

    def _lane(self, request: web.Request) -> SimLane:
        lane = self._park.lanes.get(request.match_info["code"])
        if lane is None:
            raise web.HTTPNotFound(text="no such lane\n")
        return lane

    async def _lanes(self, _request: web.Request) -> web.Response:
        lanes = [lane.state() for lane in self._park.lanes.values()]
        return web.json_response({"lanes": lanes})

    async def _present(self, request: web.Request) -> web.Response:
        lane, body = self._lane(request), await _body(request, PresentBody)
        direction = body.direction or min(lane.direction.served)
        walk = asyncio.create_task(
            lane.visit(
                body.code,
                direction,
                walk=body.walk,
                people=body.people,
                delay=body.delay,
                patience=body.patience,
            )
        )
        self._walks.add(walk)
        walk.add_done_callback(self._walks.discard)
        if not body.wait:
            return web.json_response({"lane": lane.code}, status=202)
        return web.json_response({"lane": lane.code} | asdict(await walk))

    async def _walk(self, request: web.Request) -> web.Response:
        lane, body = self._lane(request), await _body(request, WalkBody)
        passed = lane.walk(body.direction, force=body.force)
        return web.json_response({"lane": lane.code, "passed": int(passed)})

    async def _raw(self, request: web.Request) -> web.Response:
        lane, body = self._lane(request), await _body(request, RawBody)
        lane.ports[body.device].send(bytes.fromhex(body.hex))
        return web.json_response({"lane": lane.code})

    async def _unplug(self, request: web.Request) -> web.Response:
        lane, body = self._lane(request), await _body(request, UnplugBody)
        await lane.pull(body.device, body.seconds)
        return web.json_response({"lane": lane.code})

    async def _fault(self, request: web.Request) -> web.Response:
        lane, body = self._lane(request), await _body(request, FaultBody)
        port = lane.ports[body.device]
        faults = Faults(
            body.drop,
            body.corrupt,
            body.duplicate,
            body.split,
            body.garbage,
            body.repeat,
            body.delay,
        )
        if body.to != "device":
            port.to_host = faults
        if body.to != "host":
            port.to_device = faults
        if body.device == "lane":
            lane.model.refuse = body.refuse
            lane.model.swallow = body.swallow
        return web.json_response({"lane": lane.code})


async def _body(request: web.Request, model: type[M]) -> M:
    try:
        return model.model_validate_json(await request.read())
    except ValidationError as error:
        problems = [
            {"field": ".".join(map(str, item["loc"])), "problem": item["msg"]}
            for item in error.errors(include_input=False, include_url=False)
        ]
        raise web.HTTPBadRequest(
            text=f"{problems}\n", content_type="text/plain"
        ) from error


async def serve(
    directory: Path,
    lanes: dict[str, LaneSpec],
    port: int,
    seed: int,
    stop: asyncio.Event,
    ready: Callable[[str], None],
) -> None:
    """Run a park with its control API on 127.0.0.1 until `stop`."""
    async with Park(directory, lanes, seed) as park:
        control = Control(park)
        runner = web.AppRunner(control.app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            try:
                await web.TCPSite(runner, "127.0.0.1", port).start()
            except OSError as error:
                raise ParkError(f"cannot use port {port}: {error}") from error
            ready(f"http://127.0.0.1:{runner.addresses[0][1]}")
            await stop.wait()
        finally:
            await control.close()
            await runner.cleanup()
