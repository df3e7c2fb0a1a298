"""Pictures of alarms: one JPEG from the lane's camera, on this machine for some days.

A picture never holds up anything. An alarm names it before it is taken, so that the
alarm need not wait; where the camera gave none, nothing lies under that name.
"""

from __future__ import annotations

import asyncio
import base64
import os
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp
import structlog

from .settings import CameraSettings

LARGEST = 2 << 20  # bytes of a picture
ROOM = 1 << 30  # bytes of all pictures: a sensor that went mad must not fill the disk
JPEG = b"\xff\xd8\xff"
REFERENCE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class NoPicture(Exception):
    """Why there is none."""


class Camera:
    """A camera that answers a GET with a JPEG."""

    def __init__(self, settings: CameraSettings) -> None:
        self._settings = settings
        self._headers: dict[str, str] = {}
        self._digest: aiohttp.DigestAuthMiddleware | None = None
        self._one = asyncio.Lock()
        if settings.user is None:
            return
        password = settings.password()
        if settings.auth == "basic":
            self._headers["Authorization"] = _basic(settings.user, password)
        else:
            self._digest = aiohttp.DigestAuthMiddleware(settings.user, password)

    async def grab(self) -> bytes:
        """One picture, within the time that is set; NoPicture."""
        try:
            # the time spent waiting for the picture before this one counts, too
            async with asyncio.timeout(self._settings.timeout), self._one:
                return await self._get()
        except TimeoutError:
            raise NoPicture(f"no answer within {self._settings.timeout} s") from None
        except (aiohttp.ClientError, OSError) as error:
            raise NoPicture(str(error) or type(error).__name__) from error

    async def _get(self) -> bytes:
        async with (
            aiohttp.ClientSession(
                cookie_jar=aiohttp.DummyCookieJar(),
                middlewares=(self._digest,) if self._digest else (),
            ) as session,
            session.get(
                str(self._settings.url), headers=self._headers, allow_redirects=False
            ) as answer,
        ):
            if answer.status != 200:
                raise NoPicture(f"HTTP {answer.status}")
            if answer.content_type != "image/jpeg":
                raise NoPicture(f"{answer.content_type} is no image/jpeg")
            picture = bytearray()
            async for chunk in answer.content.iter_any():
                picture += chunk
                if len(picture) > LARGEST:
                    raise NoPicture(f"larger than {LARGEST} bytes")
        if not picture.startswith(JPEG):
            raise NoPicture("what came is no JPEG")
        return bytes(picture)


class Album:
    """The pictures on the disk, readable for this user only. Blocking."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def keep(self, reference: str, picture: bytes) -> None:
        """Store a picture; the oldest go where there is no room. Raises OSError."""
        self._directory.mkdir(mode=0o700, exist_ok=True)
        self._make_room(len(picture))
        path = self._path(reference)
        part = path.with_suffix(".part")
        handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(picture)
        part.rename(path)

    def find(self, reference: str) -> bytes | None:
        """The picture of this name, or None. Any text may be asked for."""
        if not REFERENCE.fullmatch(reference):
            return None
        try:
            return self._path(reference).read_bytes()
        except FileNotFoundError:
            return None

    def prune(self, days: int, at: datetime) -> int:
        """Delete what is older than `days`; how many."""
        before = (at - timedelta(days=days)).timestamp()
        old = [path for taken, _size, path in self._files() if taken < before]
        for path in old:
            path.unlink(missing_ok=True)
        return len(old)

    def _path(self, reference: str) -> Path:
        return self._directory / f"{reference}.jpg"

    def _files(self) -> Iterator[tuple[float, int, Path]]:
        """(when, bytes, where) of each."""
        if not self._directory.exists():
            return
        with os.scandir(self._directory) as entries:
            for entry in entries:
                status = entry.stat(follow_symlinks=False)
                yield status.st_mtime, status.st_size, Path(entry.path)

    def _make_room(self, wanted: int) -> None:
        files = sorted(self._files())
        over = sum(size for _taken, size, _path in files) + wanted - ROOM
        for _taken, size, path in files:
            if over <= 0:
                return
            path.unlink(missing_ok=True)
            over -= size


class Photographer:
    """Takes the pictures of one lane."""

    def __init__(self, lane: str, camera: Camera, album: Album) -> None:
        self._camera = camera
        self._album = album
        self._log = structlog.get_logger().bind(lane=lane)
        self.problem = ""  # why the last picture is missing

    async def take(self, reference: str) -> None:
        """Take a picture and keep it under this name, if there is one to be had."""
        try:
            picture = await self._camera.grab()
            await asyncio.to_thread(self._album.keep, reference, picture)
        except (NoPicture, OSError) as error:
            self.problem = str(error)
            self._log.warning("no picture", photo=reference, reason=self.problem)
        else:
            self.problem = ""


def _basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
