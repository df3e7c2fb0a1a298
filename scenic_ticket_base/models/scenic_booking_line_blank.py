"""How a sale names the blanks that a till has sold without the server."""

from odoo import api, fields, models

from ..exceptions import BlankError


class ScenicBookingLine(models.Model):
    _inherit = "scenic.booking.line"

    blank_numbers = fields.Json(
        readonly=True, help="Numbers of the leased blanks that this line has sold."
    )

    @api.model
    def _parse_line(self, line):
        """Add ``blanks``: a ticket number for each person, or none."""
        parsed = super()._parse_line(line)
        blanks = line.get("blanks") or []
        if (
            not isinstance(blanks, list | tuple)
            or not all(type(number) is int and 0 < number < 2**31 for number in blanks)
            or len(set(blanks)) != len(blanks)
        ):
            raise BlankError(
                self.env._("The numbers of the blanks are not readable."),
                code="BLANK_UNKNOWN",
            )
        if blanks and len(blanks) != parsed["quantity"]:
            raise BlankError(
                self.env._(
                    "%(count)s blanks were taken for %(quantity)s persons. Each person "
                    "needs one.",
                    count=len(blanks),
                    quantity=parsed["quantity"],
                ),
                code="BLANK_COUNT",
            )
        if blanks:
            parsed["blank_numbers"] = sorted(blanks)
        return parsed

    def _register_people(self, prepared):
        super()._register_people(prepared)
        taken = set()
        for line in self.sorted("id").filtered("blank_numbers"):
            if taken.intersection(line.blank_numbers):
                raise BlankError(
                    self.env._("A blank cannot be sold twice by one order."),
                    code="BLANK_COUNT",
                )
            taken.update(line.blank_numbers)
            line._release_leased_places(line._claim_blanks())

    def _claim_blanks(self):
        """Return the blanks that this line has sold, locked and checked.

        :raise BlankError: as ``scenic.ticket._check_blank``; BLANK_UNKNOWN
        """
        self.ensure_one()
        blanks = self.env["scenic.ticket"].search(
            [
                ("number", "in", self.blank_numbers),
                ("company_id", "=", self.company_id.id),
                ("lease_id", "!=", False),
            ]
        )
        if len(blanks) != len(self.blank_numbers):
            raise BlankError(
                self.env._(
                    "The order names blanks that were never lent. Remove its lines and "
                    "choose the tickets again."
                ),
                code="BLANK_UNKNOWN",
            )
        # lock: of two orders with the same blank the later one finds it sold
        blanks._lock()
        for blank in blanks.sorted("number"):
            blank._check_blank(self, self.booking_id.sold_at)
        return blanks

    def _release_leased_places(self, blanks):
        """Give back what the lease has held: the sale takes these places itself."""
        pools = self.env["scenic.capacity.pool"]
        for line, mine in blanks.grouped("booking_line_id").items():
            pools._release(line, persons=len(mine))

    def _issue_tickets(self, now):
        leased = self.filtered("blank_numbers")
        tickets = self.env["scenic.ticket"]
        if self - leased:
            tickets |= super(ScenicBookingLine, self - leased)._issue_tickets(now)
        for line in leased.sorted("id"):
            tickets |= line._claim_blanks()._sell_blanks(line)
        leased._freeze_refund_terms()
        return tickets
