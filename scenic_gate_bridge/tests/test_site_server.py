"""A bridge that is the server of its site: the gate API as clients see it."""

from __future__ import annotations

import asyncio
import hashlib
import io
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from conftest import Start, World, until
from local_world import config, limited, qr, right, stamp, ticket
from scenic_gate_bridge.site_server import http

KEY = "sgk_" + "c" * 43
OTHER = "sgk_" + "d" * 43
NOW = datetime.now(UTC)
CLIENTS = f"""
[[site_server.clients]]
name = "handheld"
key_hash = "{hashlib.sha256(KEY.encode()).hexdigest()}"
lanes = ["L2", "X1"]
[[site_server.clients]]
name = "pier"
key_hash = "{hashlib.sha256(OTHER.encode()).hexdigest()}"
lanes = ["M1"]
"""


def today(number: int, persons: int = 1, **values: Any) -> dict[str, Any]:
    """A ticket that is valid at the moment of the test."""
    window = {"from": stamp(NOW - timedelta(hours=20))}
    window |= {"to": stamp(NOW + timedelta(hours=4))}
    rights = [right(number, total=persons, **window)]
    return ticket(number, rights=rights, persons=persons, **values)


class Client:
    """A handheld: speaks the API and nothing else."""

    def __init__(self, world: World, session: aiohttp.ClientSession) -> None:
        self.world = world
        self.session = session
        self.seq = 0

    async def raw(
        self, method: str, body: Any, key: str = KEY
    ) -> tuple[int, dict[str, Any]]:
        how = "data" if isinstance(body, (bytes, io.BytesIO)) else "json"
        content: dict[str, Any] = {how: body}
        async with self.session.post(
            f"{self.world.url}/scenic/gate/v1/{method}",
            headers={"Authorization": f"Bearer {key}"},
            **content,
        ) as answer:
            return answer.status, await answer.json()

    async def call(self, method: str, params: Any, key: str = KEY) -> Any:
        body = {"jsonrpc": "2.0", "id": 7, "method": "call", "params": params}
        status, answer = await self.raw(method, body, key)
        if "error" in answer:
            assert answer["error"]["data"]["text"]["zh"]
            return status, answer["error"]["data"]["code"]
        assert (status, answer["id"]) == (200, 7)
        return answer["result"]

    def scan_of(self, code: str, **values: Any) -> dict[str, Any]:
        self.seq += 1
        return {
            "request_id": str(uuid.uuid4()),
            "seq": self.seq,
            "lane": "L2",
            "direction": "in",
            "credential": {"kind": "auto", "value": code},
            "at": stamp(datetime.now(UTC)),
        } | values

    async def scan(self, code: str, key: str = KEY, **values: Any) -> Any:
        scan = self.scan_of(code, **values)
        answer = await self.call("validate", {"scans": [scan]}, key)
        if isinstance(answer, tuple):
            return answer
        (result,) = answer["results"]
        assert result["request_id"] == scan["request_id"]
        return result

    async def report(self, *events: dict[str, Any], key: str = KEY) -> Any:
        kept = []
        for event in events:
            self.seq += 1
            kept.append(
                {
                    "event_id": str(uuid.uuid4()),
                    "seq": self.seq,
                    "lane": "L2",
                    "at": stamp(datetime.now(UTC)),
                }
                | event
            )
        answer = await self.call("report", {"events": kept}, key)
        if isinstance(answer, tuple):
            return answer
        return [each["code"] for each in answer["results"]]


@pytest.fixture
async def client(start: Start) -> Any:
    world = await start("L1:in", mode="site", extra=CLIENTS)
    world.peer.feed = [today(1), today(2), today(3, persons=5), today(4)]
    made = config(fingerprints=[{"ref": "r", "tickets": ["0000000001"]}])
    for lane in made["lanes"]:
        if lane["lane"] not in world.peer.lanes:
            known = {"direction": lane["direction"], "mode": "controlled"}
            world.peer.lanes[lane["lane"]] = known
    world.peer.settings = made
    beats = world.peer.heartbeats
    await until(lambda: beats and beats[-1]["copy_at"])
    async with aiohttp.ClientSession() as session:
        yield Client(world, session)


