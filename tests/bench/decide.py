"""What a decision of the bridge costs: verify, look up, reserve, journal.

A bridge process pulls a full copy of the tickets from a server that tells them in
pages; its memory is read from the kernel. Then lanes decide on that copy, as many at
once as a big gate has, in turns with bare SQLite commits of one row on the same disk:
read the ratios, for a decision is on the disk before a lane opens.
"""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from bootstrap.console import SetupError, say, step
from bootstrap.paths import LOCAL

from .bridge_feed import LANES, qr

HERE = Path(__file__).parent
COPY = 200_000
ROUNDS = 5
MOST_RSS = 150.0  # MB
LEAST_RATE, MOST_P99 = 1500.0, 4.0  # decisions a second, ms
AT_ONCE = (1, 2, 4, LANES)
#: At this rate no more than six scans can be under way for 4 ms each: the time is
#: judged with so few at once, the rate with a whole gate.
FEW = 4
COPY_TIMEOUT = 900.0
CONFIG = """\
state_dir = "{state}"
[server]
url = "http://127.0.0.1:{port}"
mode = "site"
[api]
port = 0
[[lanes]]
code = "B1"
direction = "in"
driver = {{ kind = "manual" }}
"""


def main(*, tickets: int, seconds: float) -> int:
    """Run the measurement; 0 if every decision was right and the memory held. `tickets`
    is not used: a copy always has the size that a bridge must bear."""
    del tickets
    per_round = max(LANES * 10, int(80 * seconds))
    scans = ROUNDS * per_round * len(AT_ONCE)
    if scans > COPY:
        raise SetupError(f"Choose fewer seconds: {COPY} tickets are not enough.")
    with TemporaryDirectory(prefix="bench-decide-", dir=LOCAL) as directory:
        state = Path(directory) / "state"
        with step(f"a bridge copies {COPY} tickets"):
            took, peak = _copy(Path(directory), state, scans)
        with step(f"{scans} decisions"):
            found = asyncio.run(_decide(state, per_round))
    return _print(found, took, peak)


# -- the copy --------------------------------------------------------------------------


def _copy(directory: Path, state: Path, signed: int) -> tuple[float, float]:
    """Seconds of a full copy, and the most memory (MB) that the bridge ever had."""
    with _process(
        str(HERE / "bridge_feed.py"), f"--tickets={COPY}", f"--signed={signed}"
    ) as feed:
        assert feed.stdout is not None
        port = int(feed.stdout.readline().split()[1])
        config = directory / "bridge.toml"
        config.write_text(CONFIG.format(state=state, port=port))
        key = {"SCENIC_GATE_BRIDGE_SERVER__KEY": "sgk_" + "k" * 43}
        started = time.monotonic()
        with _process(
            "-m", "scenic_gate_bridge", "run", "-c", str(config), **key
        ) as it:
            for line in feed.stdout:
                if line.split()[1] != "None":
                    break
                if time.monotonic() - started > COPY_TIMEOUT or it.poll() is not None:
                    raise SetupError("The bridge did not get its copy.")
            return time.monotonic() - started, _peak(it.pid)


def _peak(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) / 1024


