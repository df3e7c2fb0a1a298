"""Rules that need no Odoo: codes, splits and the key file."""
