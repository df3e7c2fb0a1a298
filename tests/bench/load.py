"""Load on a server of this machine, and what it took."""

import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from bootstrap.console import SetupError
from bootstrap.postgres import Cluster

CLIENT = Path(__file__).parent / "client.py"


@dataclass(frozen=True)
class Measured:
    """One kind of call under load: latencies in ms, wrong answers counted.

    :ivar rate: calls a second
    :ivar cpu: share of one core that the load generator itself took
    """

    name: str
    clients: int
    rate: float
    p50: float
    p95: float
    p99: float
    wrong: int
    cpu: float = 0.0


def send(
    name: str,
    port: int,
    path: str,
    bodies: Iterable[bytes],
    *,
    clients: int,
    seconds: float,
    wanted: str,
    times: int = 1,
    key: str | None = None,
) -> Measured:
    """Send bodies from a process of its own, ``clients`` at once.

    :param bodies: more than can be sent in the time, without line breaks
    :param wanted: what each right answer holds, exactly ``times`` times
    :raises SetupError: the bodies ran out, or the server went away
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "bodies")
        file.write_bytes(b"\n".join(bodies))
        job = {
            "port": port,
            "path": path,
            "headers": {"Authorization": f"Bearer {key}"} if key else {},
            "bodies": str(file),
            "clients": clients,
            "seconds": seconds,
            "wanted": wanted,
            "times": times,
        }
        place = Path(folder, "job.json")
        place.write_text(json.dumps(job))
        done = subprocess.run(
            [sys.executable, str(CLIENT), str(place)],
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode:
        raise SetupError(f"The load generator failed: {done.stderr.strip()}")
    found = json.loads(done.stdout)
    if found["errors"]:
        raise SetupError(f"{name}: {found['errors'][0]}")
    if found["wrong"]:
        print(f"✗ {name}: {found['first_wrong']}")
    took = found["seconds"]
    measured = _measured(name, clients, found["latencies"], took)
    return replace(measured, wrong=found["wrong"], cpu=found["cpu"] / took)


def pgbench(
    cluster: Cluster,
    database: str,
    name: str,
    script: str,
    *,
    clients: int,
    seconds: float,
) -> Measured:
    """Run a script in pgbench with prepared statements, for some whole seconds.

    :raises SetupError: a call failed; the script fails on a wrong answer itself
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.sql")
        file.write_text(script)
        done = subprocess.run(
            [str(cluster.bin / "pgbench"), "-n", "-M", "prepared", "-f", str(file)]
            + ["-c", str(clients), "-j", str(min(clients, 2))]
            + ["-T", str(max(1, round(seconds)))]
            + ["-l", "--log-prefix", f"{folder}/log", database],
            env={**os.environ, **cluster.environment()},
            capture_output=True,
            text=True,
            check=False,
        )
        rate = re.search(r"tps = ([\d.]+)", done.stdout)
        if done.returncode or not rate:
            raise SetupError(f"pgbench: {done.stderr.strip()}")
        latencies = [
            int(line.split()[2]) / 1000
            for log in Path(folder).glob("log*")
            for line in log.read_text().splitlines()
        ]
    measured = _measured(name, clients, latencies, 1)
    return replace(measured, rate=float(rate[1]))


def _measured(
    name: str, clients: int, latencies: list[float], seconds: float
) -> Measured:
    ordered = sorted(latencies)
    return Measured(
        name=name,
        clients=clients,
        rate=len(ordered) / seconds,
        p50=quantile(ordered, 0.50),
        p95=quantile(ordered, 0.95),
        p99=quantile(ordered, 0.99),
        wrong=0,
    )


def quantile(ordered: list[float], share: float) -> float:
    """Return the value below which a share of some ordered values lies."""
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def median_of(runs: list[Measured]) -> Measured:
    """Return one line for several runs: the median of every figure."""
    middle = statistics.median
    return Measured(
        name=runs[0].name,
        clients=runs[0].clients,
        rate=middle(r.rate for r in runs),
        p50=middle(r.p50 for r in runs),
        p95=middle(r.p95 for r in runs),
        p99=middle(r.p99 for r in runs),
        wrong=sum(r.wrong for r in runs),
        cpu=middle(r.cpu for r in runs),
    )
