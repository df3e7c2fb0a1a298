"""Refusals of the window; the code is stable, the text is for the cashier."""

from odoo.addons.scenic_ticket_base.exceptions import ScenicError


class WindowError(ScenicError):
    """The order cannot be settled as it is; nothing was changed."""

    code = "WINDOW_INVALID"


class WindowRightError(WindowError):
    """The user may not sell, refund or print tickets."""

    code = "WINDOW_RIGHT"


class WindowQuantityError(WindowError):
    """The quantity of a ticket line is not a number of persons."""

    code = "WINDOW_QUANTITY"


class WindowSlotError(WindowError):
    """The time slot of a line is none that could be sold."""

    code = "WINDOW_SLOT"


class WindowVisitorError(WindowError):
    """What a client says of the visitors of a line is not readable."""

    code = "WINDOW_VISITOR"


class WindowAmountError(WindowError):
    """What was paid is not what the tickets cost."""

    code = "WINDOW_AMOUNT"


class WindowPriceError(WindowError):
    """A ticket costs something else than the order says."""

    code = "WINDOW_PRICE"


class WindowRefundError(WindowError):
    """The tickets of the line cannot be refunded as asked."""

    code = "WINDOW_REFUND"


class WindowTenderError(WindowRefundError):
    """The money would go back another way than it came."""

    code = "WINDOW_TENDER"


class WindowShiftError(WindowError):
    """The shift cannot be handed over or changed as asked."""

    code = "SHIFT_INVALID"
