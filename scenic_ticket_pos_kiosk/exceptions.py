"""Refusals of the kiosk; the code is stable, the text is for the visitor."""

from odoo.addons.scenic_ticket_pos.exceptions import WindowError


class KioskError(WindowError):
    """The kiosk cannot do this; nothing was changed."""

    code = "KIOSK_ORDER"
