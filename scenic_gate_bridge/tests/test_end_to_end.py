"""Scanner → bridge → server → turnstile → pass → report, over ptys and HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest

from conftest import Start, World, until
from scenic_gate_bridge.model import Direction
from scenic_gate_bridge.simulator.ledger import Ticket


def passed(world: World) -> list[dict[str, object]]:
    return world.peer.of_type("passed")


async def test_a_ticket_opens_once(start: Start) -> None:
    world = await start()
    assert await world.visit("CODET1") == (True, 1)
    event = (await until(lambda: passed(world)))[0]
    assert (event["count"], event["assumed"], event["direction"]) == (1, False, "in")
    await asyncio.sleep(0.3)
    assert await world.visit("CODET1", patience=0.5) == (False, 0)
    row = await world.wait_log("denied")
    assert (row["code"], row["text_zh"]) == ("USED", "文字 USED")
    assert world.peer.tickets["CODET1"].used == 1
    assert world.sim().model.releases == 1
    assert len(passed(world)) == 1


async def test_unknown_code_never_opens(start: Start) -> None:
    world = await start()
    assert await world.visit("NOSUCHCODE", patience=0.5) == (False, 0)
    assert (await world.wait_log("denied"))["code"] == "UNKNOWN"
    assert world.sim().model.releases == 0


async def test_timeout_gives_the_entry_back(start: Start) -> None:
    world = await start(pass_timeout=0.3)
    assert await world.visit("CODET1", walk="timeout") == (True, 0)
    event = (await until(lambda: world.peer.of_type("annulled")))[0]
    assert (event["count"], event["note"]) == (1, "timeout")
    ticket = world.peer.tickets["CODET1"]
    assert (ticket.used, ticket.reserved) == (0, 0)
    assert await world.visit("CODET1") == (True, 1)
    await until(lambda: ticket.used == 1)


async def test_group_opens_one_by_one(start: Start) -> None:
    world = await start(tickets={"G": Ticket(entries=4, persons=4)})
    assert await world.visit("CODEG", people=4) == (True, 4)
    await until(lambda: world.peer.tickets["CODEG"].used == 4)
    assert [event["count"] for event in passed(world)] == [1, 1, 1, 1]
    assert world.sim().model.releases == 4
    assert not world.sim().walk(Direction.IN)


async def test_group_gives_back_who_did_not_come(start: Start) -> None:
    world = await start(tickets={"G": Ticket(entries=5, persons=5)}, pass_timeout=0.4)
    assert await world.visit("CODEG", people=2) == (True, 2)
    event = (await until(lambda: world.peer.of_type("annulled")))[0]
    assert event["count"] == 3
    ticket = world.peer.tickets["CODEG"]
    assert (ticket.used, ticket.reserved) == (2, 0)


async def test_free_exit_is_counted(start: Start) -> None:
    world = await start("X1:out")
    sim = world.sim("X1")
    await until(lambda: sim.model.released(Direction.OUT))
    assert sim.walk(Direction.OUT)
    event = (await until(lambda: world.peer.of_type("exit")))[0]
    assert (event["lane"], event["direction"], event["count"]) == ("X1", "out", 1)
    assert "request_id" not in event


async def test_forced_entry_is_an_alarm_and_uses_nothing(start: Start) -> None:
    world = await start()
    sim = world.sim()
    assert not sim.walk(Direction.IN)
    assert sim.walk(Direction.IN, force=True)
    await until(lambda: world.peer.of_type("forced"))
    assert not passed(world)
    assert await world.visit("CODET1") == (True, 1)
    sim.walk(Direction.IN, force=True)
    event = (await until(lambda: world.peer.of_type("tailgating")))[0]
    assert event["request_id"] == passed(world)[0]["request_id"]
    assert len(passed(world)) == 1


async def test_second_scan_waits_third_is_told_to(start: Start) -> None:
    world = await start(pass_timeout=5.0)
    sim = world.sim()
    sim.show("CODET1")
    assert await sim.wait_released(Direction.IN, 3)
    sim.show("CODET2")
    sim.show("CODET3")
    assert (await world.wait_log("denied"))["code"] == "BUSY"
    assert len(world.peer.admissions) == 1
    assert sim.walk(Direction.IN)
    assert await sim.wait_released(Direction.IN, 3)
    assert sim.walk(Direction.IN)
    await until(lambda: len(passed(world)) == 2)
    assert world.peer.tickets["CODET3"].reserved == 0


async def test_parallel_lanes_share_requests_not_fates(start: Start) -> None:
    lanes = [f"L{number}" for number in range(1, 7)]
    world = await start(",".join(f"{lane}:in" for lane in lanes))
    world.peer.tickets |= {
        f"P{lane}N{number}": Ticket() for lane in lanes for number in range(5)
    }

    async def queue(lane: str) -> None:
        for number in range(5):
            assert await world.visit(f"P{lane}N{number}", lane) == (True, 1)

    await asyncio.gather(*(queue(lane) for lane in lanes))
    await until(lambda: len(passed(world)) == 30)
    used = [t.used for code, t in world.peer.tickets.items() if code[0] == "P"]
    assert used == [1] * 30
    assert not world.peer.conflicts
    assert len(set(world.peer.seqs)) == len(world.peer.seqs)


async def test_one_ticket_at_many_lanes_at_once(start: Start) -> None:
    world = await start("L1:in,L2:in,L3:in,L4:in")
    ends = await asyncio.gather(
        *(world.visit("CODET1", lane, patience=1.0) for lane in world.park.lanes)
    )
    assert sum(count for _released, count in ends) == 1
    await until(lambda: world.peer.tickets["CODET1"].used == 1)


@pytest.mark.parametrize("what", ["slow", "lost", "cut", "500", "garbage", "wrong"])
async def test_no_answer_no_opening_nothing_kept(start: Start, what: str) -> None:
    """Whatever the server does, the visitor is refused and the reservation, if there
    was one, is given back."""
    world = await start(timeout=0.3)
    # twice: a broken connection is tried again at once
    world.peer.faults = [("validate", what, 0.6)] * 2
    assert await world.visit("CODET1", patience=0.6) == (False, 0)
    row = await world.wait_log("denied")
    assert row["code"] in ("OFFLINE", "SERVER_ERROR")
    await until(lambda: world.peer.of_type("annulled"))
    world.peer.faults = []
    assert world.sim().model.releases == 0
    await until(lambda: world.peer.tickets["CODET1"].reserved == 0)
    await asyncio.sleep(0.5)
    assert await world.visit("CODET1") == (True, 1)
    await until(lambda: world.peer.tickets["CODET1"].used == 1)
    assert not world.peer.conflicts


async def test_group_without_answer_is_given_back_whole(start: Start) -> None:
    world = await start(timeout=0.2, tickets={"G": Ticket(entries=30, persons=30)})
    world.peer.faults = [("validate", "slow", 0.5)]
    assert await world.visit("CODEG", patience=0.4) == (False, 0)
    ticket = world.peer.tickets["CODEG"]
    # the annulment overtakes the question here, which makes the id unusable
    await until(lambda: world.peer.of_type("annulled"))
    await until(lambda: not world.peer.faults and ticket.reserved == 0)

    world.peer.faults = [("validate", "lost", 0.0)] * 2
    await asyncio.sleep(0.3)
    assert await world.visit("CODEG", patience=0.5) == (False, 0)
    annulled = await until(lambda: world.peer.of_type("annulled")[1:])
    assert ["count" in event for event in annulled] == [False]
    # what was reserved under this id is free, and nobody asks again
    admission = world.peer.admissions[annulled[0]["request_id"]]
    assert (admission.passes, admission.annulled) == (30, 30)
    assert (ticket.used, ticket.reserved) == (0, 0)
    assert not world.peer.conflicts


async def test_repeat_after_broken_connection_admits(start: Start) -> None:
    """The server decided, the answer was lost, the immediate repeat gets it."""
    world = await start()
    world.peer.faults = [("validate", "lost", 0)]
    assert await world.visit("CODET1") == (True, 1)
    await until(lambda: world.peer.tickets["CODET1"].used == 1)
    assert not world.peer.of_type("annulled")


async def test_server_away_and_back(start: Start) -> None:
    world = await start()
    world.peer.faults = [("report", what, 0) for what in ("cut", "500", "garbage")]
    assert await world.visit("CODET1") == (True, 1)
    await until(lambda: passed(world))
    assert len(passed(world)) == 1
    assert not world.peer.conflicts


async def test_report_answer_lost_is_repeated_not_doubled(start: Start) -> None:
    world = await start()
    world.peer.faults = [("report", "lost", 0.0)] * 2 + [("report", "wrong", 0.0)]
    assert await world.visit("CODET1") == (True, 1)
    health = await wait_health(world, lambda h: h["outbox"] == 0 and passed(world))
    assert health["unresolved"] == 0
    assert world.peer.tickets["CODET1"].used == 1
    assert len(passed(world)) == 1


async def test_lane_that_the_server_does_not_know(start: Start) -> None:
    """Its facts are kept by the server with a remark, and that is the end of it."""
    world = await start("L1:in,L2:in")
    del world.peer.lanes["L2"]
    assert await world.visit("CODET1", "L2", patience=0.5) == (False, 0)
    assert (await world.wait_log("denied", "L2"))["code"] == "LANE_UNKNOWN"
    world.sim("L2").walk(Direction.IN, force=True)
    await until(lambda: world.peer.of_type("forced"))
    await wait_health(world, lambda h: h["outbox"] == 0)
    assert await world.visit("CODET1") == (True, 1)


async def test_malformed_fact_does_not_block_the_others(start: Start) -> None:
    world = await start()
    world.peer.refused_types = {"tailgating"}
    world.peer.faults = [("report", "cut", 0)] * 2
    assert await world.visit("CODET1") == (True, 1)
    world.sim().walk(Direction.IN, force=True)
    await world.wait_log("tailgating")
    health = await wait_health(world, lambda h: h["parked"] == 1)
    assert (health["status"], health["outbox"]) == ("degraded", 1)
    await until(lambda: passed(world))
    world.sim().walk(Direction.IN, force=True)
    await wait_health(world, lambda h: h["parked"] == 2)


async def test_wrong_key_is_told_and_healed(start: Start) -> None:
    world = await start()
    old, world.peer.key = world.peer.key, "sgk_" + "n" * 43
    assert await world.visit("CODET1", patience=0.5) == (False, 0)
    assert (await world.wait_log("denied"))["code"] == "DEVICE_KEY_INVALID"
    health = await wait_health(world, lambda h: h["server"]["state"] == "key_invalid")
    assert old not in str(health)
    (world.directory / "device.key").write_text(world.peer.key)
    await wait_health(world, lambda h: h["server"]["state"] == "online")
    assert await world.visit("CODET1") == (True, 1)
    await until(lambda: passed(world))


async def test_server_sets_the_mode(start: Start) -> None:
    world = await start()
    world.peer.lanes["L1"]["mode"] = "locked"
    await world.wait_log("mode", note="locked by server")
    assert await world.visit("CODET1", patience=0.3) == (False, 0)
    assert (await world.wait_log("denied"))["code"] == "LANE_CLOSED"
    assert not world.peer.admissions
    world.peer.lanes["L1"]["mode"] = "free"
    sim = world.sim()
    await until(lambda: sim.model.is_free(Direction.IN))
    assert sim.walk(Direction.IN)
    await world.wait_log("entry")
    world.peer.lanes["L1"]["mode"] = "controlled"
    await until(lambda: not sim.model.released(Direction.IN))
    assert await world.visit("CODET2") == (True, 1)
    await until(lambda: passed(world))


async def test_emergency_opens_and_stays(start: Start) -> None:
    world = await start()
    sim = world.sim()
    sim.show("CODET1")
    assert await sim.wait_released(Direction.IN, 3)
    async with aiohttp.ClientSession() as session:
        url = f"{world.url}/lanes/L1/emergency"
        async with session.post(url, data='{"on": true}') as answer:
            assert answer.status == 415
        async with session.post(
            url, json={"on": True}, headers={"Host": "evil.example"}
        ) as answer:
            assert answer.status == 403
        async with session.post(url, json={"on": 1}) as answer:
            assert answer.status == 400
        async with session.post(f"{world.url}/lanes/L9/emergency", json={}) as answer:
            assert answer.status == 404
        assert not sim.model.is_free(Direction.IN)
        async with session.post(url, json={"on": True}) as answer:
            assert answer.status == 200
        await until(lambda: sim.model.is_free(Direction.IN))
        await until(lambda: world.peer.of_type("annulled", "emergency"))
        world.peer.lanes["L1"]["mode"] = "locked"
        await world.wait_log("mode", note="locked by server")
        assert sim.model.is_free(Direction.IN)
        async with session.post(url, json={"on": False}) as answer:
            assert answer.status == 200
    await until(lambda: not sim.model.released(Direction.IN))
    await until(lambda: world.peer.of_type("emergency_over"))


async def wait_health(world: World, good: Callable[[Any], object]) -> Any:
    async with aiohttp.ClientSession() as session, asyncio.timeout(15):
        while True:
            async with session.get(f"{world.url}/health") as answer:
                health = await answer.json()
            if good(health):
                return health
            await asyncio.sleep(0.05)
