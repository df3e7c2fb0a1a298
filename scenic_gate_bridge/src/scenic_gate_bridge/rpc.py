"""JSON-RPC 2.0 with the server, as docs/gate-api.md has it."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from http import HTTPStatus
from types import TracebackType
from typing import Any

import aiohttp

from .settings import ConfigError, Settings

LARGEST_ANSWER = 8 << 20  # a page of the feed
CONNECT_TIMEOUT = 3.0
LONGEST_WAIT = 60.0  # seconds, whatever Retry-After says
# in the page with which Odoo answers when it has no database for a request
NO_DATABASE = b"No database is selected"


class RpcError(Exception):
    """The call brought no result. `settled`: the server has certainly done nothing."""

    settled = False


class Unreachable(RpcError):
    """No connection could be made; nothing was sent."""

    settled = True


class Unanswered(RpcError):
    """No answer in time, or the connection broke while waiting for it."""


class ServerFault(RpcError):
    """An answer that is a fault of the server, or that makes no sense."""


class ToldToWait(ServerFault):
    """The server, or who stands before it, is too busy. `retry_after`: seconds after
    which it may be tried again."""

    def __init__(self, said: str, retry_after: float) -> None:
        super().__init__(said)
        self.retry_after = retry_after


class RateLimited(ToldToWait):
    """The server had too many requests and did nothing for this one."""

    settled = True


class RequestRefused(RpcError):
    """The server found the request malformed and did nothing."""

    settled = True


class KeyInvalid(RpcError):
    """The server does not accept the device key."""

    settled = True


class KeyShared(RpcError):
    """Another computer decides with the device key of this one."""

    settled = True


class RpcClient:
    """One keep-alive session with the server. Use `async with`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base = str(settings.server.url).rstrip("/")
        self._ids = itertools.count(1)
        self._key = settings.device_key()
        self._session: aiohttp.ClientSession | None = None
        self.on_outcome: Callable[[RpcError | None], None] = lambda error: None

    async def __aenter__(self) -> RpcClient:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=100, keepalive_timeout=30),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(
        self, path: str, params: dict[str, object], timeout: float
    ) -> dict[str, Any]:
        """The `result` of one call. Raises an RpcError."""
        try:
            result = await self._call(path, params, timeout)
        except RpcError as error:
            if isinstance(error, KeyInvalid):
                self._reload_key()
            self.on_outcome(error)
            raise
        self.on_outcome(None)
        return result

    async def _call(
        self, path: str, params: dict[str, object], timeout: float
    ) -> dict[str, Any]:
        assert self._session is not None
        number = next(self._ids)
        headers = {"Authorization": f"Bearer {self._key}"}
        if self._settings.server.database is not None:
            headers["X-Odoo-Database"] = self._settings.server.database
        body = {"jsonrpc": "2.0", "id": number, "method": "call", "params": params}
        limits = aiohttp.ClientTimeout(total=timeout, sock_connect=CONNECT_TIMEOUT)
        for again in (True, False):
            try:
                async with self._session.post(
                    f"{self._base}/scenic/gate/v1/{path}",
                    json=body,
                    headers=headers,
                    timeout=limits,
                    allow_redirects=False,
                ) as response:
                    raw = await _read(response)
                    if response.status == HTTPStatus.TOO_MANY_REQUESTS:
                        raise RateLimited("RATE_LIMITED", _retry_after(response))
                    if (
                        response.status == HTTPStatus.SERVICE_UNAVAILABLE
                        and "Retry-After" in response.headers
                    ):
                        raise ToldToWait("HTTP 503", _retry_after(response))
                    return _unwrap(response.status, raw, number)
            except (KeyInvalid, KeyShared, RateLimited, RequestRefused) as error:
                # the try before this one may have been accepted, and done its work
                error.settled = again
                raise
            except (
                aiohttp.ClientConnectorError,
                aiohttp.ConnectionTimeoutError,
            ) as error:
                if again:
                    raise Unreachable(_plain(error)) from error
                # the try before this one did get through to somebody
                raise Unanswered(_plain(error)) from error
            except TimeoutError as error:
                raise Unanswered(f"no answer within {timeout} s") from error
            except aiohttp.ClientConnectionError as error:
                # a kept connection that the server had just closed looks like this;
                # the ids in the request make asking again harmless
                if not again:
                    raise Unanswered(_plain(error)) from error
            except (aiohttp.ClientError, OSError) as error:
                raise Unanswered(_plain(error)) from error
        raise AssertionError("unreachable")

    def _reload_key(self) -> None:
        """A rotated key may lie in the file already."""
        try:
            self._key = self._settings.device_key()
        except ConfigError:
            # keep the old one: the server's refusal is what staff are told
            pass


def _retry_after(response: aiohttp.ClientResponse) -> float:
    told = response.headers.get("Retry-After", "")
    return min(float(told), LONGEST_WAIT) if told.isdecimal() else 1.0


async def _read(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for chunk in response.content.iter_any():
        raw += chunk
        if len(raw) > LARGEST_ANSWER:
            response.close()
            raise ServerFault("answer too large")
    return bytes(raw)


def _unwrap(status: int, raw: bytes, number: int) -> dict[str, Any]:
    try:
        answer = json.loads(raw)
    except ValueError:
        answer = None
    if not isinstance(answer, dict) or answer.get("jsonrpc") != "2.0":
        if status == 401:
            raise KeyInvalid("HTTP 401")
        raise ServerFault(f"HTTP {status}: {_why_no_answer(status, raw)}")
    error = answer.get("error")
    if isinstance(error, dict):
        data = error.get("data")
        code = data.get("code") if isinstance(data, dict) else None
        said = f"{code or error.get('code')}: {error.get('message')}"[:200]
        if error.get("code") == HTTPStatus.NOT_FOUND:
            # Odoo's own answer to a path that it does not know
            said = _why_no_answer(HTTPStatus.NOT_FOUND, b"")
        if status == 401 or code == "DEVICE_KEY_INVALID":
            raise KeyInvalid(said)
        if code == "KEY_SHARED":
            raise KeyShared(said)
        if code in ("PARSE_ERROR", "INVALID_REQUEST", "INVALID_PARAMS"):
            raise RequestRefused(said)
        raise ServerFault(said)
    result = answer.get("result")
    if status != 200 or answer.get("id") != number or not isinstance(result, dict):
        raise ServerFault(f"HTTP {status}, not an answer to this call")
    return result


def _why_no_answer(status: int, raw: bytes) -> str:
    if NO_DATABASE in raw:
        return (
            "Odoo runs, but reaches no database for this bridge: its database server is"
            " away, or server.database names none"
        )
    if status == HTTPStatus.NOT_FOUND:
        return (
            "no gate API at this address: check server.url and server.database, and"
            " that this database has the add-on scenic_ticket_gate"
        )
    return "not a JSON-RPC answer"


def _plain(error: BaseException) -> str:
    return str(error) or type(error).__name__
