"""Sets a bare Debian machine up for Scenic Ticket, all of it under ``.local/``."""
