"""`python -m scenic_gate_bridge` is the console script."""

from .cli import app

app()
