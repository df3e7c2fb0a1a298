from datetime import timedelta
from zoneinfo import ZoneInfo

from odoo import fields, models

from odoo.addons.scenic_ticket_base.exceptions import BookingError
from odoo.addons.scenic_ticket_base.tools import t1
from odoo.addons.scenic_ticket_base.tools.window import local_day

from ..exceptions import WindowError
from ..tools.document_reader import VISITOR_FIELDS, read_document

MAX_DAYS = 31


class PosConfig(models.Model):
    _inherit = "pos.config"

    scenic_site_id = fields.Many2one(
        "scenic.site",
        index="btree_not_null",
        ondelete="restrict",
        check_company=True,
        help="The site that this window stands at: its supervisors see the shifts, and "
        "its tolerance says which difference of the cash needs a remark.",
    )

    def scenic_places(self, product_id, date_from=None, days=14):
        """Tell a cashier how many places a ticket has left, day by day, slot by slot.

        It takes none and promises none: the sale decides.

        :param int product_id: ``product.product``, a ticket for a day of visit
        :param str date_from: first day, by default and at the earliest today at the
            site
        :param int days: how many days, 1 to 31; a ticket for a fixed date has one
        :return: dict of ``today`` (day at the site), ``days`` as
            ``product.template._pos_places`` tells them, each with its ``prices`` (see
            :meth:`scenic_prices`), and their ``scenic.slot`` as the window loads it
        :raise WindowRightError: the user may not sell tickets
        :raise WindowError: the product is no ticket for a day of visit
        :raise BookingError: the product cannot be sold here
        """
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()
        template_sudo = self._scenic_dated_ticket(product_id)
        site = template_sudo.scenic_site_id
        today = local_day(fields.Datetime.now(), ZoneInfo(site.tz))
        first, last = self._scenic_span(today, date_from, days)
        if template_sudo.scenic_validity_rule_id.mode == "fixed_date":
            first = last = template_sudo.scenic_validity_rule_id.date_from
        places = template_sudo._pos_places(first, last, self._scenic_channel())
        # sudo: as for the product
        product_sudo = self.env["product.product"].sudo().with_company(self.company_id)
        product_sudo = product_sudo.browse(product_id)
        prices = self._scenic_day_prices(product_sudo, [p["date"] for p in places])
        for day in places:
            day["prices"] = prices[product_sudo, day["date"]]
        # sudo: as for the product
        slots_sudo = self.env["scenic.slot"].sudo()
        slots_sudo = slots_sudo.browse(
            slot["id"] for day in places for slot in day["slots"]
        )
        return {
            "today": today,
            "days": places,
            "scenic.slot": slots_sudo._load_pos_data_read(slots_sudo, self),
        }

    def scenic_check_visitor(self, values):
        """Check a visitor as typed, or as a document reader typed it; keep nothing.

        Whether the document has a ticket already is known when the order is paid.

        :param dict values: ``name``, ``doc_kind``, ``doc_number`` (or all that a
            reader sent), ``guardian_name``
        :return: the same as the sale will take them, with ``code`` and ``message`` of
            what is wrong, or False
        :raise WindowRightError: the user may not sell tickets
        :raise WindowVisitorError: these are no values of a visitor
        """
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()
        lines = self.env["pos.order.line"]
        [visitor] = lines._scenic_parse_visitors({"scenic_visitors": [values]})
        return self._scenic_checked_visitor(visitor)

    def _scenic_checked_visitor(self, visitor):
        """Return a parsed visitor as :meth:`scenic_check_visitor` answers."""
        found = dict.fromkeys(VISITOR_FIELDS, "") | {
            name: value
            for name, value in visitor.items()
            if name in (*VISITOR_FIELDS, "height_cm")
        }
        reading = read_document(found["doc_number"])
        found["doc_number"] = reading.number
        if reading.kind:
            found["doc_kind"] = reading.kind
            # what stood there before may be the name of another visitor
            found["name"] = reading.name or found["name"]
        try:
            checked = self.env["scenic.visitor"]._check_values({**visitor, **found})
        except BookingError as error:
            return {**found, "code": error.code, "message": str(error)}
        found.update({name: checked[name] or "" for name in VISITOR_FIELDS})
        return {**found, "code": False, "message": False}

    def _scenic_channel(self):
        """Return the code of the sales channel that this point of sale belongs to."""
        self.ensure_one()
        return "window"

    def _scenic_dated_ticket(self, product_id):
        """Return the ticket that a client names, as superuser, if it is for a day.

        :raise BookingError: this user, or this company, does not sell it
        """
        # sudo: what is on sale here does not depend on what the cashier may read
        product_sudo = self.env["product.product"].sudo().with_company(self.company_id)
        if isinstance(product_id, int) and not isinstance(product_id, bool):
            product_sudo = product_sudo.browse(product_id).exists()
        template_sudo = product_sudo.product_tmpl_id
        if not template_sudo or not template_sudo._pos_is_dated():
            raise WindowError(
                self.env._(
                    "This is no ticket for a day of visit. Load the window anew and "
                    "choose the ticket again."
                )
            )
        self.env["scenic.booking"]._check_seller_sites([{"product_id": product_id}])
        template_sudo._scenic_check_sellable(self.company_id)
        return template_sudo

    def _scenic_span(self, today, date_from, days):
        """Return the first and the last day that a client asks about."""
        try:
            first = max(fields.Date.to_date(date_from) or today, today)
            last = first + timedelta(days=min(max(int(days), 1), MAX_DAYS) - 1)
            if last > t1.LAST:
                raise ValueError(last)
            return first, last
        except (OverflowError, TypeError, ValueError) as error:
            raise WindowError(
                self.env._("The days are not readable. Choose the date again.")
            ) from error
