"""Runs the bridge with a wall clock that can be stepped while it runs.

    python -m scenic_gate_bridge.simulator.clock OFFSET_FILE run -c bridge.toml

The file holds seconds to add, and is looked at whenever the bridge asks for the time.
The monotonic clock is left alone, as the kernel leaves it when somebody sets the date.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta, tzinfo
from pathlib import Path

from .. import model


def stepped(offset_file: Path) -> type[datetime]:
    """A `datetime` whose now() is off by what stands in the file."""

    class Stepped(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Stepped:
            try:
                seconds = float(offset_file.read_text())
            except (OSError, ValueError):
                seconds = 0.0
            return super().now(tz) + timedelta(seconds=seconds)

    return Stepped


def main() -> None:
    """Take the file's name off the command line and go on as the bridge."""
    model.datetime = stepped(Path(sys.argv.pop(1)))  # type: ignore[attr-defined]
    from ..cli import app

    app()


if __name__ == "__main__":
    main()
