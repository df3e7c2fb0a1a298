"""The set-up tools are imported the way ``dev/scenic.py`` imports them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "dev"))