async def test_decides_once_and_tells_odoo(client: Client) -> None:
    first = await client.scan(qr(1))
    assert (first["decision"], first["code"], first["passes"]) == ("admit", "ADMIT", 1)
    assert first["text"] == {"en": "Welcome", "zh": "欢迎光临"}
    assert first["ticket"] == {
        "name": "0000000001",
        "product": "成人票",
        "persons": 1,
        "left": 0,
        "right": 1,
    }
    # the same request again, and another by the same code
    again = await client.scan(qr(1), request_id=first["request_id"], seq=1)
    assert (again["code"], again["repeat"]) == ("ADMIT", True)
    assert (await client.scan(qr(1)))["code"] == "IN_USE"
    passed = {"type": "passed", "request_id": first["request_id"], "count": 1}
    passed |= {"event_id": str(uuid.uuid4())}
    assert await client.report(passed) == ["OK"]
    assert await client.report(passed) == ["REPEAT"]
    used = await client.scan(qr(1))
    assert used["code"] == "USED"
    assert used["text"]["en"].endswith("at Gate 1, Lane L2")
    # and one authority for lanes of its own and of others
    assert await client.world.visit(qr(1), patience=0.5) == (False, 0)

    peer = client.world.peer
    await until(lambda: peer.of_type("passed"))
    (admitted,) = peer.of_type("admitted")
    (told,) = peer.of_type("passed")
    assert (admitted["lane"], admitted["mode"], admitted["right"]) == ("L2", "site", 1)
    assert told["request_id"] == admitted["request_id"] != first["request_id"]
    assert not peer.conflicts


async def test_ids_are_each_clients_own(client: Client) -> None:
    request_id = str(uuid.uuid4())
    mine = await client.scan(qr(1), request_id=request_id)
    theirs = await client.scan(qr(2), OTHER, request_id=request_id, lane="M1", seq=1)
    assert (mine["code"], theirs["code"]) == ("ADMIT", "WRONG_SITE")
    assert not theirs["repeat"]
    # nobody ends the admission of another one
    passed = {"type": "passed", "request_id": request_id, "count": 1, "lane": "M1"}
    assert await client.report(passed, key=OTHER) == ["CONFLICT"]
    assert (await client.scan(qr(1)))["code"] == "IN_USE"


async def test_a_group_and_its_rest(client: Client) -> None:
    group = await client.scan(qr(3))
    assert group["passes"] == 5
    assert await client.report(
        {"type": "passed", "request_id": group["request_id"], "count": 3},
        {"type": "annulled", "request_id": group["request_id"], "count": 2},
        {"type": "passed", "request_id": group["request_id"], "count": 1},
    ) == ["OK", "OK", "CONFLICT"]
    assert (await client.scan(qr(3)))["passes"] == 1


async def test_an_annulled_request_cannot_reserve_afterwards(client: Client) -> None:
    late = client.scan_of(qr(1))
    annulled = {"type": "annulled", "request_id": late["request_id"]}
    assert await client.report(annulled) == ["OK"]
    answer = await client.call("validate", {"scans": [late]})
    assert answer["results"][0]["code"] == "VOID"
    assert answer["results"][0]["text"]["en"].startswith("This scan was cancelled")
    assert (await client.scan(qr(1)))["code"] == "ADMIT"


async def test_numbers_rise(client: Client) -> None:
    assert (await client.scan(qr(1), seq=5000))["code"] == "ADMIT"
    assert (await client.scan(qr(2), seq=5000))["code"] == "SEQUENCE"
    assert (await client.scan(qr(2), seq=3999))["code"] == "SEQUENCE"
    assert (await client.scan(qr(2), seq=4000))["code"] == "ADMIT"
    # of another client, and of facts
    assert (await client.scan(qr(4), OTHER, seq=5000, lane="M1"))["code"] != "SEQUENCE"
    photo = str(uuid.uuid4())
    forced = {"type": "forced", "seq": 5000, "photo": photo}
    assert await client.report(forced) == ["OK"]
    peer = client.world.peer
    await until(lambda: peer.of_type("forced"))
    assert peer.of_type("forced")[0]["note"] == "seq reused"
    assert peer.of_type("forced")[0]["photo"] == photo


async def test_a_lane_of_somebody_else(client: Client) -> None:
    for lane in ("L1", "M1", "L9"):
        assert (await client.scan(qr(1), lane=lane))["code"] == "LANE_UNKNOWN"
    assert await client.report(
        {"type": "exit", "count": 1, "direction": "out", "lane": "L1"}
    ) == ["LANE_UNKNOWN"]
    peer = client.world.peer
    await until(lambda: peer.of_type("exit"))
    (told,) = peer.of_type("exit")
    assert (told["lane"], told["note"]) == ("?", "lane L1 of handheld")
    assert {each["lane"] for each in peer.of_type("refused")} == {"?"}


