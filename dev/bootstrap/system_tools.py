"""Programs that come from the machine: browser, PDF renderer, a Chinese font, …

Root gets them installed by apt; anybody else is told in one line what to install.
"""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from .console import SetupError, run_logged, step
from .paths import LOGS


def _program(*names: str) -> Callable[[], bool]:
    return lambda: any(shutil.which(name) for name in names)


def _has_chinese_font() -> bool:
    if not shutil.which("fc-list"):
        return False
    found = subprocess.run(
        ["fc-list", ":lang=zh-cn", "family"],
        capture_output=True,
        text=True,
        check=False,
    )
    return bool(found.stdout.strip())


#: Debian package → how to see that the machine has what it brings.
PRINTING: dict[str, Callable[[], bool]] = {
    "wkhtmltopdf": _program("wkhtmltopdf"),
    "fontconfig": _program("fc-list"),
    "fonts-noto-cjk": _has_chinese_font,
}
TESTING: dict[str, Callable[[], bool]] = {
    "chromium": _program("chromium", "google-chrome"),
    "docker-compose": _program("docker-compose"),
    "git": _program("git"),
}


#: To build pyscard, and to run a PC/SC daemon with a virtual reader.
PCSC: dict[str, Callable[[], bool]] = {
    "pcscd": _program("pcscd"),
    "vsmartcard-vpcd": Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so").exists,
    "libpcsclite-dev": Path("/usr/include/PCSC/winscard.h").exists,
    "swig": _program("swig"),
    "gcc": _program("gcc"),
    "pkg-config": _program("pkg-config"),
}


def need(packages: dict[str, Callable[[], bool]]) -> None:
    """See to it that each package's program is there.

    :raises SetupError: naming the command that installs what is missing.
    """
    missing = [name for name, present in packages.items() if not present()]
    if not missing:
        return
    command = f"apt-get install --no-install-recommends {' '.join(missing)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise SetupError(f"Missing on this machine; as root run: {command}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    with step(f"installing {', '.join(missing)} by apt"):
        run_logged(
            ["apt-get", "update"],
            LOGS / "apt-tools-update.log",
            f"apt's package lists could not be read, needed for: {command}.",
            env=environment,
        )
        run_logged(
            [*command.replace("install", "install -y", 1).split()],
            LOGS / "apt-tools.log",
            f"This failed: {command}.",
            env=environment,
        )
    still = [name for name in missing if not packages[name]()]
    if still:
        raise SetupError(f"apt installed {', '.join(still)}, but it cannot be found.")


def browser() -> Path:
    """Return Chromium's path; call :func:`need` with TESTING before."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    if not found:
        raise SetupError("Chromium is missing; as root run: apt-get install chromium")
    return Path(found)
