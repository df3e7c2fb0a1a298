"""What it costs when 16 buyers send the same request at once.

All of them must get the first answer, and none may be sent back to start anew: the
framework would let it sleep for up to two seconds.
"""

import os
import statistics
from datetime import date

from bootstrap.console import say, step

from .in_odoo import bench_database

BUYERS = 16
ROUNDS = 30


def main(*, tickets: int, seconds: float) -> int:
    """Print the table and the ratio; 0 if nobody was sent back.

    Neither the number of live tickets nor a time applies to this measurement.
    """
    with bench_database("repeat") as database, step(f"{ROUNDS} rounds"):
        found = database.shell("repeats.py", BENCH_BUYERS=BUYERS, BENCH_ROUNDS=ROUNDS)
    alone, together = (sorted(found[name]) for name in ("alone", "together"))
    say("")
    say(f"hold and confirm by key on {date.today()}: threads of one Odoo process,")
    say(f"{os.cpu_count()} cores, {ROUNDS} rounds in turns, until the last is done")
    say(f"{'ms':<24}{'p50':>9}{'slowest':>9}")
    for label, times in (("one buyer", alone), (f"{BUYERS} with one key", together)):
        say(f"{label:<24}{statistics.median(times):>9.1f}{times[-1]:>9.1f}")
    say("")
    ratio = statistics.median(together) / statistics.median(alone)
    say(f"buyers_16_one_key: the last of them waits {ratio:.2f} times as long")
    say(f"{found['retries']} sent back to start anew")
    if found["retries"]:
        say(f"✗ {found['retries']} buyers had to start anew")
    return 1 if found["retries"] else 0
