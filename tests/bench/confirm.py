"""What it costs to confirm a booking of 1, 50 and 1,000 tickets.

The number of queries must not grow with the tickets at all.
"""

import os
import statistics
from datetime import date

from bootstrap.console import say, step

from .in_odoo import bench_database

SIZES = (1, 50, 1000)
ROUNDS = 7
#: 1,000 tickets take less than so many times what 50 take.
LIMIT = 10


def main(*, tickets: int, seconds: float) -> int:
    """Print the table and the ratios; 0 if both promises hold.

    Neither the number of live tickets nor a time applies to this measurement.
    """
    with bench_database("confirm") as database:
        with step(f"{ROUNDS} rounds of {', '.join(map(str, SIZES))} tickets"):
            answer = database.shell(
                "confirm.py",
                BENCH_SIZES=" ".join(map(str, SIZES)),
                BENCH_ROUNDS=ROUNDS,
            )
    times = {size: answer["times"][str(size)] for size in SIZES}
    queries = {size: answer["queries"][str(size)] for size in SIZES}
    median = {size: statistics.median(found) for size, found in times.items()}
    say("")
    say(f"confirm on {date.today()}: one Odoo process, {os.cpu_count()} cores,")
    say(f"with commit, median of {ROUNDS} rounds, sizes in turns")
    say(f"{'tickets':<10}{'ms':>9}{'fastest':>9}{'per ticket':>12}{'queries':>9}")
    for size in SIZES:
        say(
            f"{size:<10}{median[size]:>9.1f}{min(times[size]):>9.1f}"
            f"{median[size] / size:>12.2f}{max(queries[size]):>9}"
        )
    say("")
    say(f"confirm_50_vs_1: {median[50] / median[1]:.2f}")
    ratio = median[1000] / median[50]
    say(f"confirm_1000_vs_50: {ratio:.2f}")
    grows = max(queries[1000]) > min(queries[50])
    if grows:
        say("✗ the number of queries grows with the tickets")
    if ratio >= LIMIT:
        say(f"✗ 1,000 tickets take {ratio:.1f} times as long as 50, not under {LIMIT}")
    return 1 if grows or ratio >= LIMIT else 0