@contextmanager
def _process(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        assert process.stdout is not None
        process.stdout.close()


# -- decisions -------------------------------------------------------------------------


class _Found:
    """Seconds of each decision and commit, round by round, and how many a second."""

    def __init__(self) -> None:
        self.times: dict[int, list[list[float]]] = {count: [] for count in AT_ONCE}
        self.rates: dict[int, list[float]] = {count: [] for count in AT_ONCE}
        self.commits: list[list[float]] = []
        self.commit_rates: list[float] = []
        self.cpu = 0.0
        self.wrong = 0
        self.peak = 0.0


async def _decide(state: Path, per_round: int) -> _Found:
    from scenic_gate_bridge.journal import Journal
    from scenic_gate_bridge.local.service import DecisionService
    from scenic_gate_bridge.model import Code, Direction, Scan, new_id
    from scenic_gate_bridge.settings import ServerMode

    found = _Found()
    bare = _BareTable(state.parent / "bare.sqlite")
    numbers = iter(range(1, COPY))

    async def nobody(_request: object) -> None:
        raise AssertionError("a site server asks nobody")

    async with Journal(state / "journal.sqlite") as journal:
        service = DecisionService(ServerMode.SITE, journal, nobody)

        async def lane(code: str, scans: list[Scan], times: list[float]) -> None:
            for scan in scans:
                began = time.perf_counter()
                decision = await service.decide(new_id(), scan)
                times.append(time.perf_counter() - began)
                found.wrong += decision.code != "ADMIT"

        def scans(code: str, count: int) -> list[Scan]:
            now = datetime.now(UTC)
            codes = [Code(qr(next(numbers))) for _ in range(count)]
            return [Scan(code, Direction.IN, each, now) for each in codes]

        async def lanes(count: int) -> None:
            times: list[float] = []
            work = [
                lane(f"B{number}", scans(f"B{number}", per_round // count), times)
                for number in range(1, count + 1)
            ]
            began = time.perf_counter()
            cpu = time.process_time()
            await asyncio.gather(*work)
            found.cpu += time.process_time() - cpu
            found.rates[count].append(len(times) / (time.perf_counter() - began))
            found.times[count].append(times)

        for _ in range(ROUNDS):
            for count in found.rates:
                commits: list[float] = []
                rate = bare.commit(per_round // 3, commits)
                found.commits.append(commits)
                found.commit_rates.append(rate)
                await lanes(count)
    bare.close()
    found.peak = _peak(os.getpid())
    return found


class _BareTable:
    """What the disk takes: one row a commit, as durable as the journal."""

    def __init__(self, path: Path) -> None:
        self._con = sqlite3.connect(path, isolation_level=None)
        self._con.execute("PRAGMA journal_mode=WAL")
        self._con.execute("PRAGMA synchronous=FULL")
        self._con.execute("CREATE TABLE row (id INTEGER PRIMARY KEY, body TEXT)")

    def commit(self, count: int, times: list[float]) -> float:
        began = time.perf_counter()
        for _ in range(count):
            start = time.perf_counter()
            self._con.execute("INSERT INTO row (body) VALUES (?)", ("x" * 300,))
            times.append(time.perf_counter() - start)
        return count / (time.perf_counter() - began)

    def close(self) -> None:
        self._con.close()


def _share(rounds: list[list[float]], share: float) -> float:
    """The time (ms) within which this share of a round was done."""
    return _median(
        [sorted(times)[int(share * (len(times) - 1))] * 1000 for times in rounds]
    )


def _median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def _print(found: _Found, took: float, peak: float) -> int:
    say("")
    say(
        f"a copy of {COPY} tickets with one entitlement each, median of {ROUNDS} rounds"
    )
    say(f"{'':<22}{'p50 ms':>9}{'p99 ms':>9}{'of all':>9}{'a second':>10}")
    rates = {count: _median(values) for count, values in found.rates.items()}
    commits = _median(found.commit_rates)
    _line("bare FULL commit", found.commits, commits)
    for count, times in found.times.items():
        _line(f"decide, {count} at once", times, rates[count])
    done = sum(len(times) for rounds in found.times.values() for times in rounds)
    cpu = found.cpu * 1000 / done
    p99 = _share(found.times[FEW], 0.99)
    say("")
    say(
        f"decide_rate: {rates[LANES]:.0f} a second with {LANES} lanes at once,"
        f" {rates[LANES] / commits:.1f} bare commits, {cpu:.2f} ms of CPU each"
        f" (at least {LEAST_RATE:.0f} {_mark(rates[LANES] >= LEAST_RATE)})"
    )
    say(
        f"decide_p99: {p99:.1f} ms with {FEW} at once,"
        f" {p99 / _share(found.commits, 0.99):.1f} bare commits"
        f" (at most {MOST_P99:.0f} {_mark(p99 <= MOST_P99)})"
    )
    fits = max(peak, found.peak) <= MOST_RSS
    say(
        f"decide_memory: {peak:.0f} MB for the copy in {took:.0f} s,"
        f" {found.peak:.0f} MB for the decisions (at most {MOST_RSS:.0f} {_mark(fits)})"
    )
    if found.wrong:
        say(f"✗ {found.wrong} decisions were not as expected")
    return 1 if found.wrong or not fits else 0


def _line(name: str, rounds: list[list[float]], rate: float) -> None:
    p50, p99 = _share(rounds, 0.5), _share(rounds, 0.99)
    of_all = _share([[each for times in rounds for each in times]], 0.99)
    say(f"{name:<22}{p50:>9.2f}{p99:>9.2f}{of_all:>9.2f}{rate:>10.0f}")


def _mark(good: bool) -> str:
    return "✓" if good else "✗"
