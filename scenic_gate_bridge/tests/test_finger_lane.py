"""A member's card, and then the finger: from the scan to the turnstile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from conftest import Start, World, until
from local_world import config, qr
from scenic_gate_bridge.simulator.ledger import Ticket
from scenic_gate_bridge.simulator.pty_port import PtyPort
from scenic_gate_bridge.simulator.r30x_model import R30xModel
from test_site_server import today

REF = "0f8fad5b-d9cb-469f-a165-70867728950e"
THUMB, OTHER = "thumb of Li", "thumb of Wang"


class SimSensor:
    """The model on a pty."""

    def __init__(self, link: Path) -> None:
        self.model = R30xModel()
        self.port = PtyPort(link, self._received, random.Random(1))

    def _received(self, data: bytes) -> None:
        self.port.send(self.model.feed(data))


@pytest.fixture
async def sensor(tmp_path: Path) -> AsyncIterator[SimSensor]:
    (tmp_path / "run").mkdir(exist_ok=True)
    sensor = SimSensor(tmp_path / "run" / "sensor")
    sensor.port.plug()
    yield sensor
    sensor.port.unplug()


def settings(sensor: SimSensor) -> str:
    return (
        f'[lanes.fingerprint]\ntransport = {{ kind = "serial", port ='
        f' "{sensor.port.link}", baud = 57600 }}\ntimeout = 1.0\n'
    )


async def order(world: World, ticket: str, lane: str = "L1") -> tuple[int, str]:
    """Enrol through the API of the bridge."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{world.url}/lanes/{lane}/fingerprint", json={"ticket": ticket}
        ) as answer,
    ):
        return answer.status, await answer.text()


def agreed(*tickets: str, **values: Any) -> dict[str, Any]:
    """What the server tells of who agreed."""
    fingerprints = [{"ref": REF, "tickets": list(tickets)}]
    told = {"version": "1", "decides": "no", "fingerprints": fingerprints}
    return told | values


async def begin(start: Start, sensor: SimSensor) -> World:
    """A lane with a sensor, and a member with the card CODEM who agreed."""
    world = await start(extra=settings(sensor), tickets={"M": Ticket(entries=9)})
    world.peer.settings = agreed("CODEM")
    await consent_known(world)
    return world


async def consent_known(world: World) -> None:
    members = world.lane().finger
    assert members is not None
    await until(lambda: members._members.agreed("CODEM"))


async def enrol(world: World, sensor: SimSensor, ticket: str = "CODEM") -> None:
    sensor.model.press(THUMB, THUMB)
    assert (await order(world, ticket))[0] == 200
    assert template(world).exists()


def template(world: World) -> Path:
    return world.directory / f"state/fingerprints/{REF}.template"


async def test_the_member_walks_and_nobody_else(
    start: Start, sensor: SimSensor
) -> None:
    world = await begin(start, sensor)
    await enrol(world, sensor)
    sensor.model.press(THUMB)
    assert await world.visit("CODEM") == (True, 1)
    await world.wait_log("finger")
    await asyncio.sleep(0.3)  # else it is one reading
    sensor.model.press(OTHER, OTHER, OTHER)
    assert await world.visit("CODEM", patience=2.0) == (False, 0)
    row = await world.wait_log("denied", code="FINGER")
    assert "出示会员卡" in row["remedy_zh"]
    (annulled,) = await until(lambda: world.peer.of_type("annulled"))
    assert (annulled["count"], annulled["note"]) == (1, "FINGER")
    (refused,) = await until(lambda: world.peer.of_type("refused"))
    assert refused["code"] == "FINGER"
    ticket = world.peer.tickets["CODEM"]
    await until(lambda: ticket.used == 1)
    assert ticket.reserved == 0
    # everybody else walks as at any other lane
    assert await world.visit("CODET1") == (True, 1)


async def test_who_is_not_enrolled_walks_without(
    start: Start, sensor: SimSensor
) -> None:
    world = await begin(start, sensor)
    assert await world.visit("CODEM") == (True, 1)
    assert sensor.model.commands == []


async def test_a_sensor_that_is_away_sends_to_the_attendant(
    start: Start, sensor: SimSensor
) -> None:
    world = await begin(start, sensor)
    await enrol(world, sensor)
    sensor.port.unplug()
    assert await world.visit("CODEM", patience=1.0) == (False, 0)
    await world.wait_log("denied", code="FINGER")
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.url}/health") as answer,
    ):
        problems = (await answer.json())["problems"]
    assert any("lane L1: fingerprint: cannot open" in each for each in problems)
    await until(lambda: world.peer.tickets["CODEM"].reserved == 0)
    await asyncio.sleep(0.3)
    sensor.port.plug()
    sensor.model.press(THUMB)
    assert await world.visit("CODEM") == (True, 1)


async def test_who_withdraws_is_forgotten(start: Start, sensor: SimSensor) -> None:
    world = await begin(start, sensor)
    await enrol(world, sensor)
    world.peer.settings = {"version": "2", "decides": "no", "fingerprints": []}
    await until(lambda: not template(world).exists())
    commands = len(sensor.model.commands)
    assert await world.visit("CODEM") == (True, 1)
    assert len(sensor.model.commands) == commands
    assert (await order(world, "CODEM"))[0] == 409


async def test_enrolling_says_what_is_wrong(start: Start, sensor: SimSensor) -> None:
    world = await begin(start, sensor)
    status, said = await order(world, "CODET1")
    assert status == 409 and "no consent is known" in said
    sensor.model.press(THUMB, OTHER)
    status, said = await order(world, "CODEM")
    assert status == 409 and "do not fit" in said
    sensor.port.unplug()
    status, said = await order(world, "CODEM")
    assert status == 503 and "cannot open" in said
    assert not template(world).exists()
    async with aiohttp.ClientSession() as session:
        url = f"{world.url}/lanes/L1/fingerprint"
        wrong: list[dict[str, object]] = [{}, {"ticket": 7}, {"ticket": "1", "a": 1}]
        for each in wrong:
            async with session.post(url, json=each) as answer:
                assert answer.status == 400
        elsewhere = {"Host": "gate.example.com"}
        body = {"ticket": "CODEM"}
        async with session.post(url, json=body, headers=elsewhere) as answer:
            assert answer.status == 403


async def test_a_lane_without_a_sensor(start: Start) -> None:
    world = await start()
    status, said = await order(world, "CODEM")
    assert status == 409 and "no fingerprint sensor" in said


async def test_decided_by_the_bridge_itself(start: Start, sensor: SimSensor) -> None:
    world = await start("L1:in", mode="site", extra=settings(sensor))
    member = today(1)
    world.peer.feed = [member]
    fingerprints = agreed(member["name"])["fingerprints"]
    world.peer.settings = config(fingerprints=fingerprints)
    beats = world.peer.heartbeats
    await until(lambda: beats and beats[-1]["copy_at"])
    check = world.lane().finger
    assert check is not None
    await until(lambda: check._members.agreed(member["name"]))
    await enrol(world, sensor, member["name"])
    sensor.model.press(OTHER, OTHER, OTHER)
    assert await world.visit(qr(1), patience=2.0) == (False, 0)
    await until(lambda: world.peer.of_type("refused"))
    kinds = [
        event["type"]
        for event in world.peer.events.values()
        if event["type"] in ("admitted", "annulled", "refused", "passed")
    ]
    assert kinds == ["admitted", "annulled", "refused"]
    await asyncio.sleep(0.3)
    sensor.model.press(THUMB)
    assert await world.visit(qr(1)) == (True, 1)
