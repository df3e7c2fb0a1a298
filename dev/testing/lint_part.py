"""The linters: every hook of ``.pre-commit-config.yaml`` counts as one test."""

import re
import subprocess
import time

from bootstrap.paths import LOGS, ROOT
from bootstrap.python_env import environment

from .result import PartResult

HOOK = re.compile(
    r"^(?P<name>.+?)\.{3,}(?P<note>\(.*\))?(?P<end>Passed|Failed|Skipped)$"
)


def run_lint() -> PartResult:
    result = PartResult("lint")
    started = time.monotonic()
    log = LOGS / "lint.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [
            ROOT / "dev/lint/in_env",
            "pre-commit",
            "run",
            "--all-files",
            "--color",
            "never",
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=environment(),
        cwd=ROOT,
        check=False,
    )
    log.write_text(done.stdout + done.stderr)
    for line in done.stdout.splitlines():
        hook = HOOK.match(line.strip())
        if not hook:
            continue
        if hook["end"] == "Passed":
            result.passed += 1
        elif hook["end"] == "Skipped":
            result.skipped += 1
            result.problems.append(f"skipped: {hook['name']}")
        else:
            result.fail(hook["name"])
    if done.returncode and not result.failed:
        result.fail(f"pre-commit ended with exit code {done.returncode}")
    if result.failed:
        result.problems.append(f"log: {log}")
    result.seconds = time.monotonic() - started
    return result.close()
