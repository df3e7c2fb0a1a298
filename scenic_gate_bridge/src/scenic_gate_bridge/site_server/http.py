"""The routes of the gate API, as docs/gate-api.md has them."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import math
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from aiohttp import web

from ..journal import Journal
from ..metrics import Metrics
from ..model import Text, iso, utc_now
from ..settings import SiteClient, SiteServerSettings
from . import params
from .copy import heartbeat_answer, settings_answer
from .desk import Desk
from .rate_limit import RateLimit

PREFIX = "/scenic/gate/v1/"
MAX_BODY = 4 << 20
# a second, and at once; of an address: with keys that nobody has
CLIENT_RATE, CLIENT_BURST = 100.0, 200.0
UNKNOWN_RATE, UNKNOWN_BURST = 0.2, 20.0
SILENT = 10.0  # seconds after which a client's lanes count as cut off
_BEARER = re.compile(r"bearer +([A-Za-z0-9_-]{16,200})", re.IGNORECASE)

Call = Callable[[SiteClient, dict[str, Any]], Awaitable[dict[str, Any]]]


class ApiError(Exception):
    """What a client is answered instead of a result; nothing was done."""

    def __init__(self, status: int, number: int, code: str, text: Text) -> None:
        super().__init__(code)
        self.status, self.number, self.code, self.text = status, number, code, text
        self.headers: dict[str, str] = {}


class SiteServer:
    """Decides for the clients in the settings."""

    def __init__(
        self, settings: SiteServerSettings, journal: Journal, metrics: Metrics
    ) -> None:
        self._clients = {each.key_hash: each for each in settings.clients}
        self._journal = journal
        self._metrics = metrics
        self._limit = RateLimit()
        self._lanes: dict[str, tuple[float, dict[str, Any]]] = {}
        self._log = structlog.get_logger()
        self._calls: dict[str, Call] = {
            "validate": self._validate,
            "report": self._report,
            "heartbeat": self._heartbeat,
            "config": self._config,
            "sync": self._sync,
        }

    def routes(self) -> list[web.RouteDef]:
        """What the HTTP server serves."""
        return [web.post(PREFIX + "{method}", self._serve)] if self._clients else []

    def lanes(self) -> list[dict[str, Any]]:
        """What the clients say of their lanes, for the heartbeat of this device. Of a
        client that fell silent the link is down."""
        now = asyncio.get_running_loop().time()
        return [
            lane if now - at <= SILENT else lane | {"link": "down"}
            for at, lane in self._lanes.values()
        ]

    # -- envelope ----------------------------------------------------------------------

    async def _serve(self, request: web.Request) -> web.Response:
        number: Any = None
        try:
            client = self._client(request)
            call = self._calls.get(request.match_info["method"])
            if call is None:
                raise web.HTTPNotFound
            body = await _body(request)
            number = body.get("id")
            given = body.get("params")
            if (
                body.get("jsonrpc") != "2.0"
                or body.get("method") != "call"
                or not isinstance(given, dict)
            ):
                raise _INVALID_REQUEST
            result = await call(client, given)
        except params.ParamsError as error:
            return _refusal(number, _params_error(str(error)))
        except ApiError as error:
            return _refusal(number, error)
        except web.HTTPException:
            raise
        except Exception:
            self._log.exception("a call of a client failed")
            return _refusal(number, _INTERNAL_ERROR)
        return web.json_response({"jsonrpc": "2.0", "id": number, "result": result})

    def _client(self, request: web.Request) -> SiteClient:
        """Whose key this is. Raises ApiError."""
        match = _BEARER.fullmatch(request.headers.get("Authorization", ""))
        if match is None:
            raise _KEY_INVALID
        digest = hashlib.sha256(match[1].encode("ascii")).hexdigest()
        client = next(
            (
                each
                for known, each in self._clients.items()
                if hmac.compare_digest(known, digest)
            ),
            None,
        )
        if client is None:
            self._take(request.remote or "", UNKNOWN_RATE, UNKNOWN_BURST)
            self._log.warning("unknown key of a client", address=request.remote)
            raise _KEY_INVALID
        self._take(client.key_hash, CLIENT_RATE, CLIENT_BURST)
        return client

    def _take(self, who: str, rate: float, burst: float) -> None:
        wait = self._limit.take(who, rate, burst)
        if wait:
            error = _rate_limited()
            error.headers["Retry-After"] = str(math.ceil(wait))
            raise error

    # -- calls -------------------------------------------------------------------------

    async def _validate(
        self, client: SiteClient, given: dict[str, Any]
    ) -> dict[str, Any]:
        scans = params.read(params.ValidateParams, given).scans
        now = utc_now()
        results = await self._journal.call(
            lambda db: [Desk(db, client).validate(scan, now) for scan in scans]
        )
        for scan, result in zip(scans, results, strict=True):
            self._metrics.scans.labels(scan.lane, result["code"]).inc()
        return {"results": results}

    async def _report(
        self, client: SiteClient, given: dict[str, Any]
    ) -> dict[str, Any]:
        events = params.read(params.ReportParams, given).events
        now = utc_now()
        return {
            "results": await self._journal.call(
                lambda db: [Desk(db, client).report(event, now) for event in events]
            )
        }

    async def _heartbeat(
        self, client: SiteClient, given: dict[str, Any]
    ) -> dict[str, Any]:
        beat = params.read(params.HeartbeatParams, given)
        at = asyncio.get_running_loop().time()
        for lane in beat.lanes:
            if lane.lane in client.lanes:
                self._lanes[lane.lane] = (at, lane.model_dump(mode="json"))
        now = utc_now()
        return await self._journal.call(lambda db: heartbeat_answer(db, client, now))

    async def _config(
        self, client: SiteClient, given: dict[str, Any]
    ) -> dict[str, Any]:
        known = params.read(params.ConfigParams, given).version
        now = utc_now()
        answer = await self._journal.call(lambda db: settings_answer(db, client))
        if answer["version"] == known:
            return {"version": known, "unchanged": True}
        return answer | {"server_time": iso(now)}

    async def _sync(self, _client: SiteClient, _given: dict[str, Any]) -> Any:
        # one site, one authority: nobody else decides, so nobody needs the copy
        raise _DECIDES_NOTHING


async def _body(request: web.Request) -> dict[str, Any]:
    # the pages of this server take small bodies only
    try:
        raw = await request.clone(client_max_size=MAX_BODY).read()
    except web.HTTPRequestEntityTooLarge:
        raise ApiError(
            400,
            -32600,
            "INVALID_REQUEST",
            Text(
                f"The body is larger than {MAX_BODY} bytes",
                f"请求正文超过 {MAX_BODY} 字节",
            ),
        ) from None
    try:
        body = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise _PARSE_ERROR from None
    if not isinstance(body, dict):
        raise _INVALID_REQUEST
    return body


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _refusal(number: Any, error: ApiError) -> web.Response:
    text = {"en": error.text.en, "zh": error.text.zh}
    return web.json_response(
        {
            "jsonrpc": "2.0",
            "id": number,
            "error": {
                "code": error.number,
                "message": error.text.en,
                "data": {"code": error.code, "text": text},
            },
        },
        status=error.status,
        headers=error.headers,
    )


def _params_error(said: str) -> ApiError:
    return ApiError(400, -32602, "INVALID_PARAMS", Text(said, f"参数错误：{said}"))


def _rate_limited() -> ApiError:
    return ApiError(
        429,
        -32029,
        "RATE_LIMITED",
        Text(
            "Too many requests; repeat this one later with the same ids",
            "请求过于频繁；请稍后使用相同的编号重试",
        ),
    )


_PARSE_ERROR = ApiError(
    400, -32700, "PARSE_ERROR", Text("The body is not JSON", "请求正文不是 JSON")
)
_INVALID_REQUEST = ApiError(
    400,
    -32600,
    "INVALID_REQUEST",
    Text("The body is not a JSON-RPC 2.0 request", "请求不是 JSON-RPC 2.0 对象"),
)
_KEY_INVALID = ApiError(
    401,
    -32001,
    "DEVICE_KEY_INVALID",
    Text("The device key is missing, unknown or revoked", "设备密钥缺失、未知或已吊销"),
)
_KEY_INVALID.headers["WWW-Authenticate"] = "Bearer"
_DECIDES_NOTHING = ApiError(
    403,
    -32003,
    "DEVICE_DECIDES_NOTHING",
    Text(
        "The site server decides for this device, which gets no copy of the tickets",
        "本设备由本地服务器判定，不下发门票副本",
    ),
)
_INTERNAL_ERROR = ApiError(
    500,
    -32603,
    "INTERNAL_ERROR",
    Text(
        "The server failed; repeat the request with the same ids",
        "服务器故障；请使用相同的编号重试",
    ),
)
