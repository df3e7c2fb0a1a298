"""What heartbeats bring, and what becomes of it when the server asks to wait."""

from __future__ import annotations

import asyncio
import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from conftest import Start, World, new_peer, running, serving, until, write_config
from gate_peer import KEY
from local_world import config, ticket
from scenic_gate_bridge.commands import status
from scenic_gate_bridge.model import LaneMode
from scenic_gate_bridge.settings import load

WAIT = 4.0


async def health(world: World) -> dict[str, Any]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.url}/health") as answer,
    ):
        found: dict[str, Any] = await answer.json()
        return found


@pytest.mark.parametrize("what", ["429", "503"])
async def test_heartbeats_wait_as_long_as_the_server_says(
    start: Start, what: str
) -> None:
    """Meanwhile health and status tell that the modes of the lanes are old."""
    world = await start(heartbeat=0.2)
    peer, loop = world.peer, asyncio.get_running_loop()
    await until(lambda: peer.heartbeats)
    peer.faults = [("heartbeat", what, WAIT)]
    await until(lambda: not peer.faults)
    refused, beats = loop.time(), len(peer.heartbeats)
    peer.lanes["L1"]["mode"] = "locked"
    found = await health(world)
    async with asyncio.timeout(15):
        while not any("it asked to wait" in text for text in found["problems"]):
            await asyncio.sleep(0.1)
            found = await health(world)
    assert len(peer.heartbeats) == beats
    assert world.lane().machine.mode is LaneMode.CONTROLLED
    assert found["status"] == "degraded"
    assert "服务器要求等待" in status.show(found, zh=True)
    await until(lambda: len(peer.heartbeats) > beats)
    # the moment that is known of the refusal is a little after it
    assert loop.time() - refused > WAIT - 0.5
    await until(lambda: world.lane().machine.mode is LaneMode.LOCKED)
    found = await health(world)
    assert not any("not heard from" in text for text in found["problems"])


async def test_config_is_asked_for_when_a_heartbeat_names_another(
    start: Start,
) -> None:
    world = await start(heartbeat=0.2)
    peer = world.peer
    peer.settings, peer.feed = config(), [ticket(1)]

    async def asked_after(syncs: int) -> int:
        more = peer.requests.count(("sync", 1)) + syncs
        await until(lambda: peer.requests.count(("sync", 1)) >= more)
        return peer.requests.count(("config", 0))

    before = await asked_after(2)
    assert await asked_after(5) == before
    peer.settings = config(version="v2", site_codes=["OTHER"])
    await until(lambda: peer.requests.count(("config", 0)) > before)
    # once more if it was asked for just before a heartbeat of the time before arrived
    before = await asked_after(2)
    assert await asked_after(5) == before
    path = world.directory / "state" / "journal.sqlite"
    with closing(sqlite3.connect(path, timeout=10)) as con:
        row = con.execute("SELECT value FROM meta WHERE name = 'config'").fetchone()
    assert json.loads(row[0])["site_codes"] == ["OTHER"]


@asynccontextmanager
async def counting(server: str, calls: Counter[str]) -> AsyncIterator[str]:
    """An address that leads to the server and counts the calls."""
    session = aiohttp.ClientSession()

    async def forward(request: web.Request) -> web.Response:
        calls[request.path.rsplit("/", 1)[1]] += 1
        wanted = {
            name: request.headers[name] for name in ("Authorization", "Content-Type")
        }
        async with session.post(
            server + request.path, data=await request.read(), headers=wanted
        ) as answer:
            return web.Response(
                body=await answer.read(),
                status=answer.status,
                content_type=answer.content_type,
            )

    app = web.Application()
    app.router.add_post("/{path:.*}", forward)
    async with session, serving(app) as url:
        yield url


async def test_so_is_that_of_a_site_server(tmp_path: Path) -> None:
    """A bridge that asks a site server hears of another config by its heartbeats."""
    peer = new_peer("L1:in,L2:in")
    peer.settings = config()
    here, far = tmp_path / "here", tmp_path / "far"
    here.mkdir()
    far.mkdir()
    client = f"""
[[site_server.clients]]
name = "far"
key_hash = "{hashlib.sha256(KEY.encode()).hexdigest()}"
lanes = ["L2"]
"""
    calls: Counter[str] = Counter()
    async with serving(peer) as server:
        own = write_config(here, server, "L1:in", mode="site", extra=client)
        async with running(load(own)) as (_bridge, site):
            await until(lambda: peer.requests.count(("sync", 0)))
            async with counting(site, calls) as url:
                asks = write_config(far, url, "L2:in", heartbeat=0.2)
                async with running(load(asks)) as (bridge, _url):
                    await until(lambda: calls["heartbeat"] > 10)
                    before = calls["config"]
                    assert before <= 2
                    peer.settings = config(version="v2", site_codes=["OTHER"])
                    await until(lambda: calls["config"] > before)
                    beats = calls["heartbeat"]
                    await until(lambda: calls["heartbeat"] > beats + 10)
                    assert calls["config"] <= before + 2
                    assert not calls["sync"]
