"""Load on a server from this machine, and what it took."""

import http.client
import re
import statistics
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Measured:
    """Latencies in milliseconds, throughput in calls a second, refusals counted."""

    name: str
    clients: int
    calls: int
    seconds: float
    p50: float
    p95: float
    p99: float
    unexpected: int

    @property
    def rate(self) -> float:
        return self.calls / self.seconds


class KeepAliveClient:
    """One HTTP connection that asks to be kept and reconnects when it is not."""

    def __init__(self, host: str, port: int) -> None:
        self.connection = http.client.HTTPConnection(host, port, timeout=30)

    def post(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        headers = {
            "Content-Type": "application/json",
            "Connection": "keep-alive",
            **headers,
        }
        for attempt in (1, 2):
            try:
                self.connection.request("POST", path, body, headers)
                return self.connection.getresponse().read()
            except (http.client.RemoteDisconnected, ConnectionResetError):
                self.connection.close()
                if attempt == 2:
                    raise
        raise AssertionError("unreachable")


def load(
    name: str, clients: int, seconds: float, make_call: Callable[[], Callable[[], bool]]
) -> Measured:
    """Call from ``clients`` threads for ``seconds``.

    :param make_call: makes one client's call, which tells whether it got what it wanted
    """
    latencies: list[list[float]] = [[] for _ in range(clients)]
    unexpected = [0] * clients
    barrier = threading.Barrier(clients + 1)
    errors: list[BaseException] = []

    def work(index: int) -> None:
        call = make_call()
        barrier.wait()
        end = time.perf_counter() + seconds
        try:
            while (start := time.perf_counter()) < end:
                if not call():
                    unexpected[index] += 1
                latencies[index].append((time.perf_counter() - start) * 1000)
        except BaseException as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(clients)]
    for thread in threads:
        thread.start()
    barrier.wait()
    started = time.perf_counter()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    if errors:
        raise errors[0]
    flat = sorted(value for part in latencies for value in part)
    return Measured(
        name=name,
        clients=clients,
        calls=len(flat),
        seconds=took,
        p50=_quantile(flat, 0.50),
        p95=_quantile(flat, 0.95),
        p99=_quantile(flat, 0.99),
        unexpected=sum(unexpected),
    )


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


def pgbench(
    program: str,
    environment: dict[str, str],
    database: str,
    script: str,
    *,
    clients: int,
    transactions: int,
    variables: dict[str, int],
) -> Measured:
    """Run pgbench with prepared statements; percentiles come from its log of calls."""
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "script.sql")
        file.write_text(script)
        started = time.perf_counter()
        done = subprocess.run(
            [program, "-n", "-M", "prepared", "-f", str(file)]
            + ["-c", str(clients), "-j", str(min(clients, 2))]
            + ["-t", str(transactions), "-l", "--log-prefix", f"{folder}/log"]
            + [part for k, v in variables.items() for part in ("-D", f"{k}={v}")]
            + [database],
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        took = time.perf_counter() - started
        if done.returncode:
            raise RuntimeError(f"pgbench: {done.stderr.strip()}")
        rate = re.search(r"tps = ([\d.]+)", done.stdout)
        flat = sorted(
            int(line.split()[2]) / 1000
            for log in Path(folder).glob("log*")
            for line in log.read_text().splitlines()
        )
    if rate:
        took = len(flat) / float(rate[1])
    return Measured(
        name="pgbench",
        clients=clients,
        calls=len(flat),
        seconds=took,
        p50=_quantile(flat, 0.50),
        p95=_quantile(flat, 0.95),
        p99=_quantile(flat, 0.99),
        unexpected=0,
    )


def median_of(runs: list[Measured]) -> Measured:
    """Return one line for several runs: the median of every figure."""
    middle = statistics.median
    return Measured(
        name=runs[0].name,
        clients=runs[0].clients,
        calls=round(middle(r.calls for r in runs)),
        seconds=middle(r.seconds for r in runs),
        p50=middle(r.p50 for r in runs),
        p95=middle(r.p95 for r in runs),
        p99=middle(r.p99 for r in runs),
        unexpected=sum(r.unexpected for r in runs),
    )
