"""Calls to the server: answers that make no sense, batches, waiting times."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from conftest import new_peer, serving, write_config
from scenic_gate_bridge import refusals
from scenic_gate_bridge.backoff import Backoff
from scenic_gate_bridge.decision import DecisionClient, Request, read_decisions
from scenic_gate_bridge.journal import OutboxRow
from scenic_gate_bridge.model import Code, Decision, Direction, Scan, Verdict, utc_now
from scenic_gate_bridge.outbox import read_answers
from scenic_gate_bridge.rpc import (
    KeyInvalid,
    KeyShared,
    RateLimited,
    RequestRefused,
    RpcClient,
    RpcError,
    ServerFault,
    ToldToWait,
    Unanswered,
    Unreachable,
)
from scenic_gate_bridge.settings import load
from scenic_gate_bridge.status import ServerState, ServerStatus


def request(code: str = "CODET1", lane: str = "L1", seq: int = 1) -> Request:
    scan = Scan(lane, Direction.IN, Code(code), utc_now())
    return Request(str(uuid.uuid4()), seq, scan)


@asynccontextmanager
async def raw_server(answer: Any) -> AsyncIterator[str]:
    """A server that answers everything with `answer(body)`; it cuts the connection
    where that raises ConnectionAbortedError."""

    async def handle(req: web.Request) -> web.StreamResponse:
        try:
            result: web.StreamResponse = answer(await req.json())
        except ConnectionAbortedError:
            assert req.transport is not None
            req.transport.abort()
            return web.Response()
        return result

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    async with serving(app) as url:
        yield url


def client(tmp_path: Path, url: str) -> RpcClient:
    return RpcClient(load(write_config(tmp_path, url, "L1:in")))


def rpc_error(status: int, code: str) -> Any:
    return lambda body: web.json_response(
        {
            "jsonrpc": "2.0",
            "id": body["id"],
            "error": {"code": -1, "message": "m", "data": {"code": code}},
        },
        status=status,
    )


NO_DATABASE = "<p>No database is selected and the requested URL was not found</p>"


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (lambda body: web.Response(status=404, text=NO_DATABASE), "no database"),
        (rpc_error(503, "DATABASE_AWAY"), "DATABASE_AWAY"),
        (lambda body: web.Response(status=404, text="nginx"), "check server.url"),
        (
            lambda body: web.json_response(
                {"jsonrpc": "2.0", "id": None, "error": {"code": 404, "message": "-"}}
            ),
            "check server.url",
        ),
        (lambda body: web.Response(status=502, text="nginx"), "HTTP 502"),
    ],
)
async def test_no_database_is_told_from_a_wrong_address(
    tmp_path: Path, answer: Any, said: str
) -> None:
    status = ServerStatus()
    async with raw_server(answer) as url, client(tmp_path, url) as rpc:
        rpc.on_outcome = status.outcome
        with pytest.raises(ServerFault):
            await rpc.call("heartbeat", {}, 5)
    assert status.state is ServerState.FAULT
    assert said in status.last_error


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda body: web.Response(text="hello"), ServerFault),
        (lambda body: web.Response(text=""), ServerFault),
        (lambda body: web.Response(status=302, headers={"Location": "/"}), ServerFault),
        (lambda body: web.Response(status=401, text="no"), KeyInvalid),
        (lambda body: web.Response(body=b"x" * (2 << 20)), ServerFault),
        (lambda body: web.json_response([1]), ServerFault),
        (lambda body: web.json_response({"jsonrpc": "2.0", "id": 0}), ServerFault),
        (
            lambda body: web.json_response({"jsonrpc": "2.0", "id": -9, "result": {}}),
            ServerFault,
        ),
        (
            lambda body: web.json_response(
                {"jsonrpc": "2.0", "id": body["id"], "result": []}
            ),
            ServerFault,
        ),
        (rpc_error(401, "DEVICE_KEY_INVALID"), KeyInvalid),
        (rpc_error(200, "DEVICE_KEY_INVALID"), KeyInvalid),
        (rpc_error(400, "INVALID_PARAMS"), RequestRefused),
        (rpc_error(500, "INTERNAL_ERROR"), ServerFault),
        (rpc_error(400, "SOMETHING_NEW"), ServerFault),
        (rpc_error(429, "RATE_LIMITED"), RateLimited),
        (lambda body: web.Response(status=429, text="of a proxy"), RateLimited),
        (lambda body: web.Response(status=503, text="of a proxy"), ServerFault),
        (
            lambda body: web.Response(status=503, headers={"Retry-After": "7"}),
            ToldToWait,
        ),
        (rpc_error(409, "KEY_SHARED"), KeyShared),
    ],
)
async def test_answers_that_are_no_result(
    tmp_path: Path, answer: Any, kind: type[RpcError]
) -> None:
    outcomes: list[Any] = []
    async with raw_server(answer) as url, client(tmp_path, url) as rpc:
        rpc.on_outcome = outcomes.append
        with pytest.raises(RpcError) as caught:
            await rpc.call("heartbeat", {}, 5)
    assert type(caught.value) is kind
    assert outcomes == [caught.value]
    assert "sgk_" not in str(caught.value)


async def test_nobody_listens(tmp_path: Path) -> None:
    async with client(tmp_path, "http://127.0.0.1:1") as rpc:
        with pytest.raises(Unreachable):
            await rpc.call("heartbeat", {}, 5)


async def test_database_header_and_path(tmp_path: Path) -> None:
    seen = []

    async def handle(req: web.Request) -> web.Response:
        seen.append((req.path, req.headers.get("X-Odoo-Database")))
        body = await req.json()
        return web.json_response({"jsonrpc": "2.0", "id": body["id"], "result": {}})

    app = web.Application()
    app.router.add_post("/{path:.*}", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    path = write_config(
        tmp_path, f"http://127.0.0.1:{runner.addresses[0][1]}/", "L1:in"
    )
    path.write_text(path.read_text().replace("[server]", '[server]\ndatabase = "db1"'))
    async with RpcClient(load(path)) as rpc:
        assert await rpc.call("report", {}, 5) == {}
    await runner.cleanup()
    assert seen == [("/scenic/gate/v1/report", "db1")]


# -- decisions -----------------------------------------------------------------------


@asynccontextmanager
async def deciding(
    tmp_path: Path, url: str, timeout: float = 2.0
) -> AsyncIterator[DecisionClient]:
    async with client(tmp_path, url) as rpc, asyncio.TaskGroup() as group:
        yield DecisionClient(rpc, timeout, group)


async def test_what_waits_goes_together(tmp_path: Path) -> None:
    peer = new_peer("L1:in")
    peer.faults = [("validate", "slow", 0.2)] * 4
    async with serving(peer) as url, deciding(tmp_path, url) as decisions:
        answers = await asyncio.gather(
            *(decisions.decide(request(f"NOPE{n}", seq=n + 1)) for n in range(30))
        )
    assert {answer.code for answer in answers} == {"UNKNOWN"}
    sizes = [size for _path, size in peer.requests]
    assert sizes[:4] == [1, 1, 1, 1]
    assert sorted(sizes[4:]) == [6, 20]


async def test_one_bad_scan_does_not_refuse_the_others(tmp_path: Path) -> None:
    peer = new_peer("L1:in")
    peer.faults = [("validate", "slow", 0.2)] * 4
    async with serving(peer) as url, deciding(tmp_path, url) as decisions:
        first = [
            asyncio.create_task(decisions.decide(request(f"NOPE{n}"))) for n in range(4)
        ]
        await asyncio.sleep(0.05)
        good, bad = await asyncio.gather(
            decisions.decide(request("CODET1")),
            decisions.decide(request("x" * 513)),
        )
        await asyncio.gather(*first)
    assert (good.verdict, good.passes) == (Verdict.ADMIT, 1)
    assert bad == refusals.SERVER_REFUSED


async def test_hung_requests_do_not_hold_up_the_next_visitor(tmp_path: Path) -> None:
    peer = new_peer("L1:in")
    peer.faults = [("validate", "slow", 3.0)] * 4
    async with serving(peer) as url, deciding(tmp_path, url, 0.3) as decisions:
        hung = await asyncio.gather(*(decisions.decide(request()) for _ in range(4)))
        assert hung == [refusals.OFFLINE_UNSURE] * 4
        answer = await decisions.decide(request())
    assert answer.verdict is Verdict.ADMIT


async def test_scan_that_was_never_sent_needs_no_annulment(tmp_path: Path) -> None:
    peer = new_peer("L1:in")
    peer.faults = [("validate", "slow", 1.0)] * 4
    async with serving(peer) as url, deciding(tmp_path, url, 0.2) as decisions:
        answers = await asyncio.gather(
            *(decisions.decide(request(seq=n + 1)) for n in range(6))
        )
    assert answers == [refusals.OFFLINE_UNSURE] * 4 + [refusals.OFFLINE] * 2


@pytest.mark.parametrize(
    ("status", "code", "told"),
    [
        (401, "DEVICE_KEY_INVALID", "DEVICE_KEY_INVALID"),
        (400, "INVALID_PARAMS", "SERVER_REFUSED"),
    ],
)
@pytest.mark.parametrize("cut_first", [True, False])
async def test_refused_repeat_of_a_cut_try_is_unsure(
    tmp_path: Path, status: int, code: str, told: str, cut_first: bool
) -> None:
    """The first try may have reserved before it was cut: it has to be annulled."""
    tries = []

    def answer(body: Any) -> web.StreamResponse:
        tries.append(body)
        if cut_first and len(tries) == 1:
            raise ConnectionAbortedError
        refused: web.StreamResponse = rpc_error(status, code)(body)
        return refused

    async with (
        raw_server(answer) as url,
        client(tmp_path, url) as rpc,
        asyncio.TaskGroup() as group,
    ):
        decision = await DecisionClient(rpc, 5, group).decide(request())
    assert len(tries) == 1 + cut_first
    assert decision.code == told
    assert decision.verdict is (Verdict.UNSURE if cut_first else Verdict.DENY)


@pytest.mark.parametrize("cut_first", [True, False])
async def test_nor_is_it_sure_when_it_is_asked_for_alone(
    tmp_path: Path, cut_first: bool
) -> None:
    """A list that was cut, then refused, may have reserved for each of its scans."""
    tries = []

    def answer(body: Any) -> web.StreamResponse:
        scans = body["params"]["scans"]
        tries.append(len(scans))
        if scans[0]["credential"]["value"] == "FIRST":
            return web.json_response(
                {"jsonrpc": "2.0", "id": body["id"], "result": {"results": []}}
            )
        if cut_first and tries.count(2) == 1 and len(scans) == 2:
            raise ConnectionAbortedError
        code = "INVALID_PARAMS" if len(scans) == 2 else "DEVICE_KEY_INVALID"
        refused: web.StreamResponse = rpc_error(400, code)(body)
        return refused

    async with (
        raw_server(answer) as url,
        client(tmp_path, url) as rpc,
        asyncio.TaskGroup() as group,
    ):
        asker = DecisionClient(rpc, 5, group)
        busy = [group.create_task(asker.decide(request("FIRST"))) for _ in range(4)]
        found = await asyncio.gather(asker.decide(request()), asker.decide(request()))
        await asyncio.gather(*busy)
    assert {each.code for each in found} == {"DEVICE_KEY_INVALID"}
    sure = Verdict.UNSURE if cut_first else Verdict.DENY
    assert {each.verdict for each in found} == {sure}
    assert tries.count(2) == 1 + cut_first


async def test_a_lost_answer_is_not_asked_for_again(tmp_path: Path) -> None:
    peer = new_peer("L1:in")
    # the repeat over a new connection is lost, too
    peer.faults = [("validate", "lost", 0)] * 2
    async with serving(peer) as url, deciding(tmp_path, url, 0.3) as decisions:
        assert await decisions.decide(request()) == refusals.OFFLINE_UNSURE
        await asyncio.sleep(0.5)
    assert peer.requests == [("validate", 1)] * 2


def result(asked: Request, **changes: Any) -> dict[str, Any]:
    item = {
        "request_id": asked.request_id,
        "decision": "admit",
        "code": "ADMIT",
        "passes": 1,
        "text": {"en": "Welcome", "zh": "欢迎"},
        "remedy": {"en": "", "zh": ""},
        "ticket": {"name": "1", "product": "成人票"},
    }
    return {"results": [item | changes]}


@pytest.mark.parametrize(
    "changes",
    [
        {"request_id": "other"},
        {"decision": "maybe"},
        {"code": ""},
        {"code": 3},
        {"passes": 0},
        {"passes": -1},
        {"passes": True},
        {"passes": 1.0},
        {"passes": "1"},
        {"passes": 1001},
        {"passes": None},
    ],
)
def test_odd_decisions_do_not_open(changes: dict[str, Any]) -> None:
    asked = request()
    with pytest.raises(ServerFault):
        read_decisions(result(asked, **changes), [asked])


def test_decision_is_read() -> None:
    asked = request()
    (read,) = read_decisions(result(asked), [asked])
    assert (read.verdict, read.passes, read.text.zh, read.product) == (
        Verdict.ADMIT,
        1,
        "欢迎",
        "成人票",
    )
    (read,) = read_decisions(
        result(asked, decision="deny", code="USED", passes=0, text=None, ticket=None),
        [asked],
    )
    assert (read.verdict, read.code, read.text.en) == (Verdict.DENY, "USED", "")
    # texts are cut, whatever their length
    (read,) = read_decisions(result(asked, text={"en": "x" * 9999, "zh": 5}), [asked])
    assert (len(read.text.en), read.text.zh) == (300, "")


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(["results", "request_id", "event_id", "code", "decision"]),
            inner,
            max_size=4,
        ),
    ),
    max_leaves=10,
)


@given(json_values)
def test_any_json_is_a_fault_or_a_decision(value: Any) -> None:
    asked = request()
    row = OutboxRow(1, "e1", "L1", {})
    for answer in (value, {"results": value}, {"results": [value]}):
        if not isinstance(answer, dict):
            continue
        try:
            decisions = read_decisions(answer, [asked])
        except ServerFault:
            pass
        else:
            assert all(isinstance(each, Decision) for each in decisions)
        with pytest.raises(ServerFault):
            read_answers(answer, [row])


def test_report_answers_are_read() -> None:
    rows = [OutboxRow(n, f"e{n}", "L1", {}) for n in range(3)]
    codes = ["OK", "CONFLICT", "SOMETHING_NEW"]
    good = [
        {"event_id": row.event_id, "code": code}
        for row, code in zip(rows, codes, strict=True)
    ]
    assert [code for _id, code in read_answers({"results": good}, rows)] == codes
    for bad in (good[:2], good[::-1], [*good[:2], {"event_id": "e2", "code": None}]):
        with pytest.raises(ServerFault):
            read_answers({"results": bad}, rows)


# -- waiting and status ----------------------------------------------------------------


def test_backoff_grows_to_its_cap_and_starts_again() -> None:
    backoff = Backoff(cap=30.0)
    waits = [backoff.next() for _ in range(5000)]
    for number, wait in enumerate(waits):
        ideal = min(30.0, 1.8 ** min(number, 50))
        assert 0.8 * ideal <= wait <= 1.2 * ideal
    backoff.reset()
    assert backoff.next() <= 1.2
    assert Backoff(cap=0.1).next() <= 0.12


async def test_status_follows_the_calls() -> None:
    status = ServerStatus()
    assert status.state is ServerState.UNKNOWN
    for error, state in (
        (Unreachable("x"), ServerState.OFFLINE),
        (Unanswered("x"), ServerState.OFFLINE),
        (ServerFault("x"), ServerState.FAULT),
        (KeyInvalid("x"), ServerState.KEY_INVALID),
        (RequestRefused("x"), ServerState.ONLINE),
    ):
        status.outcome(error)
        assert (status.state, status.last_error) == (state, "x")
        assert not status.came_back.is_set()
    status.outcome(None)
    assert (status.state, status.last_error) == (ServerState.ONLINE, "")
    assert status.last_ok is not None
    assert status.came_back.is_set()
