"""What a validation through Odoo costs, against bare PostgreSQL and a plain ORM method.

All of them work on the same live tickets in turns within one run, so that the machine's
mood falls on each alike: read the ratios, not the milliseconds.
"""

import json
import os
import statistics
import threading
import time
import uuid
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import Any

import psycopg2
from bootstrap.console import say, step

from .client import exchange, request
from .gate_park import REPORT, VALIDATE, GatePark, envelope, gate_park
from .in_odoo import bench_database
from .load import Measured, median_of, quantile

ROUNDS = 3
LIVE = 50_000
LIST = 20
RECORDS = 500
PERSONS = 100
GATES = 16
CLEARS = 20


def main(*, tickets: int, seconds: float) -> int:
    """Run the measurement and print its table and ratios; 0 if all were reached.

    :param tickets: more than 50,000: a second database with so many is measured, too
    """
    with bench_database("validate") as database, ExitStack() as stack:
        large_name = f"{database.name}_large"
        database.odoo.drop_database(large_name)
        stack.callback(database.odoo.drop_database, large_name)
        if tickets > LIVE:
            database.odoo.copy_database(database.name, large_name)
        park = stack.enter_context(
            gate_park(
                database.cluster,
                database.name,
                tickets=LIVE,
                scanned=LIVE,
                groups=ROUNDS * (GATES + 1),
            )
        )
        large = None
        if tickets > LIVE:
            large = stack.enter_context(
                gate_park(
                    database.cluster,
                    large_name,
                    tickets=tickets,
                    scanned=LIVE,
                    groups=0,
                )
            )
        return _print(*measure(park, large, seconds), tickets)


def measure(
    park: GatePark, large: GatePark | None, seconds: float
) -> tuple[dict[str, Measured], list[float], dict[str, list[float]]]:
    """Return the median line of each kind, first calls after clears, group scans."""
    runs: dict[str, list[Measured]] = {}
    firsts: list[float] = []
    groups: dict[str, list[float]] = {"own": [], "shared": []}
    short = min(seconds, 3.0)

    def keep(measured: Measured) -> None:
        runs.setdefault(measured.name, []).append(measured)

    for number in range(ROUNDS):
        with step(f"round {number + 1} of {ROUNDS}"):
            for one in (park, large) if large else (park,):
                one.fresh()
                one.validate("warm-up", clients=4, seconds=1, most=1500)
            for clients, most in ((1, 800), (16, 1500)):
                for one in (park, large) if large else (park,):
                    size = " large" if one is large else ""
                    keep(
                        one.validate(
                            f"one scan, {clients}{size}",
                            clients=clients,
                            seconds=seconds,
                            most=most,
                        )
                    )
                keep(
                    park.orm(
                        f"ORM, {clients}", clients=clients, seconds=seconds, most=most
                    )
                )
            keep(
                park.validate(
                    "one scan, 16, counted",
                    clients=16,
                    seconds=short,
                    most=1500,
                    lane="COUNTED",
                )
            )
            keep(park.pgbench("pgbench, 1", clients=1, seconds=short))
            for one in (park, large) if large else (park,):
                one.fresh()
                size = " large" if one is large else ""
                keep(one.pgbench(f"pgbench, 16{size}", clients=16, seconds=short))
            park.fresh()
            keep(
                park.validate(
                    "lists of 20, 4",
                    clients=4,
                    seconds=short,
                    most=800,
                    scans=LIST,
                    device="list",
                )
            )
            park.fresh()
            keep(
                park.upload(
                    "uploads of 500, 1", seconds=short, most=60, records=RECORDS
                )
            )
            park.fresh()
            firsts += after_clear(park)
            start = number * (GATES + 1)
            own = park.groups[start : start + GATES]
            groups["own"] += group_scans(park, own, 10 * GATES)
            groups["shared"] += group_scans(
                park, [park.groups[start + GATES]] * GATES, PERSONS
            )
    return {key: median_of(found) for key, found in runs.items()}, firsts, groups


def after_clear(park: GatePark) -> list[float]:
    """Return the ms of the first call after each of some cache clears."""
    found = []
    connection = psycopg2.connect(
        dbname=park.database,
        host=park.cluster.host,
        port=park.cluster.port,
        user=park.cluster.user,
        password=park.cluster.password,
    )
    connection.autocommit = True
    with connection.cursor() as cursor:
        for _number in range(CLEARS):
            for _call in range(6):
                # both workers have full caches again
                _scan(park, park.take(1)[0].token)
            cursor.execute("INSERT INTO orm_signaling_default DEFAULT VALUES")
            token = park.take(1)[0].token
            started = time.perf_counter()
            _scan(park, token)
            found.append((time.perf_counter() - started) * 1000)
    connection.close()
    return found


def _scan(park: GatePark, token: str) -> None:
    [result] = call(
        park, "one", VALIDATE, {"scans": [park.scan("one", token, "PLAIN")]}
    )
    if result["code"] != "ADMIT":
        raise AssertionError(result)


