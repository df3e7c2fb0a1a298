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


class WindowConcessionError(WindowError):
    """A proof was not seen, or a dearer ticket was chosen without a reason.

    ``CONCESSION_PROOF`` or ``CONCESSION_REASON``
    """

    code = "CONCESSION_PROOF"


class WindowMemberError(WindowError):
    """A member card cannot be served as asked.

    ``WINDOW_MEMBER`` or ``MEMBER_FEE``
    """

    code = "WINDOW_MEMBER"


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


class WindowBlankError(WindowError):
    """What was sold without the server cannot have been sold so."""

    code = "WINDOW_BLANK"


class WindowShiftError(WindowError):
    """The shift cannot be handed over or changed as asked."""

    code = "SHIFT_INVALID"


class WindowCollectError(WindowError):
    """The tickets of an order cannot be handed out as asked."""

    code = "COLLECT_INVALID"


class WindowCheckError(WindowError):
    """A ticket cannot be looked at or changed at the window as asked."""

    code = "CHECK_INVALID"


class WindowChangeError(WindowError):
    """The day or slot of sold tickets cannot be changed as asked."""

    code = "CHANGE_INVALID"


class WindowPinError(WindowError):
    """The PIN of a supervisor was not accepted."""

    code = "PIN_INVALID"
