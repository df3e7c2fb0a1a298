"""What it costs to expire 100,000 tickets and to earn what lapsed, in batches.

The time for a ticket must not grow with their number, and a run that is killed in
the middle of a batch is gone on with: nothing is left out and nothing earned twice.
"""

import os
from datetime import date

from bootstrap.console import SetupError, say, step

from .in_odoo import BenchDatabase, bench_database

SIZES = (1000, 100_000)
BATCH = 1000
KILLED = 20_000
#: A ticket of many takes at most so many times what a ticket of few takes.
LIMIT = 2.0


def main(*, tickets: int, seconds: float) -> int:
    """Print the table and the ratio; 0 if both promises hold.

    Neither the number of live tickets nor a time applies to this measurement.
    """
    few, many = SIZES
    with bench_database("expire") as database:
        with step(f"{few + many + KILLED:,} tickets"):
            database.shell("fill.py", BENCH_SOLD=few + many + KILLED + 100)
        answers = {}
        for size in SIZES:
            with step(f"{size:,} tickets expire"):
                answers[size] = _expire(database, size)
        with step(f"{KILLED:,} tickets expire, the process is killed twice"):
            # once while they expire, once while what lapsed is earned
            for batches, mark in ((7, 1), (KILLED // BATCH, 0)):
                _killed(database, batches, mark)
            resumed = _expire(database, KILLED, mark=0)
    each = {size: answers[size]["seconds"] / size * 1000 for size in SIZES}
    say("")
    say(f"expire on {date.today()}: one Odoo process, {os.cpu_count()} cores,")
    say(f"batches of {BATCH:,} tickets, each committed")
    say(f"{'tickets':<10}{'seconds':>9}{'ms each':>9}{'tickets/s':>11}{'batches':>9}")
    for size in SIZES:
        say(
            f"{size:<10,}{answers[size]['seconds']:>9.1f}{each[size]:>9.3f}"
            f"{1000 / each[size]:>11,.0f}{answers[size]['batches']:>9.0f}"
        )
    say("")
    ratio = each[many] / each[few]
    say(f"expire_100k_vs_1k: {ratio:.2f}")
    say(
        f"killed twice, then: {resumed['expired']:,.0f} expired, "
        f"{resumed['open']:.0f} left open, {resumed['twice']:.0f} earned twice, "
        f"difference {resumed['difference']:.2f}"
    )
    wrong = (
        resumed["expired"] != sum(SIZES) + KILLED
        or resumed["open"]
        or resumed["twice"]
        or resumed["difference"]
    )
    if wrong:
        say("✗ a run that was killed does not end the same")
    if ratio > LIMIT:
        say(f"✗ a ticket of 100,000 takes {ratio:.1f} times one of 1,000")
    return 1 if wrong or ratio > LIMIT else 0


def _expire(
    database: BenchDatabase, count: int, *, mark: int = 1, kill: int = 0
) -> dict[str, float]:
    answer: dict[str, float] = database.shell(
        "expire.py",
        BENCH_COUNT=count,
        BENCH_BATCH=BATCH,
        BENCH_KILL=kill,
        BENCH_MARK=mark,
    )
    return answer


def _killed(database: BenchDatabase, batches: int, mark: int) -> None:
    try:
        _expire(database, KILLED, mark=mark, kill=batches)
    except (SetupError, IndexError):
        return
    raise SetupError("The process was not killed.")
