"""What a quote costs with 1 M tickets sold, against 10 k, and 16 buyers of one day.

Both databases are asked in turns by one process. Sixteen buyers hold and confirm in
parallel transactions; none of them may be sent back to start anew.
"""

import os
import statistics
from datetime import date

from bootstrap.console import say, step

from .in_odoo import bench_database

SOLD = (10_000, 1_000_000)
ROUNDS = 150
BUYERS = 16
#: A quote with 1 M tickets sold takes at most so many times what it takes with 10 k.
LIMIT = 1.5


def main(*, tickets: int, seconds: float) -> int:
    """Print the tables and the ratios; 0 if both promises hold."""
    few, many = SOLD
    with bench_database("quote") as database:
        small = f"{database.name}_small"
        database.odoo.drop_database(small)
        try:
            with step(f"{few} tickets"):
                database.shell("fill.py", BENCH_SOLD=few)
            database.odoo.copy_database(database.name, small)
            with step(f"{many} tickets"):
                database.shell("fill.py", BENCH_SOLD=many - few)
            with step(f"{ROUNDS} rounds"):
                quotes = database.shell(
                    "quote.py", BENCH_SMALL=small, BENCH_ROUNDS=ROUNDS
                )
            with step(f"{BUYERS} buyers for {seconds:.0f} s"):
                buyers = database.shell(
                    "buyers.py", BENCH_BUYERS=BUYERS, BENCH_SECONDS=seconds
                )
        finally:
            database.odoo.drop_database(small)
    return _print(quotes, buyers)


def _print(quotes: dict[str, dict[str, list[float]]], buyers: dict[str, float]) -> int:
    few, many = (f"{sold:,}" for sold in SOLD)
    say("")
    say(f"quote on {date.today()}: one Odoo process, {os.cpu_count()} cores,")
    say(f"median of {ROUNDS} calls, both databases in turns")
    say(f"{'ms':<26}{few + ' sold':>15}{many + ' sold':>16}{'ratio':>8}")
    ratios = {}
    for name, found in quotes.items():
        small, big = (statistics.median(found[key]) for key in ("small", "big"))
        ratios[name] = big / small
        say(f"{name:<26}{small:>15.2f}{big:>16.2f}{big / small:>8.2f}")
    say("")
    say(f"{BUYERS} buyers of one day, hold and confirm, threads of one process:")
    say(
        f"{buyers['bought']} bought, {buyers['rate']:.0f}/s, "
        f"p50 {buyers['p50']:.0f} ms, p95 {buyers['p95']:.0f} ms, "
        f"{buyers['retries']} sent back to start anew;"
    )
    say(
        f"one buyer alone: {buyers['alone_rate']:.0f}/s, "
        f"p50 {buyers['alone_p50']:.0f} ms"
    )
    say("")
    worst = max(ratios.values())
    say(f"quote_1m_vs_10k: {worst:.2f}")
    say(f"buyers_16_vs_1: throughput {buyers['rate'] / buyers['alone_rate']:.2f}")
    if worst > LIMIT:
        say(f"✗ a quote takes {worst:.2f} times as long, over {LIMIT}")
    if buyers["retries"]:
        say(f"✗ {buyers['retries']} buyers had to start anew")
    return 1 if worst > LIMIT or buyers["retries"] else 0
