#!/usr/bin/env python3
"""Refuse host names of package registries and paths of one machine.

    check_hosts.py [FILE ...]      default: every file git tracks or would track

Which registry or mirror serves a machine is that machine's own setting, and a path
below somebody's home or a scratch folder works nowhere else.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

#: Written in pieces, or this file would refuse itself.
REGISTRIES = tuple(
    ".".join(parts)
    for parts in (
        ("pypi", "org"),
        ("pypi", "io"),
        ("pythonhosted", "org"),
        ("npmjs", "org"),
        ("npmjs", "com"),
        ("yarnpkg", "com"),
        ("deb", "debian", "org"),
        ("ftp", "debian", "org"),
        ("security", "debian", "org"),
        ("snapshot", "debian", "org"),
        ("archive", "ubuntu", "com"),
        ("apt", "postgresql", "org"),
        ("nightly", "odoo", "com"),
        ("docker", "io"),
        ("hub", "docker", "com"),
        ("ghcr", "io"),
        ("quay", "io"),
        ("crates", "io"),
        ("proxy", "golang", "org"),
        ("rubygems", "org"),
        ("conda", "anaconda", "org"),
        ("unpkg", "com"),
        ("jsdelivr", "net"),
        ("cdnjs", "cloudflare", "com"),
    )
)
_NAMES = "|".join(map(re.escape, REGISTRIES))
_HOST = re.compile(rf"(?<![\w-])(?:[\w-]+\.)*(?:{_NAMES})(?![\w-])", re.IGNORECASE)
#: A folder of one machine, at the start of an absolute path.
_PATH = re.compile(
    r"(?<![\w.$})~-])/(?:work|root|tmp|var/tmp|farm|home/\w[\w.-]*|Users/\w[\w.-]*"
    r"|opt/(?:wheels|pypi))/[\w.@*{$<-]"
)
_BINARY = {".png", ".jpg", ".gif", ".ico", ".woff", ".woff2", ".ttf", ".otf", ".pdf"}


def check_text(text: str) -> Iterator[tuple[int, str]]:
    """Yield line and sentence for each finding."""
    for number, line in enumerate(text.splitlines(), start=1):
        for match in _HOST.finditer(line):
            yield number, f"names the package registry {match[0]}"
        for match in _PATH.finditer(line):
            yield number, f"names a path of one machine: {match[0]}…"


def check_file(path: Path) -> list[str]:
    """Return the findings of a text file, a line each; a binary file has none."""
    if path.suffix.lower() in _BINARY:
        return []
    data = path.read_bytes()
    if b"\0" in data[:8192]:
        return []
    text = data.decode("utf-8", errors="replace")
    return [f"{path}:{number}: {what}" for number, what in check_text(text)]


def tracked_files(root: Path = ROOT) -> list[Path]:
    """Return what git tracks, and what it would track after ``git add``."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    paths = (root / name for name in sorted(set(listed.split("\0"))) if name)
    return [path for path in paths if path.is_file() and not path.is_symlink()]


def main(arguments: list[str]) -> int:
    paths = [Path(argument) for argument in arguments] or tracked_files()
    findings = [finding for path in paths for finding in check_file(path)]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
