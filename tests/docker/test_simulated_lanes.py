"""What the bridge's container runs with the simulator, as real processes."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from bootstrap.paths import ROOT

SCRIPT = ROOT / "docker/bridge/simulated-lanes"
SETTINGS = ROOT / "docker/bridge/simulator.toml"
KEY = "sgk_" + "k" * 43


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def container(tmp_path):
    """Return the environment of the script, with folders and ports of this test."""
    api, control, nobody = free_port(), free_port(), free_port()
    text = SETTINGS.read_text()
    text = text.replace("/var/lib/scenic-gate-bridge", str(tmp_path))
    text = text.replace("http://odoo:8069", f"http://127.0.0.1:{nobody}")
    text = text.replace('"0.0.0.0"', '"127.0.0.1"').replace("8470", str(api))
    config = tmp_path / "simulator.toml"
    config.write_text(text)
    return {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "SIMULATED_CONFIG": str(config),
        "SIMULATED_CONTROL_PORT": str(control),
        "SCENIC_GATE_BRIDGE_SERVER__KEY": KEY,
        "API": f"http://127.0.0.1:{api}",
    }


def start(environment, *arguments):
    return subprocess.Popen(
        [sys.executable, SCRIPT, *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def wait_until_ready(process, environment):
    """Wait for the address that the image's health check asks."""
    dockerfile = (ROOT / "docker/bridge/Dockerfile").read_text()
    path = re.search(r"urlopen\('http://127\.0\.0\.1:8470(/\w+)'", dockerfile)[1]
    end = time.monotonic() + 30
    while time.monotonic() < end and process.poll() is None:
        try:
            with urllib.request.urlopen(environment["API"] + path, timeout=5) as page:
                return json.load(page)
        except OSError:
            time.sleep(0.1)
    process.kill()
    raise AssertionError(process.communicate()[0])


def ask(environment, *arguments):
    process = start(environment, *arguments)
    output, _ = process.communicate(timeout=60)
    return process.returncode, output.strip()


@pytest.mark.timeout(120)
def test_lanes_and_bridge_run_answer_and_stop(container):
    process = start(container)
    try:
        health = wait_until_ready(process, container)
        assert [lane["lane"] for lane in health["lanes"]] == ["L1", "L2", "X1"]
        code, answer = ask(container, "present", "L1", "ABCDEFGH")
        assert code == 0
        assert json.loads(answer) == {"lane": "L1", "released": False, "passed": 0}
        code, answer = ask(container, "walk", "X1", "out")
        assert (code, json.loads(answer)["passed"]) == (0, 1)
        assert ask(container, "present", "L9", "ABCDEFGH")[0] == 1
    finally:
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode == 0, output
    assert KEY not in output
    assert "link lost" not in output.split('"stopping"')[1]


@pytest.mark.timeout(60)
def test_without_a_device_key_it_ends_and_says_why(container):
    for key in ("", None):
        environment = {**container, "SCENIC_GATE_BRIDGE_SERVER__KEY": key}
        if key is None:
            environment.pop("SCENIC_GATE_BRIDGE_SERVER__KEY")
        code, output = ask(environment)
        assert code == 1
        assert "device key" in output


@pytest.mark.timeout(60)
def test_asking_without_lanes_is_one_sentence(container):
    code, output = ask(container, "present", "L1", "ABCDEFGH")
    assert code == 1
    assert output.startswith("simulated-lanes: no simulator answers:")


@pytest.mark.timeout(60)
def test_an_unknown_command_shows_the_known_ones(container):
    code, output = ask(container, "dance")
    assert code == 2
    assert "present LANE CODE" in output
