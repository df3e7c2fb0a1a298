"""The bridge and the simulated lanes as real processes."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import requests
from bootstrap.console import SetupError
from bootstrap.paths import LOGS, ROOT, VENV
from bootstrap.python_env import environment

PROGRAM = VENV / "bin" / "scenic-gate-bridge"


class LineProcess:
    """A process of the bridge's package; ready once it has said so with its URL."""

    def __init__(self, name: str, log_name: str, arguments: Sequence[str]) -> None:
        self.name = name
        self.arguments = list(arguments)
        self.log = LOGS / f"{log_name}.log"
        self.url = ""
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> "LineProcess":
        """Start it and wait for its ready line.

        :raises SetupError: naming the log when it ends first.
        """
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            begin = output.seek(0, os.SEEK_END)
            self.process = subprocess.Popen(
                [PROGRAM, *self.arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(TZ="Asia/Shanghai"),
                cwd=ROOT,
            )
        ready = f"{self.name} ready "
        deadline = time.monotonic() + 30
        while not self.url:
            with self.log.open(encoding="utf-8", errors="replace") as said:
                said.seek(begin)
                for line in said:
                    if line.startswith(ready) and line.endswith("\n"):
                        self.url = line.removeprefix(ready).strip()
            if self.process.poll() is not None:
                raise SetupError(f"The {self.name} ended early (log: {self.log}).")
            if time.monotonic() > deadline:
                self.stop()
                raise SetupError(f"The {self.name} is not ready (log: {self.log}).")
            time.sleep(0.05)
        return self

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End it by a signal; SIGKILL is what a power cut does to it."""
        if not self.process:
            return
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)
        try:
            self.process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None
        self.url = ""


class Simulator(LineProcess):
    """Turnstiles and scanners that speak the real bytes over ptys."""

    def __init__(self, directory: Path, lanes: dict[str, str], name: str) -> None:
        self.directory = directory
        listed = ",".join(f"{code}:{way}" for code, way in lanes.items())
        super().__init__(
            "simulator",
            f"simulator-{name}",
            ["simulate", "--dir", str(directory), "--lanes", listed],
        )

    def present(self, lane: str, code: str, **how: Any) -> dict[str, Any]:
        """Hold a code under a lane's scanner; tells whether the arm opened."""
        return self._post(lane, "present", {"code": code, **how})

    def walk(self, lane: str, direction: str) -> dict[str, Any]:
        """Let a person push the arm without showing anything."""
        return self._post(lane, "walk", {"direction": direction})

    def push(self, lane: str, direction: str) -> dict[str, Any]:
        """Let a person through by force, whatever the arm holds."""
        return self._post(lane, "walk", {"direction": direction, "force": True})

    def unplug(self, lane: str, seconds: float = 1.0) -> dict[str, Any]:
        """Pull the cable of a turnstile, and plug it in again so much later."""
        return self._post(lane, "unplug", {"seconds": seconds})

    def lanes(self) -> dict[str, dict[str, Any]]:
        found = requests.get(f"{self.url}/lanes", timeout=10).json()["lanes"]
        return {lane["lane"]: lane for lane in found}

    def _post(self, lane: str, what: str, body: dict[str, Any]) -> dict[str, Any]:
        answer = requests.post(f"{self.url}/lanes/{lane}/{what}", json=body, timeout=60)
        answer.raise_for_status()
        found: dict[str, Any] = answer.json()
        return found


class Bridge(LineProcess):
    """The bridge, configured for the simulated lanes."""

    def __init__(
        self,
        directory: Path,
        simulator: Simulator,
        lanes: dict[str, str],
        *,
        name: str,
        server_url: str,
        database: str,
        device_key: str,
        port: int = 0,
        pass_timeout: float = 5.0,
        answer_timeout: float = 5.0,
        beside: Mapping[str, Sequence[str]] = MappingProxyType({}),
    ) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.state_dir = directory / "state"
        key_file = directory / "device.key"
        key_file.touch(mode=0o600)
        key_file.chmod(0o600)
        key_file.write_text(device_key)
        self.config = directory / "bridge.toml"
        text = [
            f'state_dir = "{self.state_dir}"',
            "[server]",
            f'url = "{server_url}"',
            f'database = "{database}"',
            f'key_file = "{key_file}"',
            f"timeout = {answer_timeout}",
            "backoff_max = 2.0",
            "[api]",
            f"port = {port}",
        ]
        for code, way in lanes.items():
            ports = simulator.directory
            text += [
                "[[lanes]]",
                f'code = "{code}"',
                f'direction = "{way}"',
                f"pass_timeout = {pass_timeout}",
                # where everybody may leave; an exit is so by itself, if nothing reads
                *(["free_exit = true"] if way == "both" else []),
                "[lanes.driver]",
                'kind = "catrax"',
                f'port = "{ports / code}.lane"',
            ]
            if way != "out":
                scanner = f'kind = "serial", port = "{ports / code}.scanner"'
                text += [
                    "[[lanes.readers]]",
                    'kind = "line"',
                    'direction = "in"',
                    f"transport = {{ {scanner} }}",
                ]
            text += beside.get(code, ())
        self.config.write_text("\n".join(text) + "\n")
        super().__init__("bridge", f"bridge-{name}", ["run", "-c", str(self.config)])

    def check_config(self) -> None:
        """Let the program itself check the settings.

        :raises SetupError: with its words.
        """
        done = subprocess.run(
            [PROGRAM, "check-config", "-c", self.config],
            capture_output=True,
            text=True,
            env=environment(),
            check=False,
        )
        if done.returncode:
            raise SetupError(f"The bridge's settings are wrong: {done.stderr.strip()}")

    def health(self) -> dict[str, Any]:
        found: dict[str, Any] = requests.get(f"{self.url}/health", timeout=10).json()
        return found

    def events(self, lane: str) -> list[dict[str, Any]]:
        """Return the lane's log, newest first."""
        found = requests.get(f"{self.url}/lanes", timeout=10).json()["lanes"]
        return next(each["events"] for each in found if each["lane"] == lane)
