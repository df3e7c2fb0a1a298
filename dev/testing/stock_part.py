"""Odoo's own browser tests of the Point of Sale, with our add-ons installed.

What fails only with them is a bug of ours. What fails without them as well is named in
``stock-known.txt``, with the reason, and is not run.
"""

import time
from pathlib import Path

from bootstrap.odoo_server import Odoo
from bootstrap.paths import ADDONS, LOGS
from bootstrap.postgres import Cluster
from databases import stock_template

from .odoo_part import failed_tags, run_tests
from .result import PartResult

#: So many may fail by a machine that was too busy, and pass alone. More is no chance.
BY_CHANCE = 5
KNOWN = Path(__file__).with_name("stock-known.txt")
PREPARE = Path(__file__).with_name("stock_prepare.py")

#: What the suites test beyond the template.
STOCK_EXTRA = ("pos_loyalty", "pos_discount")

#: Tags of each part. No window is a telephone; performance is measured elsewhere.
SUITES = {
    "stock-pos": [
        "is_tour/point_of_sale",
        "-/point_of_sale:MobileTestUi",
        "-pos_performance",
    ],
    "stock-loyalty": [
        "/pos_loyalty",
        "/web:WebSuite.test_unit_desktop[@point_of_sale,@pos_loyalty]",
    ],
}


def run_stock(cluster: Cluster, odoo: Odoo, name: str) -> PartResult:
    """Run one of :data:`SUITES` on a fresh database."""
    started = time.monotonic()
    database = _database(cluster, odoo, f"test_{name.replace('-', '_')}", ADDONS)
    tags = ",".join([*SUITES[name], *(f"-{tag}" for tag in known_failures())])
    result = _run(odoo, database, tags, name, started)
    failed = failed_tags((LOGS / f"test-{name}.log").read_text(errors="replace"))
    unexpected_skips = result.skipped > result.skips_expected
    if unexpected_skips or not 0 < len(failed) <= BY_CHANCE:
        return result
    alone = _run(odoo, database, ",".join(failed), f"{name}-alone", started)
    return passed_alone(result, alone, failed)


def passed_alone(
    result: PartResult, alone: PartResult, failed: list[str]
) -> PartResult:
    """Return the result of a part whose `failed` tests were run a second time, alone:
    what fails then as well has failed. The others stay named."""
    if not alone.failed and alone.passed < len(failed):
        alone.fail(f"{alone.passed} of {len(failed)} ran a second time")
    if alone.failed:
        alone.passed += result.passed
        return alone
    return PartResult(
        result.name,
        passed=result.passed + alone.passed,
        seconds=alone.seconds,
        problems=[f"passed only alone: {tag}" for tag in failed],
    )


def rerun_stock(
    cluster: Cluster, odoo: Odoo, tags: str, *, plain: bool, fresh: bool
) -> PartResult:
    """Run some of Odoo's tests on a database that is kept: for authors.

    :param plain: without our add-ons, to learn whose fault a failure is
    """
    started = time.monotonic()
    name = "stock-plain" if plain else "stock"
    database = f"test_{name.replace('-', '_')}"
    if fresh or database not in cluster.databases():
        _database(cluster, odoo, database, () if plain else ADDONS)
    return _run(odoo, database, tags, name, started)


def known_failures() -> dict[str, str]:
    """Return the tags of the tests that are not run, with the reason of each.

    :raises ValueError: for a line without a reason
    """
    known = {}
    for line in KNOWN.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            tag, _blank, reason = line.partition(" ")
            if not reason.strip():
                raise ValueError(f"{KNOWN.name}: no reason for {tag}")
            known[tag] = reason.strip()
    return known


def _database(
    cluster: Cluster, odoo: Odoo, database: str, addons: tuple[str, ...]
) -> str:
    odoo.copy_database(stock_template(cluster, odoo), database)
    odoo.install(database, [*STOCK_EXTRA, *addons])
    odoo.shell(database, PREPARE)
    return database


def _run(odoo: Odoo, database: str, tags: str, name: str, started: float) -> PartResult:
    # Neither -i nor -u: with them Odoo tests only the modules that it has just loaded.
    arguments = ["-d", database, "--test-tags", tags]
    # What Odoo's own tests write into the log is not for us to judge.
    return run_tests(odoo, arguments, name, started, check_log=False)
