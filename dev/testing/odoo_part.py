"""Tests of one add-on: installed on a copy of the stock database, tested in one go."""

import re
import subprocess
import time
from pathlib import Path

from bootstrap.odoo_server import Odoo
from bootstrap.paths import LOGS, PYTHON, ROOT
from bootstrap.postgres import Cluster, free_port
from databases import stock_template

from .result import PartResult

SUMMARY = re.compile(r"(\d+) failed, (\d+) error\(s\) of (\d+) tests when loading")
FAILURE = re.compile(r" ERROR \S+ \S+: (?:FAIL|ERROR): (.*)$")
FAILED_TEST = re.compile(
    r" ERROR \S+ odoo\.addons\.(\w+)\.tests\.\S+: (?:FAIL|ERROR): (?:Subtest )?"
    r"(\w+\.test_\w+)"
)
LOG_RULES = Path(__file__).with_name("checklog-odoo.cfg")


def run_addon(cluster: Cluster, odoo: Odoo, addon: str, tags: str = "") -> PartResult:
    """Install the add-on on a fresh copy of the template and run its tests."""
    started = time.monotonic()
    database = f"test_{addon}"
    odoo.copy_database(stock_template(cluster, odoo), database)
    return run_tests(
        odoo,
        ["-d", database, "-i", addon, "--test-tags", tags or f"/{addon}"],
        addon,
        started,
    )


def rerun_addon(cluster: Cluster, odoo: Odoo, addon: str, tags: str) -> PartResult:
    """Run some tests of an add-on on the test database as it is: for authors."""
    database = f"test_{addon}"
    if database not in cluster.databases():
        return run_addon(cluster, odoo, addon, tags)
    return run_tests(
        odoo,
        ["-d", database, "-u", addon, "--test-tags", tags],
        addon,
        time.monotonic(),
    )


def run_tests(
    odoo: Odoo,
    arguments: list[str],
    name: str,
    started: float,
    *,
    check_log: bool = True,
) -> PartResult:
    """Run Odoo with these arguments until its tests are done.

    :param check_log: whether an unexplained WARNING of the log is a failure
    """
    result = PartResult(name)
    log = LOGS / f"test-{name}.log"
    with log.open("w", encoding="utf-8") as output:
        code = subprocess.run(
            odoo.command(
                *arguments,
                "--stop-after-init",
                "--http-port",
                str(free_port()),
                "--screenshots",
                LOGS / "screenshots",
            ),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=odoo.environment(),
            cwd=ROOT,
            check=False,
        ).returncode
    read_log(log.read_text(errors="replace"), result)
    if code and not result.failed:
        result.fail(f"Odoo ended with exit code {code}")
    if result.failed:
        result.problems.append(f"log: {log}")
    elif check_log:
        _check_log(log, result)
    result.seconds = time.monotonic() - started
    return result.close()


def read_log(text: str, result: PartResult) -> None:
    """Add the figures and the names of what failed from a log of Odoo."""
    found = SUMMARY.search(text)
    if found:
        failures, errors, total = map(int, found.groups())
        result.skipped = len(re.findall(r": skipped .* : ", text))
        result.failed = failures + errors
        result.passed = max(total - result.failed - result.skipped, 0)
    for line in text.splitlines():
        named = FAILURE.search(line)
        if named and len(result.problems) < 20:
            result.problems.append(named.group(1))


def failed_tags(text: str) -> list[str]:
    """Return the tags of the tests that failed in a log of Odoo; none where something
    failed that is no single test."""
    tags: dict[str, None] = {}
    for line in text.splitlines():
        if FAILURE.search(line):
            test = FAILED_TEST.search(line)
            if test is None:
                return []
            tags[f"/{test[1]}:{test[2]}"] = None
    return list(tags)


def _check_log(log: Path, result: PartResult) -> None:
    """Count a WARNING or worse of the log as a failure, save for the explained ones."""
    done = subprocess.run(
        [PYTHON.with_name("checklog-odoo"), "--no-echo", "--config", LOG_RULES, log],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        result.fail(f"the log has warnings or errors: {log}")
        for line in re.sub(r"\x1b\[\d*m", "", done.stdout).splitlines()[:12]:
            result.problems.append(f"  {line}")
