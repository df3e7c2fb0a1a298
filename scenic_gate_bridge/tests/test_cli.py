"""The program as an operator meets it, and its own pages."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import socket
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from typer.testing import CliRunner

from conftest import Start, World, new_peer, running, serving, until, write_config
from gate_peer import KEY
from scenic_gate_bridge.cli import app
from scenic_gate_bridge.journal import JournalError
from scenic_gate_bridge.model import Direction
from scenic_gate_bridge.settings import load
from scenic_gate_bridge.simulator.park import Park, parse_lanes

PROGRAM = [sys.executable, "-m", "scenic_gate_bridge"]


def program(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, *arguments], capture_output=True, text=True, timeout=30, check=False
    )


def test_help_and_version() -> None:
    runner = CliRunner()
    commands = (
        *("run", "check-config", "devices"),
        *("status", "replay", "simulate"),
    )
    for command in ([], *([name] for name in commands)):
        assert runner.invoke(app, [*command, "--help"]).exit_code == 0
    assert program("--version").stdout.startswith("19.0.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "-c", "/nonexistent"], "cannot read /nonexistent"),
        (["run", "-c", "/nonexistent", "--log-level", "loud"], "unknown log level"),
        (["simulate", "--dir", "/tmp", "--lanes", "L1"], "--lanes: L1: the direction"),
    ],
)
def test_bad_arguments_are_one_sentence(arguments: list[str], message: str) -> None:
    result = program(*arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_what_only_the_operator_can_mend_is_one_sentence(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1", "L1:in")
    journal = tmp_path / "state" / "journal.sqlite"
    journal.parent.mkdir()
    journal.write_bytes(b"not a database at all" * 200)
    result = program("run", "-c", str(config))
    assert result.returncode == 1
    assert f"fatal: cannot open the journal {journal}" in result.stderr
    assert "Traceback" not in result.stderr
    journal.unlink()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        text = config.read_text()
        port = taken.getsockname()[1]
        config.write_text(text.replace("port = 0", f"port = {port}"))
        result = program("run", "-c", str(config))
    assert result.returncode == 1
    assert "address already in use" in result.stderr
    assert "Traceback" not in result.stderr


def test_run_says_when_it_is_ready_and_never_tells_the_key(tmp_path: Path) -> None:
    """Server and devices are away: it runs all the same, and ends at SIGTERM."""
    config = write_config(tmp_path, "http://127.0.0.1:1", "L1:in")
    with subprocess.Popen(
        [*PROGRAM, "run", "-c", str(config), "--log-level", "debug"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("bridge ready http://127.0.0.1:")
        second = program("run", "-c", str(config))
        assert second.returncode == 1
        assert "another bridge is running" in second.stderr
        process.send_signal(signal.SIGTERM)
        _out, errors = process.communicate(timeout=20)
    assert process.returncode == 0
    lines = [json.loads(line) for line in errors.splitlines()]
    assert {"bridge started", "stopping"} <= {line["event"] for line in lines}
    assert KEY not in errors


async def get(url: str) -> tuple[int, Any, str]:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status, answer.headers, await answer.text()


async def said(world: World, words: str) -> None:
    async with asyncio.timeout(15):
        while words not in (await get(world.url + "/?part=body"))[2]:
            await asyncio.sleep(0.02)


async def test_page_tells_what_holds_for_everybody(start: Start) -> None:
    """Whatever the newest visitor was told: a lane that nobody can use says so."""
    world = await start()
    await said(world, "请扫码")
    assert await world.visit("CODET1") == (True, 1)
    await said(world, "<p>文字")
    for mode, words in (
        ("emergency", "请直接通行"),
        ("locked", "通道关闭，请走其他通道"),
        ("exit", "出园请直接通行"),
        ("free", "请直接通行"),
        ("controlled", "文字"),
    ):
        world.peer.lanes["L1"]["mode"] = mode
        await said(world, f"<p>{words}")
    world.sim().unplug()
    await said(world, "设备断开，请走其他通道")
    await said(world, "异常 · problems 1<")


async def test_pages(start: Start) -> None:
    world = await start("L1:in,X1:out")
    assert await world.visit("CODET1") == (True, 1)
    await world.wait_log("passed")
    world.peer.lanes["L1"]["name"] = "<script>1号</script>"
    await until(lambda: len(world.peer.heartbeats) > 2)

    status, headers, html = await get(world.url + "/")
    assert status == 200
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert "允许通行" in html and "已通过" in html
    assert "CODET1" not in html
    assert "<script>1" not in html
    status, _headers, part = await get(world.url + "/?part=body")
    assert part.startswith("<header>")
    assert (await get(world.url + "/page.js"))[0] == 200

    _status, _headers, text = await get(world.url + "/lanes")
    (lane, _exit) = json.loads(text)["lanes"]
    assert lane["link"] == "up"
    phases = [event["phase"] for event in lane["events"]]
    assert phases[:2] == ["passed", "admitted"]
    assert "CODET1" not in text
    for limit in ("0", "x", "99999999"):
        assert (await get(f"{world.url}/lanes?limit={limit}"))[0] == 400

    _status, _headers, metrics = await get(world.url + "/metrics")
    assert 'scenic_gate_passes{lane="L1",outcome="completed"} 1.0' in metrics
    assert 'scenic_gate_link_up{lane="X1"} 1.0' in metrics
    assert 'scenic_gate_scans_total{code="ADMIT",lane="L1"} 1.0' in metrics
    assert 'scenic_gate_decisions_total{by="server"} 1.0' in metrics
    assert 'scenic_gate_lane_mode{lane="L1",mode="controlled"} 1.0' in metrics
    assert 'scenic_gate_lane_mode{lane="L1",mode="locked"} 0.0' in metrics
    assert "scenic_gate_server_up 1.0" in metrics
    assert "scenic_gate_copy_age_seconds NaN" in metrics
    world.peer.faults = [("report", "cut", 0.0)] * 100
    world.sim("X1").walk(Direction.OUT)
    await until(lambda: len(world.peer.faults) < 100)
    _status, _headers, metrics = await get(world.url + "/metrics")
    assert re.search(r"^scenic_gate_outbox 1\.0$", metrics, re.M)
    assert not re.search(r"^scenic_gate_outbox_age_seconds 0\.0$", metrics, re.M)
    world.peer.faults = []
    await until(lambda: world.peer.of_type("exit"))

    _status, _headers, text = await get(world.url + "/health")
    health = json.loads(text)
    assert (health["status"], health["server"]["state"]) == ("ok", "online")
    assert health["device"] == "test-1"


async def test_health_names_what_does_not_fit(start: Start) -> None:
    world = await start("L1:in,L2:in")
    world.peer.lanes["L1"]["direction"] = "out"
    world.peer.lanes["L1"]["mode"] = "upside-down"
    del world.peer.lanes["L2"]
    async with aiohttp.ClientSession() as session:

        async def problems() -> list[str]:
            async with session.get(world.url + "/health") as answer:
                found: list[str] = (await answer.json())["problems"]
                return found

        while len(found := await problems()) < 3:
            pass
    assert "lane L1: the server names an unknown mode" in found
    assert "lane L2: the server does not know it" in found
    assert any("direction is out at the server, in in the settings" in p for p in found)


async def test_no_journal_no_opening(tmp_path: Path) -> None:
    """A step that cannot be ends the program; the lane that was to open stays shut."""
    peer = new_peer("L1:in")
    park = Park(tmp_path / "run", parse_lanes("L1:in"), seed=1)
    with pytest.raises(ExceptionGroup) as caught:
        async with park, serving(peer) as server:
            settings = load(write_config(tmp_path, server, "L1:in"))
            async with running(settings) as (bridge, _url):
                await until(lambda: bridge.lanes["L1"].machine.link)
                with closing(sqlite3.connect(tmp_path / "state/journal.sqlite")) as con:
                    con.execute(
                        "CREATE TRIGGER full BEFORE UPDATE ON journal"
                        " WHEN NEW.state = 'opening'"
                        " BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
                    )
                sim = park.lanes["L1"]
                sim.show("CODET1")
                assert not await sim.wait_released(Direction.IN, 1.0)
                assert sim.model.releases == 0
    assert caught.group_contains(JournalError, match="disk is full")


async def test_modes_survive_a_restart_without_server(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://127.0.0.1:1", "L1:in")
    settings = load(config)
    async with running(settings) as (bridge, url):
        async with aiohttp.ClientSession() as session:
            answer = await session.post(f"{url}/lanes/L1/emergency", json={"on": True})
            assert answer.status == 200
        await until(lambda: bridge.lanes["L1"].machine.emergency)
    async with running(settings) as (bridge, url):
        assert bridge.lanes["L1"].machine.emergency
        _status, _headers, text = await get(url + "/health")
        assert json.loads(text)["server"]["state"] == "offline"
