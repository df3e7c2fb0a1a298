"""What it costs to delete the data of visitors whose tickets are over.

The scheduled job runs as in life: in batches that are committed, a turn of about ten
seconds, and again until nobody is left. One turn is broken off by an error in the
middle of a batch; what was committed before stays done.
"""

import os
from datetime import date

from bootstrap.console import say, step

from .in_odoo import bench_database

SIZES = (1_000, 100_000)
#: A visitor among 100,000 takes less than so many times what one of 1,000 takes.
LIMIT = 2


def main(*, tickets: int, seconds: float) -> int:
    """Print the table and the ratio; 0 if all promises hold.

    The sizes are fixed; neither argument applies to this measurement.
    """
    with bench_database("shred") as database:
        with step(f"shredding {' and '.join(f'{size:,}' for size in SIZES)} visitors"):
            answer = database.shell("shred.py", BENCH_SIZES=" ".join(map(str, SIZES)))
    rows = answer["rows"]
    say("")
    say(f"shred on {date.today()}: one Odoo process, {os.cpu_count()} cores")
    say(f"{'visitors':<10}{'s':>9}{'us each':>9}{'turns':>7}")
    for row in rows:
        each = row["seconds"] * 10**6 / row["visitors"]
        say(f"{row['visitors']:<10}{row['seconds']:>9.2f}{each:>9.0f}{row['turns']:>7}")
    small, large = (row["seconds"] / row["visitors"] for row in rows)
    say("")
    say(f"shred_100k_vs_1k: {large / small:.2f}")
    say(f"kept by a turn that broke off: {answer['kept']} visitors done")
    failed = large / small >= LIMIT
    if failed:
        say(f"✗ a visitor takes {large / small:.1f} times as long, not under {LIMIT}")
    if answer["left"] or not answer["kept"]:
        failed = True
        say(f"✗ {answer['left']} visitors still have data")
    return 1 if failed else 0