async def test_modes_follow_odoo(client: Client) -> None:
    peer = client.world.peer
    peer.lanes["L2"]["mode"] = "locked"
    params = {"seq": 1, "version": "1", "outbox": 0, "unresolved": 0}
    zeros = ("granted", "completed", "timed_out", "revoked", "outstanding")
    lane = {"lane": "L2", "link": "up", "mode": "controlled"} | dict.fromkeys(zeros, 0)
    async with asyncio.timeout(15):
        while True:
            answer = await client.call("heartbeat", params | {"lanes": [lane]})
            modes = {each["lane"]: each["mode"] for each in answer["lanes"]}
            if modes == {"L2": "locked", "X1": "controlled"}:
                break
            await asyncio.sleep(0.05)
    assert answer["device"] == "handheld"
    assert (await client.scan(qr(1)))["code"] == "LANE_CLOSED"

    # and Odoo sees the lanes of clients as those of this device
    def told() -> Any:
        found = {each["lane"]: each for each in peer.heartbeats[-1]["lanes"]}
        return found.get("L2")

    state = await until(told)
    assert (state["link"], state["mode"]) == ("up", "controlled")


async def test_settings_without_secrets(client: Client) -> None:
    first = await client.call("config", {"version": None})
    assert [each["lane"] for each in first["lanes"]] == ["L2", "X1"]
    assert (first["decides"], first["lookup_key"]) == ("no", None)
    assert "fingerprints" not in first
    assert first["device"] == "handheld"
    again = await client.call("config", {"version": first["version"]})
    assert again["unchanged"] is True
    theirs = await client.call("config", {}, OTHER)
    assert theirs["version"] != first["version"]
    asked = {"cursor": None, "limit": 10, "born": stamp(NOW)}
    assert await client.call("sync", asked) == (403, "DEVICE_DECIDES_NOTHING")


async def test_the_envelope(client: Client) -> None:
    good = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": {}}

    async def code(method: str, body: Any, key: str = KEY) -> tuple[int, str]:
        status, answer = await client.raw(method, body, key)
        return status, answer["error"]["data"]["code"]

    assert await code("validate", b"{") == (400, "PARSE_ERROR")
    assert await code("validate", b'{"a": NaN}') == (400, "PARSE_ERROR")
    assert await code("validate", b"[" * 100_000) == (400, "PARSE_ERROR")
    assert await code("validate", []) == (400, "INVALID_REQUEST")
    assert await code("validate", good | {"method": "x"}) == (400, "INVALID_REQUEST")
    assert await code("validate", io.BytesIO(b" " * (5 << 20))) == (
        400,
        "INVALID_REQUEST",
    )
    assert await code("validate", good) == (400, "INVALID_PARAMS")
    assert await code("validate", good, OTHER[:-1] + "x") == (401, "DEVICE_KEY_INVALID")
    assert await code("validate", good, "short") == (401, "DEVICE_KEY_INVALID")
    status, _answer = await client.raw("validate", good | {"id": "x"}, OTHER)
    assert status == 400
    async with client.session.post(f"{client.world.url}/scenic/gate/v1/else") as answer:
        assert answer.status == 401


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("seq", 0),
        ("seq", True),
        ("seq", 2**31),
        ("seq", None),
        ("request_id", "A"),
        ("lane", ""),
        ("lane", "x" * 33),
        ("direction", "up"),
        ("at", "2026-12-01"),
        ("at", 5),
        ("credential", {"kind": "magic", "value": "x"}),
        ("credential", {"kind": "auto", "value": "x" * 513}),
    ],
)
async def test_what_does_not_fit_is_named(
    client: Client, name: str, value: object
) -> None:
    scan = client.scan_of(qr(1)) | {name: value}
    body = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": {"scans": [scan]}}
    status, answer = await client.raw("validate", body)
    assert (status, answer["error"]["data"]["code"]) == (400, "INVALID_PARAMS")
    assert f"scans[0].{name}" in answer["error"]["data"]["text"]["en"]
    assert (await client.scan(qr(1)))["code"] == "ADMIT"


async def test_who_asks_too_often_waits(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "CLIENT_RATE", 0.001)
    monkeypatch.setattr(http, "CLIENT_BURST", 10.0)
    body = {"jsonrpc": "2.0", "id": 1, "method": "call", "params": {}}

    async def statuses(number: int, key: str) -> list[int]:
        answers = [client.raw("config", body, key) for _ in range(number)]
        return [status for status, _answer in await asyncio.gather(*answers)]

    unknown = await statuses(25, "sgk_" + "x" * 43)
    assert {*unknown} == {401, 429}
    # a neighbour behind the same address is not held up
    assert await statuses(3, OTHER) == [200] * 3
    assert await statuses(12, KEY) == [200] * 10 + [429] * 2
    assert await statuses(1, OTHER) == [200]


async def test_only_with_odoos_permission(start: Start) -> None:
    world = await start("L1:in", mode="site", extra=CLIENTS)
    world.peer.settings = limited(decides="offline")
    async with aiohttp.ClientSession() as session:
        refused = await Client(world, session).scan(qr(1))
    assert (refused["decision"], refused["code"]) == ("deny", "DECIDES_NOT")
