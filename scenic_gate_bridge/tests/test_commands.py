"""`status` and `replay` against a bridge that runs, and one that does not."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from conftest import Start, World, until, write_config
from local_world import config
from scenic_gate_bridge.cli import app
from scenic_gate_bridge.commands import look
from scenic_gate_bridge.commands.table import table
from scenic_gate_bridge.discover import discover
from scenic_gate_bridge.settings import load

HERE = Path(__file__).parent


async def invoke(*arguments: str) -> Result:
    """The command in a thread: the bridge runs in this one."""
    return await asyncio.to_thread(CliRunner().invoke, app, list(arguments))


async def status(world: World, *more: str) -> Result:
    config = str(world.directory / "bridge.toml")
    return await invoke("status", "-c", config, "--url", world.url, *more)


async def test_status_of_a_bridge_that_is_well(start: Start) -> None:
    world = await start("L1:in,X1:out")
    assert await world.visit("CODET1") == (True, 1)
    await until(lambda: world.peer.of_type("passed"))
    await until(lambda: world.peer.heartbeats)
    found = await status(world, "--lang", "zh")
    assert found.exit_code == 0, found.output
    assert "test-1" in found.output
    [lane] = [line for line in found.output.splitlines() if line.startswith("L1")]
    assert lane.split()[:6] == ["L1", "入口", "检票通行", "在线", "1", "1"]
    found = await status(world, "--lang", "en")
    [lane] = [line for line in found.output.splitlines() if line.startswith("X1")]
    assert lane.split()[:4] == ["X1", "Out", "controlled", "up"]


async def test_status_names_problems_in_both_languages(start: Start) -> None:
    world = await start("L1:in,L2:in")
    world.sim("L1").unplug()
    del world.peer.lanes["L2"]
    await until(lambda: not world.lane("L1").machine.link)
    async with asyncio.timeout(10):
        while "L2" not in (found := await status(world, "--lang", "zh")).output[-60:]:
            pass
    assert found.exit_code == 1
    assert "通道 L1：设备断开" in found.output
    assert "通道 L2：服务器未登记" in found.output
    found = await status(world, "--lang", "en")
    assert "lane L1: link down" in found.output


async def test_status_tells_that_the_server_has_no_database(start: Start) -> None:
    world = await start("L1:in")
    for path in ("heartbeat", "config", "sync"):
        world.peer.faults += [(path, "away", 0.0)] * 500
    async with asyncio.timeout(10):
        while (
            "无法访问数据库"
            not in (found := await status(world, "--lang", "zh")).output
        ):
            pass
    assert found.exit_code == 1
    assert "DATABASE_AWAY" in (await status(world, "--lang", "en")).output


async def test_status_tells_of_another_bridge_with_this_key(start: Start) -> None:
    world = await start("L1:in")
    await until(lambda: world.peer.heartbeats)
    assert "共用本设备密钥" not in (await status(world, "--lang", "zh")).output
    # what the other one told last; its numbers are far ahead
    world.peer.heartbeats.append({"seq": 1_000_000})
    async with asyncio.timeout(10):
        while (
            "共用本设备密钥"
            not in (found := await status(world, "--lang", "zh")).output
        ):
            pass
    assert found.exit_code == 1
    assert "same key" in (await status(world, "--lang", "en")).output


async def test_status_tells_of_a_copy_that_is_not_made(start: Start) -> None:
    world = await start("L1:in", mode="site")
    world.peer.settings = config()
    world.peer.faults = [("sync", "shared", 0.0)] * 1000
    async with asyncio.timeout(10):
        while (
            "门票副本：KEY_SHARED"
            not in (found := await status(world, "--lang", "zh")).output
        ):
            pass
    assert found.exit_code == 1


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "scenic_gate_bridge", *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
    )


def test_status_without_a_bridge(tmp_path: Path) -> None:
    config = str(write_config(tmp_path, "http://127.0.0.1:1", "L1:in"))
    found = run("status", "-c", config)
    assert (found.returncode, "api.port is 0" in found.stderr) == (2, True)
    found = run("status", "-c", config, "--url", "http://127.0.0.1:1")
    assert found.returncode == 3
    assert "no bridge answers at http://127.0.0.1:1" in found.stderr
    assert run("status", "-c", config, "--lang", "fr").returncode == 2


async def test_replay_gives_a_restored_server_back_what_it_lost(start: Start) -> None:
    world = await start("L1:in,L2:in")
    assert await world.visit("CODET1") == (True, 1)
    assert await world.visit("CODET2", "L2") == (True, 1)
    await until(lambda: len(world.peer.of_type("passed")) == 2)
    config = str(world.directory / "bridge.toml")
    arguments = ["replay", "-c", config, "--from", "2020-01-01"]

    shown = await invoke(*arguments, "--lane", "L2")
    assert shown.exit_code == 0, shown.output
    assert "nothing was sent" in shown.output
    assert "CODET2" not in shown.output
    lines = shown.output.splitlines()[1:-1]
    assert [line.split()[4] for line in lines] == ["link_up", "passed"]

    kept = dict(world.peer.events)
    lost = world.peer.of_type("passed")[0]
    del world.peer.events[lost["event_id"]]
    sent = await invoke(*arguments, "--send")
    assert sent.exit_code == 0, sent.output
    assert sent.output.splitlines()[-1] == "4 facts sent: 1 CONFLICT, 3 REPEAT"
    # the very same fact, not one like it
    assert world.peer.events == kept
    outside = await invoke(
        "replay", "-c", config, "--from", "2020-01-01", "--to=2020-01-02"
    )
    assert "0 facts" in outside.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "yesterday"], "'yesterday' is no time"),
        (["--from", "2026-01-02", "--to", "2026-01-01"], "--to is not after --from"),
        (["--from", "2026-01-01"], "cannot read the journal"),
    ],
)
def test_replay_says_what_is_wrong(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    config = str(write_config(tmp_path, "http://127.0.0.1:1", "L1:in"))
    found = run("replay", "-c", config, *arguments)
    assert found.returncode == 2
    assert message in found.stderr
    assert "Traceback" not in found.stderr


def test_a_table_counts_chinese_characters_twice() -> None:
    assert table([("通道", 1), ("L1", 100)]) == "通道    1\nL1    100"


def test_devices_are_shown_with_who_uses_them(tmp_path: Path) -> None:
    master, slave = os.openpty()
    other_master, other = os.openpty()
    try:
        links = tmp_path / "by-id"
        links.mkdir()
        (links / "usb-Gate_7").symlink_to(os.ttyname(slave))
        (links / "usb-Spare").symlink_to(os.ttyname(other))
        config = write_config(tmp_path, "http://127.0.0.1:1", "L1:in")
        text = config.read_text()
        config.write_text(
            text.replace(f"{tmp_path}/run/L1.lane", str(links / "usb-Gate_7"))
        )
        lines = list(look.devices(discover(tmp_path), load(config)))[0].splitlines()
        [gate] = [line for line in lines if "usb-Gate_7" in line]
        [spare] = [line for line in lines if "usb-Spare" in line]
        assert gate.endswith("lane L1")
        assert os.ttyname(slave) in gate
        assert "lane" not in spare
    finally:
        for fd in (master, slave, other_master, other):
            os.close(fd)
    assert run("devices").returncode == 0


def test_check_config_shows_everything_and_warns(tmp_path: Path) -> None:
    config = write_config(tmp_path, "http://10.0.0.1:8069", "L1:in,X1:out", mode="site")
    text = config.read_text().replace("port = 0", 'host = "0.0.0.0"')
    client = f'[[site_server.clients]]\nname = "hand-1"\nkey_hash = "{"0" * 64}"\n'
    config.write_text(f'{text}\n{client}lanes = ["H1"]\n')
    found = run("check-config", "-c", str(config))
    assert found.returncode == 0, found.stderr
    for line in (
        "server: site, http://10.0.0.1:8069/",
        "pages: warning: they have no log-in, and not only this machine sees them",
        "site server: hand-1 with H1",
        f"lane L1: reader 1: in, line at {tmp_path}/run/L1.scanner",
        f"lane L1: warning: {tmp_path}/run/L1.lane is not plugged in at present",
        f"lane X1: out, catrax at {tmp_path}/run/X1.lane, free exit",
        f"{config}: ok",
    ):
        assert line in found.stdout.splitlines(), found.stdout
