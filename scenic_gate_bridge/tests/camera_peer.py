"""A network camera for the tests: one JPEG a GET, behind HTTP digest (RFC 7616) or
basic authentication, over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.request import parse_http_list, parse_keqv_list

from aiohttp import web

PICTURE = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00" + bytes(range(256)) * 8 + b"\xff\xd9"
REALM = "DS-2CD"
HASHES = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}


@dataclass
class CameraPeer:
    """`login`: (user, password), None where everybody may look. `stall`: says nothing
    while it is set."""

    login: tuple[str, str] | None = None
    auth: str = "digest"
    algorithm: str = "MD5"
    picture: bytes = PICTURE
    content_type: str = "image/jpeg"
    status: int = 200
    stall: bool = False
    served: int = 0
    refused: int = 0
    _nonces: set[str] = field(default_factory=set)
    _go: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        if self.stall:
            await self._go.wait()
        if self.login is not None and not self._let_in(request):
            self.refused += 1
            return web.Response(
                status=401, headers={"WWW-Authenticate": self._challenge()}
            )
        self.served += 1
        return web.Response(
            body=self.picture, status=self.status, content_type=self.content_type
        )

    def release(self) -> None:
        """End every stall."""
        self._go.set()

    def _challenge(self) -> str:
        if self.auth == "basic":
            return f'Basic realm="{REALM}"'
        nonce = secrets.token_hex(16)
        self._nonces.add(nonce)
        return (
            f'Digest realm="{REALM}", nonce="{nonce}", qop="auth",'
            f" algorithm={self.algorithm}"
        )

    def _let_in(self, request: web.Request) -> bool:
        assert self.login is not None
        user, password = self.login
        scheme, _, rest = request.headers.get("Authorization", "").partition(" ")
        if self.auth == "basic":
            said = base64.b64encode(f"{user}:{password}".encode()).decode()
            return (scheme, rest) == ("Basic", said)
        if scheme != "Digest":
            return False
        told = parse_keqv_list(parse_http_list(rest))
        if told["nonce"] not in self._nonces or told["uri"] != request.path_qs:
            return False

        def digest(text: str) -> str:
            return HASHES[self.algorithm](text.encode()).hexdigest()

        first = digest(f"{user}:{REALM}:{password}")
        second = digest(f"{request.method}:{told['uri']}")
        middle = ":".join(told[name] for name in ("nonce", "nc", "cnonce", "qop"))
        return (told["username"], told["response"]) == (
            user,
            digest(f"{first}:{middle}:{second}"),
        )

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """On a real port; the URL of its picture."""
        app = web.Application()
        app.router.add_get("/cgi-bin/snapshot.cgi", self.handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port = runner.addresses[0][1]
        try:
            yield f"http://127.0.0.1:{port}/cgi-bin/snapshot.cgi?channel=1"
        finally:
            self.release()
            await runner.cleanup()
