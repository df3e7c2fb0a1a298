#!/usr/bin/env python3
"""Refuse trailing blanks, a missing newline at the end, and CR LF line ends.

check_whitespace.py FILE ...
"""

import sys
from collections.abc import Iterator
from pathlib import Path


def check_data(data: bytes) -> Iterator[str]:
    """Yield what is wrong with a text file, with its line."""
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.endswith(b"\r"):
            yield f"{number}: ends in CR LF"
        elif line != line.rstrip(b" \t"):
            yield f"{number}: blanks at the end"
        if line.startswith((b"<<<<<<< ", b">>>>>>> ")):
            yield f"{number}: a merge conflict"
    if data and not data.endswith(b"\n"):
        yield f"{number}: no newline at the end"
    elif data.endswith(b"\n\n"):
        yield f"{number - 1}: empty lines at the end"


def main(arguments: list[str]) -> int:
    findings = [
        f"{path}:{what}"
        for path in map(Path, arguments)
        for what in check_data(path.read_bytes())
    ]
    for finding in findings:
        print(finding)
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
