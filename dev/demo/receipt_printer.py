"""The receipt printer of the add-on's tests, beside a window of the demo park."""

import sys

from bootstrap.paths import ROOT

sys.path.append(str(ROOT / "scenic_ticket_pos" / "tests"))
from epos_printer import EposPrinter, read_codes  # noqa: E402

__all__ = ["EposPrinter", "read_codes"]
