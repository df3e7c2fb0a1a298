"""Tests that pytest runs: the bridge, the tools, the end-to-end tests."""

import subprocess
import time
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from pathlib import Path

from bootstrap.paths import BRIDGE, LOCAL, LOGS, PYTHON
from bootstrap.python_env import environment, pip_install
from bootstrap.system_tools import PCSC, need

from .result import PartResult

#: What the bridge's extra `pcsc` asks for; it has no wheel for Linux.
PYSCARD = "pyscard==2.3.1"


def run_pcsc() -> PartResult:
    """Test the bridge's PC/SC readers with a real daemon, which not every machine can
    have: the build of pyscard and the daemon need more Debian packages."""
    need(PCSC)
    pip_install(PYSCARD)
    return run_pytest("pcsc", BRIDGE, ["-q", "-m", "pcsc", "tests/test_pcsc.py"])


def run_pytest(
    name: str,
    folder: Path,
    arguments: Sequence[str],
    *,
    skips_expected: int = 0,
) -> PartResult:
    """Run pytest in ``folder`` and read the figures from its JUnit file."""
    result = PartResult(name, skips_expected=skips_expected)
    started = time.monotonic()
    report = LOCAL / "reports" / f"{name}.xml"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.unlink(missing_ok=True)
    log = LOGS / f"test-{name}.log"
    with log.open("w", encoding="utf-8") as output:
        code = subprocess.run(
            [PYTHON, "-m", "pytest", f"--junitxml={report}"]
            + ["-o", f"cache_dir={LOCAL / 'pytest-cache' / name}", *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment(HYPOTHESIS_STORAGE_DIRECTORY=str(LOCAL / "hypothesis")),
            cwd=folder,
            check=False,
        ).returncode
    if report.exists():
        for suite in ET.parse(report).getroot().iter("testsuite"):
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            result.failed += bad
            result.skipped += skipped
            result.passed += max(int(suite.get("tests", 0)) - bad - skipped, 0)
        for case in ET.parse(report).getroot().iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                result.problems.append(f"{case.get('classname')}::{case.get('name')}")
    if code and not result.failed:
        result.fail(f"pytest ended with exit code {code}")
    if result.failed:
        result.problems.append(f"log: {log}")
    result.seconds = time.monotonic() - started
    return result.close()
