"""Where things are. Everything the set-up creates lies under ``LOCAL``."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = ROOT / ".local"
LOGS = LOCAL / "log"
VENV = LOCAL / "venv"
PYTHON = VENV / "bin" / "python"

ADDONS = (
    "scenic_ticket_base",
    "scenic_ticket_pos",
    "scenic_ticket_gate",
    "scenic_ticket_b2b",
)
#: Add-ons that install themselves beside another one of Odoo's, and only there: not in
#: the demo park.
GLUE = ("scenic_ticket_pos_kiosk",)
BRIDGE = ROOT / "scenic_gate_bridge"
