"""Measurements; ``make bench`` runs them. Figures are ratios within one run."""

import importlib

from bootstrap.console import SetupError, say

#: A part is a module of this package with ``main(*, tickets, seconds) -> int``.
PARTS = (
    *("validate", "decide", "confirm", "quote", "repeat", "shred", "expire"),
    "window",
)


def run(only: list[str], *, tickets: int, seconds: float) -> int:
    """Run the parts named, or all of them; 0 if every one was as expected."""
    unknown = sorted(set(only) - set(PARTS))
    if unknown:
        raise SetupError(
            f"There is no measurement {', '.join(unknown)}: choose of "
            f"{', '.join(PARTS)}."
        )
    failed = []
    for name in PARTS:
        if only and name not in only:
            continue
        say(f"── {name}")
        part = importlib.import_module(f"{__name__}.{name}")
        if part.main(tickets=tickets, seconds=seconds):
            failed.append(name)
    if failed:
        say(f"✗ not as expected: {', '.join(failed)}")
    return 1 if failed else 0
