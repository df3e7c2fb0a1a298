"""Odoo 19 Community: the tree named by ODOO_HOME, else Debian's package, unpacked.

The package is fetched by apt with state, cache and source list of our own, so that
neither the machine's package sources nor its installed packages change. The mirror is
the one the machine already uses; the Debian archive keyring verifies what it sends.
"""

import os
import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .console import SetupError, run_logged, step
from .paths import LOCAL, LOGS

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
TREE = LOCAL / "odoo"
APT = LOCAL / "apt"

#: Package → suite. bookworm has no odoo-19 and no fonts-montserrat; sid's Font Awesome
#: and Inconsolata lack the file names that Odoo's links point at.
PACKAGES = {
    "odoo-19": "sid",
    "fonts-montserrat": "sid",
    "libjs-jquery": "bookworm",
    "libjs-jquery-form": "bookworm",
    "libjs-underscore": "bookworm",
    "fonts-font-awesome": "bookworm",
    "fonts-roboto-unhinted": "bookworm",
    "fonts-inconsolata": "bookworm",
    "fonts-ocr-b": "bookworm",
}

WAY_OUT = (
    "Set ODOO_HOME to an Odoo 19.0 source tree and try again, "
    "or run the suite in containers (docker/README.md)."
)


@dataclass(frozen=True)
class OdooSource:
    """A usable Odoo: what goes on PYTHONPATH and where the stock add-ons are."""

    pythonpath: Path
    addons: tuple[Path, ...]


def find_odoo() -> OdooSource:
    """Return the Odoo to use, fetching it on the first call.

    :raises SetupError: with what to do when there is no Odoo 19 to be had.
    """
    home = os.environ.get("ODOO_HOME")
    if home:
        return _from_tree(Path(home).resolve(), f"ODOO_HOME={home}")
    if not (TREE / ".complete").exists():
        _fetch()
    return _from_tree(TREE / "usr/lib/python3/dist-packages", "the unpacked package")


def _from_tree(tree: Path, name: str) -> OdooSource:
    release = tree / "odoo" / "release.py"
    if not release.exists():
        raise SetupError(f"{name} is not an Odoo source tree. {WAY_OUT}")
    version = re.search(r"version_info = \((\d+), *(\d+)", release.read_text())
    if not version or version.groups() != ("19", "0"):
        raise SetupError(f"{name} is not Odoo 19.0. {WAY_OUT}")
    addons = [tree / "odoo" / "addons"]
    if (tree / "addons" / "web").exists():
        addons.append(tree / "addons")
    return OdooSource(tree, tuple(path for path in addons if path.exists()))


def _fetch() -> None:
    for tool in ("apt-get", "dpkg"):
        if not shutil.which(tool):
            raise SetupError(f"{tool} is missing, so Odoo cannot be fetched. {WAY_OUT}")
    if not KEYRING.exists():
        raise SetupError(
            "The Debian archive keyring is missing (package debian-archive-keyring). "
            + WAY_OUT
        )
    debs = APT / "debs"
    for folder in ("state/lists/partial", "cache/archives/partial", "debs"):
        (APT / folder).mkdir(parents=True, exist_ok=True)
    (APT / "status").touch()
    (APT / "scenic.sources").write_text(
        "Types: deb\n"
        f"URIs: {_machine_mirror()}\n"
        "Suites: sid bookworm\n"
        "Components: main\n"
        f"Signed-By: {KEYRING}\n"
    )
    apt_get = [
        "apt-get",
        *("-o", f"Dir::Etc::sourcelist={APT / 'scenic.sources'}"),
        *("-o", "Dir::Etc::sourceparts=-"),
        *("-o", f"Dir::State={APT / 'state'}"),
        *("-o", f"Dir::State::status={APT / 'status'}"),
        *("-o", f"Dir::Cache={APT / 'cache'}"),
        *("-o", "APT::Sandbox::User=root"),
        *("-o", "APT::Update::Error-Mode=any"),
        *("-o", "Acquire::Retries=3"),
    ]
    with step("reading the Debian package lists"):
        run_logged(
            [*apt_get, "update"],
            LOGS / "apt-update.log",
            f"The Debian mirror could not be read. {WAY_OUT}",
        )
    with step("downloading Odoo 19 (130 MB)"):
        run_logged(
            [*apt_get, "download", *(f"{p}/{suite}" for p, suite in PACKAGES.items())],
            LOGS / "apt-download.log",
            f"The package odoo-19 could not be downloaded. {WAY_OUT}",
            cwd=debs,
        )
    with step("unpacking Odoo 19 (1.3 GB)"):
        shutil.rmtree(TREE, ignore_errors=True)
        for deb in sorted(debs.glob("*.deb")):
            run_logged(
                ["dpkg", "-x", deb, TREE],
                LOGS / "dpkg.log",
                f"{deb.name} could not be unpacked.",
            )
        dangling = list(_dangling_links(TREE))
        if dangling:
            raise SetupError(
                f"{len(dangling)} links of the unpacked Odoo lead nowhere, "
                f"the first is {dangling[0].relative_to(TREE)}. {WAY_OUT}"
            )
        (TREE / ".complete").touch()
        shutil.rmtree(APT)


def _dangling_links(tree: Path) -> Iterable[Path]:
    for folder, folders, files in os.walk(tree):
        for name in (*folders, *files):
            path = Path(folder, name)
            if path.is_symlink():
                target = os.readlink(path)
                # An absolute link means the tree, not the machine it lies on.
                goal = tree / target.lstrip("/") if target.startswith("/") else path
                if not goal.exists():
                    yield path


def _machine_mirror() -> str:
    """Return the URI of the Debian archive that the machine's own apt sources name."""
    uris: list[str] = []
    etc = Path("/etc/apt")
    for file in [
        etc / "sources.list",
        *sorted((etc / "sources.list.d").glob("*.list")),
    ]:
        if file.exists():
            uris += re.findall(
                r"^deb\s+(?:\[[^]]*\]\s*)?(\S+)\s", file.read_text(), flags=re.M
            )
    for file in sorted((etc / "sources.list.d").glob("*.sources")):
        for line in re.findall(r"^URIs:\s*(.+)$", file.read_text(), flags=re.M):
            uris += line.split()
    for uri in uris:
        if re.search(r"/debian/?$", uri):
            return uri
    raise SetupError(f"The machine's apt sources name no Debian mirror. {WAY_OUT}")
