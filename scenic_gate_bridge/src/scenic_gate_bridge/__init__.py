"""Gate bridge of Scenic Ticket: between turnstiles and readers and Odoo."""

from importlib.metadata import version

__version__ = version("scenic-gate-bridge")
