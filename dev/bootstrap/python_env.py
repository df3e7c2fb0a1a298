"""The Python environment: one venv, pinned requirements, the bridge editable."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from .console import SetupError, run_logged, step
from .paths import BRIDGE, LOCAL, LOGS, PYTHON, ROOT, VENV

REQUIREMENTS = (
    ROOT / "requirements.txt",
    ROOT / "dev/requirements-odoo.txt",
    ROOT / "dev/requirements-tools.txt",
)
STAMP = VENV / ".scenic-stamp"


def prepare_python() -> None:
    """Create or refresh the venv; does nothing while the requirements are the same."""
    inputs = [path.read_bytes() for path in (*REQUIREMENTS, BRIDGE / "pyproject.toml")]
    wanted = hashlib.sha256(b"\0".join([str(VENV).encode(), *inputs])).hexdigest()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
    LOCAL.mkdir(parents=True, exist_ok=True)
    if not PYTHON.exists():
        with step("creating the Python environment"):
            run_logged(
                [_python311(), "-m", "venv", VENV],
                LOGS / "venv.log",
                "The Python environment could not be created; "
                "as root run: apt-get install python3-venv.",
            )
    with step("installing the Python packages"):
        pip_install(*(part for file in REQUIREMENTS for part in ("-r", str(file))))
        pip_install("--no-deps", "-e", str(BRIDGE))
    STAMP.write_text(wanted)


def pip_install(*arguments: str) -> None:
    """Install into the venv; PyPI trouble becomes one sentence."""
    run_logged(
        [PYTHON, "-m", "pip", "install", "--disable-pip-version-check", *arguments],
        LOGS / "pip.log",
        "The Python packages could not be installed (is PyPI reachable?).",
    )


def _python311() -> str:
    for candidate in (sys.executable, shutil.which("python3.11"), "/usr/bin/python3"):
        if candidate and Path(candidate).exists():
            found = subprocess.run(
                [candidate, "-c", "import sys; print(sys.version_info[:2] == (3, 11))"],
                capture_output=True,
                text=True,
                check=False,
            )
            if found.stdout.strip() == "True":
                return candidate
    raise SetupError("Python 3.11 is needed; as root run: apt-get install python3")


def environment(**extra: str) -> dict[str, str]:
    """Return the environment for a child process: the venv's programs come first."""
    path = os.pathsep.join([str(VENV / "bin"), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "VIRTUAL_ENV": str(VENV), **extra}
