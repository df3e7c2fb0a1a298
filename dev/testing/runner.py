"""``make test``: every part, two at a time, one plain closing line.

Odoo's own browser tests come last, one part at a time: a browser and its server keep
two cores busy, and Odoo gives a tour no more than a minute.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from bootstrap.console import SetupError, say
from bootstrap.odoo_server import Odoo
from bootstrap.paths import ADDONS, BRIDGE, GLUE, ROOT
from bootstrap.postgres import Cluster
from databases import stock_template
from translations import check_exports

from .lint_part import run_lint
from .odoo_part import run_addon
from .pytest_part import run_pcsc, run_pytest
from .result import PartResult
from .stock_part import SUITES, run_stock

Part = Callable[[], PartResult]

#: Parts that run only when they are named.
ASKED = {"pcsc", *SUITES}

#: Names for several parts; ``all``: what runs without naming anything.
GROUPS = {"stock": set(SUITES)}


def test_cluster() -> Cluster:
    """Return the cluster of the tests: same PostgreSQL, no waiting for the disk."""
    return Cluster(
        "test",
        {
            "fsync": "off",
            "synchronous_commit": "off",
            "full_page_writes": "off",
            "shared_buffers": "512MB",
            # with the database, for several parts log into one file
            "log_line_prefix": "%m [%p] %d ",
        },
    )


def run_all(names: Sequence[str] = ()) -> int:
    """Run the parts (all of them without names) and report; 0 only if all is well."""
    started = time.monotonic()
    with test_cluster() as cluster:
        odoo = Odoo(cluster, "test", one_key_file=False)
        parts = _parts(cluster, odoo)
        wanted = parts_wanted(names, set(parts))
        chosen = {name: parts[name] for name in parts if name in wanted}
        if set(chosen) - {"lint", "bridge", "tools", "pcsc"}:
            stock_template(cluster, odoo)
        browsers = {name: chosen.pop(name) for name in SUITES if name in chosen}
        results = [*_run(chosen, at_a_time=2), *_run(browsers, at_a_time=1)]
    say(f"\n{time.monotonic() - started:.0f} s in all")
    return report(results)


def _run(parts: dict[str, Part], at_a_time: int) -> list[PartResult]:
    results = []
    with ThreadPoolExecutor(max_workers=at_a_time) as pool:
        running = [pool.submit(_guarded, name, part) for name, part in parts.items()]
        for future in as_completed(running):
            result = future.result()
            say(_line(result))
            results.append(result)
    return results


def parts_wanted(names: Sequence[str], parts: set[str]) -> set[str]:
    """Return the parts behind names of parts and of groups of them.

    :raises SetupError: for a name that is neither
    """
    groups = {**GROUPS, "all": parts - ASKED}
    unknown = set(names) - parts - set(groups)
    if unknown:
        raise SetupError(
            f"There is no test part {', '.join(sorted(unknown))}; "
            f"there are: {', '.join(sorted(parts | set(groups)))}"
        )
    wanted: set[str] = set()
    for name in names or ["all"]:
        wanted |= groups.get(name, {name})
    return wanted


def report(results: Sequence[PartResult]) -> int:
    """Print the problems and the plain closing line."""
    for result in results:
        for problem in result.problems:
            say(f"{result.name}: {problem}")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    say(f"{passed} passed, {failed} failed")
    return 0 if passed and not failed else 1


def _parts(cluster: Cluster, odoo: Odoo) -> dict[str, Part]:
    """Longest first, so that two at a time end together."""

    def addon(name: str) -> Part:
        return lambda: run_addon(cluster, odoo, name)

    def stock(name: str) -> Part:
        return lambda: run_stock(cluster, odoo, name)

    return {
        **{name: stock(name) for name in SUITES},
        **{name: addon(name) for name in reversed([*ADDONS, *GLUE])},
        "e2e": lambda: run_pytest("e2e", ROOT, ["-q", "tests/e2e"]),
        "bridge": lambda: run_pytest("bridge", BRIDGE, ["-q", "tests"]),
        "tools": lambda: run_pytest(
            "tools", ROOT, ["-q", "tests/lint", "tests/docker", "tests/dev"]
        ),
        "pcsc": run_pcsc,
        "i18n": lambda: check_exports(cluster, odoo),
        "lint": run_lint,
    }


def _guarded(name: str, part: Part) -> PartResult:
    """A part that cannot even start is a failed part, not the end of the others."""
    say(f"· {name} …")
    try:
        return part()
    except SetupError as error:
        result = PartResult(name)
        result.fail(str(error))
        return result


def _line(result: PartResult) -> str:
    mark = "✗" if result.failed else "✓"
    skipped = f", {result.skipped} skipped as expected" if result.skipped else ""
    return (
        f"{mark} {result.name}: {result.passed} passed, {result.failed} failed"
        f"{skipped} ({result.seconds:.0f} s)"
    )
