"""Pictures of alarms, from a camera over HTTP to the page of the bridge."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from camera_peer import PICTURE, CameraPeer
from conftest import Start, World, until
from scenic_gate_bridge import photos
from scenic_gate_bridge.photos import Album, Camera, NoPicture, Photographer
from scenic_gate_bridge.settings import CameraSettings
from scenic_gate_bridge.simulator.park import SimLane

NAME = "0f8fad5b-d9cb-469f-a165-70867728950e"
OTHER = "7c9e6679-7425-40de-944b-e07fc1f90ae7"

New = Callable[..., Awaitable[Camera]]


@pytest.fixture
async def camera(tmp_path: Path) -> AsyncIterator[New]:
    """`await camera(peer, password)` serves the peer and makes a camera for it."""
    async with AsyncExitStack() as stack:

        async def begin(
            peer: CameraPeer, password: str | None = None, **settings: Any
        ) -> Camera:
            url = await stack.enter_async_context(peer.serving())
            if password is not None:
                file = tmp_path / "camera.password"
                file.write_text(password)
                file.chmod(0o600)
                settings |= {"user": "gate", "password_file": file}
            return Camera(CameraSettings(url=url, timeout=5, **settings))

        yield begin


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_digest(camera: New, algorithm: str) -> None:
    peer = CameraPeer(login=("gate", "s3cret"), algorithm=algorithm)
    taker = await camera(peer, "s3cret")
    assert await taker.grab() == PICTURE
    assert await taker.grab() == PICTURE
    assert peer.served == 2


async def test_basic(camera: New) -> None:
    peer = CameraPeer(login=("gate", "s3cret"), auth="basic")
    assert await (await camera(peer, "s3cret", auth="basic")).grab() == PICTURE
    assert peer.refused == 0


async def test_no_log_in(camera: New) -> None:
    assert await (await camera(CameraPeer())).grab() == PICTURE


@pytest.mark.parametrize(
    ("peer", "reason"),
    [
        (CameraPeer(login=("gate", "another")), "HTTP 401"),
        (CameraPeer(status=503), "HTTP 503"),
        (CameraPeer(content_type="text/html"), "text/html is no image/jpeg"),
        (CameraPeer(picture=b"<html>"), "what came is no JPEG"),
        (CameraPeer(picture=PICTURE[:3] + bytes(photos.LARGEST)), "larger than"),
    ],
)
async def test_no_picture(camera: New, peer: CameraPeer, reason: str) -> None:
    taker = await camera(peer, "s3cret")
    with pytest.raises(NoPicture, match=reason):
        await taker.grab()


async def test_camera_away_and_back(tmp_path: Path) -> None:
    peer, album = CameraPeer(), Album(tmp_path / "photos")
    async with peer.serving() as url:
        taker = Photographer("L1", Camera(CameraSettings(url=url, timeout=5)), album)
        await taker.take(NAME)
        assert taker.problem == ""
        peer.status = 500
        await taker.take(OTHER)
        assert taker.problem == "HTTP 500"
    await taker.take(OTHER)
    assert "Cannot connect" in taker.problem
    assert album.find(NAME) == PICTURE
    assert album.find(OTHER) is None


async def test_a_full_disk_costs_only_the_picture(tmp_path: Path) -> None:
    (tmp_path / "photos").write_text("not a directory")
    album = Album(tmp_path / "photos")
    async with CameraPeer().serving() as url:
        taker = Photographer("L1", Camera(CameraSettings(url=url, timeout=5)), album)
        await taker.take(NAME)
    assert taker.problem


# -- the album -------------------------------------------------------------------------


def test_pictures_are_for_this_user_only(tmp_path: Path) -> None:
    album = Album(tmp_path / "photos")
    album.keep(NAME, PICTURE)
    assert (tmp_path / "photos").stat().st_mode & 0o777 == 0o700
    [file] = (tmp_path / "photos").iterdir()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "reference",
    [
        "",
        "..",
        "../journal",
        f"../photos/{NAME}",
        f"{NAME}\n",
        NAME.upper(),
        f"/{NAME}",
    ],
)
def test_only_a_reference_is_looked_up(tmp_path: Path, reference: str) -> None:
    album = Album(tmp_path / "photos")
    album.keep(NAME, PICTURE)
    (tmp_path / "journal.jpg").write_bytes(b"secret")
    assert album.find(reference) is None


def test_old_pictures_go(tmp_path: Path) -> None:
    album, now = Album(tmp_path / "photos"), datetime(2026, 12, 20, tzinfo=UTC)
    assert album.prune(7, now) == 0
    for name, days in ((NAME, 8), (OTHER, 6)):
        album.keep(name, PICTURE)
        taken = now.timestamp() - days * 86400
        os.utime(tmp_path / "photos" / f"{name}.jpg", (taken, taken))
    assert album.prune(7, now) == 1
    assert (album.find(NAME), album.find(OTHER)) == (None, PICTURE)


def test_a_mad_sensor_does_not_fill_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(photos, "ROOM", 5 * len(PICTURE))
    album = Album(tmp_path / "photos")
    names = [f"{number:08x}{NAME[8:]}" for number in range(20)]
    for number, name in enumerate(names):
        album.keep(name, PICTURE)
        os.utime(tmp_path / "photos" / f"{name}.jpg", (number, number))
    kept = [name for name in names if album.find(name)]
    assert kept == names[-5:]


# -- the whole way ---------------------------------------------------------------------


async def photo_of(world: World, reference: str, **how: Any) -> tuple[int, bytes, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.url}/photos/{reference}", **how) as answer,
    ):
        return answer.status, await answer.read(), answer.content_type


def push(sim: SimLane) -> None:
    """Somebody gets through where nothing is released."""
    assert sim.walk(min(sim.direction.served), force=True)


async def test_an_alarm_names_its_picture(start: Start) -> None:
    peer = CameraPeer()
    async with peer.serving() as url:
        camera = f'[lanes.camera]\nurl = "{url}"\ntimeout = 5\n'
        world = await start(extra=camera)
        push(world.sim())
        [event] = await until(lambda: world.peer.of_type("forced"))
        reference = event["photo"]
        file = world.directory / f"state/photos/{reference}.jpg"
        await until(file.exists)
        assert await photo_of(world, reference) == (200, PICTURE, "image/jpeg")
        assert (await world.wait_log("forced"))["photo"] == reference
        # somebody else's web page, by a name of its own for this machine
        elsewhere = {"headers": {"Host": "gate.example.com"}}
        assert (await photo_of(world, reference, **elsewhere))[0] == 403
        assert (await photo_of(world, NAME))[0] == 404
        assert (await photo_of(world, "..%2Fjournal"))[0] == 404
        async with aiohttp.ClientSession() as session, session.get(world.url) as page:
            assert f'href="photos/{reference}"' in await page.text()


async def test_a_camera_that_says_nothing_holds_up_nobody(start: Start) -> None:
    peer = CameraPeer(stall=True)
    async with peer.serving() as url:
        camera = f'[lanes.camera]\nurl = "{url}"\ntimeout = 5\n'
        world = await start(extra=camera)
        push(world.sim())
        [event] = await until(lambda: world.peer.of_type("forced"))
        # the alarm has come, the next visitor walks, and there is no picture yet
        assert await world.visit("CODET1") == (True, 1)
        assert (await photo_of(world, event["photo"]))[0] == 404
        assert peer.served == 0
        peer.stall = False
        peer.release()
        file = world.directory / f"state/photos/{event['photo']}.jpg"
        await until(file.exists)


async def test_health_tells_of_a_camera_that_is_away(start: Start) -> None:
    peer = CameraPeer(status=500)
    async with peer.serving() as url:
        world = await start(extra=f'[lanes.camera]\nurl = "{url}"\ntimeout = 5\n')
        push(world.sim())
        await until(lambda: world.lane().camera_problem)
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{world.url}/health") as answer,
        ):
            assert "lane L1: camera: HTTP 500" in (await answer.json())["problems"]


async def test_without_a_camera_no_picture_is_named(start: Start) -> None:
    world = await start()
    push(world.sim())
    [event] = await until(lambda: world.peer.of_type("forced"))
    assert "photo" not in event
    assert (await world.wait_log("forced"))["photo"] == ""
