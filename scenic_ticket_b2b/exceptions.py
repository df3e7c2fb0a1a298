from odoo.addons.scenic_ticket_base.exceptions import ScenicError


class AgencyOrderError(ScenicError):
    """An order with tickets cannot be placed, changed or cancelled as asked."""

    code = "ORDER_INVALID"


class TicketsIssuedError(AgencyOrderError):
    """The tickets of the order exist, which fixes this."""

    code = "TICKETS_ISSUED"