def call(
    park: GatePark, device: str, path: str, parameters: dict[str, Any]
) -> list[dict[str, Any]]:
    """Call the gate API and return the results."""
    headers = {"Authorization": f"Bearer {park.devices[device]['key']}"}
    answer = exchange(park.port, request(path, headers, envelope(parameters)))
    found: list[dict[str, Any]] = json.loads(answer.partition(b"\r\n\r\n")[2])[
        "result"
    ]["results"]
    return found


def group_scans(park: GatePark, codes: list[str], passes: int) -> list[float]:
    """Let people of group codes in one by one, from one gate a code of the list.

    Each gate scans its code, reports one pass and gives the other entries back, until
    ``passes`` people are in, or the code is used up.

    :return: ms of the scans, those that had to wait for another gate included
    """
    lock = threading.Lock()
    latencies: list[float] = []
    passed = 0

    def gate(code: str) -> None:
        nonlocal passed
        while passed < passes:
            with lock:
                scan = park.scan("group", code, "PLAIN")
            started = time.perf_counter()
            [result] = call(park, "group", VALIDATE, {"scans": [scan]})
            latencies.append((time.perf_counter() - started) * 1000)
            if result["code"] == "USED":
                return
            if result["code"] == "IN_USE":
                continue
            if result["code"] != "ADMIT":
                raise AssertionError(result)
            with lock:
                passed += 1
                events = [
                    {
                        "event_id": str(uuid.uuid4()),
                        "seq": park.number("group"),
                        "lane": "PLAIN",
                        "type": kind,
                        "request_id": scan["request_id"],
                        "at": datetime.now(UTC).isoformat(),
                        **({"count": 1} if kind == "passed" else {}),
                    }
                    for kind in ("passed", "annulled")[
                        : 2 if result["passes"] > 1 else 1
                    ]
                ]
            call(park, "group", REPORT, {"events": events})

    threads = [threading.Thread(target=gate, args=(code,)) for code in codes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(set(codes)) == 1 and passed != passes:
        raise AssertionError(f"{passed} people came in by a code of {passes}")
    return latencies


def _print(
    lines: dict[str, Measured],
    firsts: list[float],
    groups: dict[str, list[float]],
    tickets: int,
) -> int:
    say("")
    say(f"validate on {date.today()}: {LIVE:,} live tickets, 2 Odoo workers,")
    if tickets > LIVE:
        say(f"large: {tickets:,} live tickets, two more workers,")
    say(f"{os.cpu_count()} cores, PostgreSQL with default durability,")
    say(f"median of {ROUNDS} rounds, taken in turns; load: core that the client took")
    say(
        f"{'':<24}{'p50 ms':>9}{'p95 ms':>9}{'p99 ms':>9}{'calls/s':>9}{'wrong':>7}"
        f"{'load':>6}"
    )
    for key, line in lines.items():
        say(
            f"{key:<24}{line.p50:>9.2f}{line.p95:>9.2f}{line.p99:>9.2f}"
            f"{line.rate:>9.0f}{line.wrong:>7}{line.cpu:>6.2f}"
        )
    say("")
    one, many = lines["one scan, 1"], lines["one scan, 16"]
    bare = lines["pgbench, 16"].rate
    first = statistics.median(firsts)
    own, shared = (quantile(sorted(groups[key]), 0.95) for key in ("own", "shared"))
    reached = [
        _line("validate_vs_orm: p50 of 1 client", one.p50 / lines["ORM, 1"].p50, 0.45),
        _line(
            "validate_vs_orm: throughput of 16",
            many.rate / lines["ORM, 16"].rate,
            2,
            at_least=True,
        ),
        _line(
            "validate_vs_pgbench: throughput of 16",
            many.rate / bare,
            0.06,
            at_least=True,
        ),
        _line(
            "validate20_vs_pgbench: scans",
            lines["lists of 20, 4"].rate * LIST / bare,
            0.75,
            at_least=True,
        ),
        _line(
            "upload500_vs_pgbench1: records",
            lines["uploads of 500, 1"].rate * RECORDS / lines["pgbench, 1"].rate,
            5,
            at_least=True,
        ),
        _line("validate_first_vs_p50: after a cache clear", first / one.p50, 4),
        _line("validate_group_vs_own: p95 of 16 gates", shared / own, 3),
    ]
    if tickets > LIVE:
        slow, slow_many = (lines[f"one scan, {clients} large"] for clients in (1, 16))
        reached += [
            _line("validate_large_vs_50k: p50 of 1", slow.p50 / one.p50, 1.2),
            _line("validate_large_vs_50k: time of 16", many.rate / slow_many.rate, 1.2),
        ]
    wrong = sum(line.wrong for line in lines.values())
    if wrong:
        say(f"✗ {wrong} calls were not answered as expected")
    return 0 if all(reached) and not wrong else 1


def _line(name: str, ratio: float, target: float, *, at_least: bool = False) -> bool:
    reached = ratio >= target if at_least else ratio <= target
    asked = "at least" if at_least else "at most"
    say(f"{'✓' if reached else '✗'} {name} {ratio:.3f} ({asked} {target} asked for)")
    return reached
