"""Errors with a stable code.

A caller tells them apart by ``code``; the text is for a person and may change.
"""

from odoo.exceptions import UserError


class ScenicError(UserError):
    """Something a person can put right; nothing was changed."""

    code = "SCENIC_ERROR"
    # The web client shows it as a message, not as a server fault with a traceback.
    context = {"exception_class": "odoo.exceptions.UserError"}

    def __init__(self, message, code=None):
        super().__init__(message)
        if code:
            self.code = code


class BookingError(ScenicError):
    """A booking cannot be made, confirmed or cancelled as asked."""

    code = "BOOKING_INVALID"
    # Of a date that is not possible: the next one that is.
    next_date = None


class BookingConflictError(BookingError):
    """The reference was used before with another content."""

    code = "BOOKING_CONFLICT"


class TicketStateError(ScenicError):
    """The state of the ticket does not allow this."""

    code = "TICKET_STATE"


class TicketUsedError(TicketStateError):
    """An entry of the ticket was used."""

    code = "TICKET_USED"


class TicketReservedError(TicketStateError):
    """A lane holds an entry of the ticket at this moment."""

    code = "TICKET_RESERVED"


class CredentialError(ScenicError):
    """A card, document or code cannot be used or changed as asked."""

    code = "MEDIUM_STATE"


class MembershipError(ScenicError):
    """The state of a member or staff card does not allow this."""

    code = "MEMBERSHIP_STATE"


class ComplaintError(ScenicError):
    """A complaint cannot take this step."""

    code = "COMPLAINT_STATE"


class RefundError(TicketStateError):
    """The policy of the ticket does not grant this refund."""

    code = "REFUND_REFUSED"


class OverrideError(ScenicError):
    """The exception was not agreed to, or not for this."""

    code = "OVERRIDE_INVALID"


class BlankError(BookingError):
    """Blanks cannot be lent, or an order cannot have been sold with these."""

    code = "BLANK_INVALID"


class ClosureError(ScenicError):
    """A closure cannot be made, changed or applied as asked."""

    code = "CLOSURE_INVALID"


class ReasonMissingError(ScenicError):
    """An override needs a reason."""

    code = "REASON_MISSING"


class AccountMissingError(ScenicError):
    """An account or journal is not set."""

    code = "ACCOUNT_MISSING"


class KeyFileError(ScenicError):
    """The key file cannot be used."""

    code = "KEY_FILE"


class RevenueError(ScenicError):
    """Revenue cannot be recognised or changed as asked."""

    code = "REVENUE_INVALID"


class EligibilityError(BookingError):
    """A concession is not due to the visitor."""

    code = "ELIGIBILITY_INVALID"


class VisitorError(ScenicError):
    """The record of a visitor cannot be changed as asked."""

    code = "VISITOR_INVALID"


class CapacityError(BookingError):
    """There is no place as asked.

    :ivar left: places that could be had instead on the same day or in the same slot
    :ivar next_free: the next day or slot with enough places, as
        ``scenic.capacity.pool._availability`` tells it, or None
    """

    code = "SOLD_OUT"

    def __init__(self, message, code=None, left=0, next_free=None):
        super().__init__(message, code=code)
        self.left = left
        self.next_free = next_free
