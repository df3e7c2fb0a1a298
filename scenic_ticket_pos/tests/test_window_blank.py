from datetime import timedelta

from freezegun import freeze_time

from odoo import Command, fields
from odoo.exceptions import AccessError, ValidationError
from odoo.tests import new_test_user, tagged

from odoo.addons.scenic_ticket_base.exceptions import BlankError

from ..exceptions import (
    WindowAmountError,
    WindowBlankError,
    WindowError,
    WindowRightError,
)
from .common import ScenicPosCommon

DEVICE = "browser-1"


@tagged("post_install", "-at_install")
class TestWindowBlank(ScenicPosCommon):
    """What the window sells without the server, out of blanks that it was lent."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.adult.product_tmpl_id.list_price = 60
        cls.config.write(
            {
                "scenic_blank_size": 4,
                "scenic_blank_product_ids": [
                    Command.set((cls.adult + cls.combo).product_tmpl_id.ids)
                ],
            }
        )

    def _ask(self, known=(), spoiled=(), device=DEVICE, user=None, config=None):
        session = (config or self.config).current_session_id
        return session.with_user(user or self.cashier).scenic_sync_blanks(
            device, list(known), list(spoiled)
        )

    def _lent(self, product=None, **kwargs):
        """Return the blanks of a product that the window is told."""
        rows = self._ask(**kwargs)["blanks"]
        product = product or self.adult
        return [row for row in rows if row["product_id"] == product.id]

    def _ticket(self, row):
        return self.env["scenic.ticket"].browse(row["id"])

    def _blank_line(self, rows, prints=1, **values):
        return self._line_vals(
            self.env["product.product"].browse(rows[0]["product_id"]),
            values.pop("qty", len(rows)),
            scenic_visit_date=fields.Date.to_string(rows[0]["visit_date"]),
            scenic_blanks=[{"number": row["number"], "prints": prints} for row in rows],
            **values,
        )

    def _assert_refused(self, error, code, vals):
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals)
        self.assertEqual(caught.exception.code, code)
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))

    # Lease

    def test_lease(self):
        answer = self._ask()
        self.assertEqual(len(answer["blanks"]), 8)
        self.assertEqual([quota["size"] for quota in answer["quotas"]], [4, 4])
        row = answer["blanks"][0]
        ticket = self._ticket(row)
        self.assertEqual(row["name"], ticket.name)
        self.assertEqual(row["pos_qr_token"], ticket._qr_token())
        self.assertEqual(row["pos_barcode_number"], ticket._barcode_number())
        lease = ticket.lease_id
        self.assertEqual(
            (lease.config_id, lease.till, lease.user_id, lease.device),
            (self.config, "South Gate", self.cashier, DEVICE),
        )
        # whoever opens the order list does not get the codes of what is not sold
        ticket = ticket.with_user(self.cashier)
        self.assertFalse(ticket.pos_qr_token)

    def test_lease_again(self):
        """A lost answer is told again; nothing is lent twice."""
        first = self._ask()
        again = self._ask()
        self.assertEqual(again["blanks"], first["blanks"])
        known = [row["id"] for row in first["blanks"]]
        self.assertEqual(self._ask(known)["blanks"], [])

    def test_size_bounds_all_browsers(self):
        self._ask()
        self.assertEqual(self._ask(device="browser-2")["blanks"], [])
        self.env["scenic.blank.lease"].search([])._write_off("the browser was wiped")
        self.assertEqual(len(self._ask(device="browser-2")["blanks"]), 8)
        gone = self._ask([row["id"] for row in self._ask()["blanks"]])
        self.assertEqual(gone["blanks"], [])

    def test_top_up(self):
        """What was told as sold is lent anew; what was not told is out."""
        rows = self._lent()
        self._sell(self._blank_line(rows[:3]))
        known = [row["id"] for row in rows]
        answer = self._ask(known)
        self.assertEqual(answer["gone"], [row["id"] for row in rows[:3]])
        fresh = [r for r in answer["blanks"] if r["product_id"] == self.adult.id]
        self.assertEqual(len(fresh), 3)

    def test_lease_of_what_is_free(self):
        self.env["scenic.capacity.pool"].create(
            {"name": "Day", "site_id": self.scenic_area.id, "capacity": 6}
        )
        answer = self._ask()
        adult, combo = answer["quotas"]
        self.assertEqual(len(answer["blanks"]), 6)
        self.assertFalse(adult["why"])
        self.assertFalse(combo["why"])
        self.assertIn("sold out", self._ask()["quotas"][1]["why"])

    def test_spoiled(self):
        rows = self._lent()
        known = [row["id"] for row in rows]
        answer = self._ask(known, [known[0]])
        self.assertIn(known[0], answer["gone"])
        ticket = self._ticket(rows[0])
        self.assertEqual((ticket.state, ticket.blank_state), ("void", "spoiled"))
        self.assertEqual(ticket.lease_id.spoiled_count, 1)
        self.assertEqual(
            len([r for r in answer["blanks"] if r["product_id"] == self.adult.id]), 1
        )

    def test_return(self):
        rows = self._lent()
        self._sell(self._blank_line(rows[:1]))
        session = self.config.current_session_id.with_user(self.cashier)
        session.scenic_return_blanks(DEVICE, [rows[1]["id"]])
        states = [self._ticket(row).blank_state for row in rows]
        self.assertEqual(states, ["sold", "spoiled", "returned", "returned"])
        leases = self.env["scenic.blank.lease"].search([])
        self.assertEqual(set(leases.mapped("state")), {"returned"})
        self._close_session()
        self._assert_books_agree()

    def test_next_day(self):
        rows = self._ask()["blanks"]
        lease = self._ticket(rows[0]).lease_id
        with freeze_time(lease.date_end + timedelta(hours=1)):
            answer = self._ask([row["id"] for row in rows])
            self.assertEqual(len(answer["gone"]), 8)
            self.assertEqual(lease.state, "over")
            self.assertEqual(
                {row["visit_date"] for row in answer["blanks"]},
                {lease.day + timedelta(days=1)},
            )

    # Sale

    def test_sale(self):
        """The blanks become the tickets of the order, printed as the window says."""
        rows = self._lent()[:2]
        order = self._sell(self._blank_line(rows, prints=2), (self.souvenir, 1))
        tickets = order.lines[0].scenic_ticket_ids.sorted("number")
        self.assertEqual(tickets.ids, [row["id"] for row in rows])
        self.assertEqual(tickets.mapped("print_count"), [2, 2])
        self.assertEqual(tickets.mapped("amount_total"), [60, 60])
        self.assertEqual(order.scenic_booking_id, tickets.booking_id)
        kinds = self.env["scenic.print"].search([("ticket_id", "=", tickets[0].id)])
        self.assertEqual(sorted(kinds.mapped("kind")), ["first", "reprint"])
        loaded = self.env["pos.order"].with_user(self.cashier).browse(order.id)
        data = loaded.read_pos_data({}, self.config)["scenic.ticket"]
        self.assertEqual(
            [ticket["pos_qr_token"] for ticket in data],
            [row["pos_qr_token"] for row in rows],
        )

    def test_sale_again(self):
        """Odoo's retry, and a blank that another order names."""
        rows = self._lent()
        vals = self._order_vals([self._blank_line(rows[:2])])
        first = self._sync(vals)
        again = self._sync(vals)
        self.assertEqual(
            [t["id"] for t in first["scenic.ticket"]],
            [t["id"] for t in again["scenic.ticket"]],
        )
        self._assert_refused(
            BlankError, "BLANK_SOLD", self._order_vals([self._blank_line(rows[1:3])])
        )
        self.assertEqual(self._ticket(rows[2]).blank_state, "left")

    def test_sale_of_another_till(self):
        rows = self._lent()
        other = self.config.copy({"name": "North Gate"})
        cash = self.cash_method.copy(
            {"journal_id": self.company_data["default_journal_cash"].copy().id}
        )
        other.payment_method_ids = cash
        # of this test only: the class keeps its own
        self.config, self.cash_method = other, cash
        self._open_session()
        vals = self._order_vals([self._blank_line(rows[:1])])
        self._assert_refused(WindowBlankError, "BLANK_STRANGE", vals)

    def test_sale_is_checked_as_any_other(self):
        rows = self._lent()
        vals = self._order_vals([self._blank_line(rows[:2])])
        vals["amount_total"] -= 10
        self._assert_refused(WindowAmountError, "WINDOW_AMOUNT", vals)
        line = self._blank_line(rows[:2], qty=3)
        self._assert_refused(WindowBlankError, "WINDOW_BLANK", self._order_vals([line]))
        lines = [self._blank_line(rows[:1]), self._line_vals(self.combo, 1)]
        # nobody gets in without a place by hanging on to somebody else's blank
        self._assert_refused(WindowBlankError, "WINDOW_BLANK", self._order_vals(lines))
        twice = [self._blank_line(rows[:1]), self._blank_line(rows[:1])]
        self._assert_refused(BlankError, "BLANK_COUNT", self._order_vals(twice))
        for blanks in ("x", [1], [{"number": "1", "prints": 1}], [{"number": 1}]):
            line = {**self._blank_line(rows[:1]), "scenic_blanks": blanks}
            self._assert_refused(
                WindowBlankError, "WINDOW_BLANK", self._order_vals([line])
            )

    def test_other_price(self):
        """Sold at the price of the morning: it is told, and looked at."""
        rows = self._lent()
        line = self._blank_line(rows[:1], price_unit=55, price_type="original")
        order = self._sell(line)
        self.assertEqual(order.lines.scenic_ticket_ids.amount_total, 55)
        audit = self.env["scenic.audit"].search(
            [("action", "=", "price_override"), ("res_id", "=", order.id)]
        )
        self.assertEqual(audit.res_model, "pos.order")

    def test_sale_when_the_lease_is_over(self):
        rows = self._lent()
        lease = self._ticket(rows[0]).lease_id
        in_time = lease.date_end - timedelta(minutes=30)
        late = lease.date_end + timedelta(minutes=30)
        with freeze_time(lease.date_end + timedelta(hours=8)):
            vals = self._order_vals(
                [self._blank_line(rows[:1])],
                date_order=fields.Datetime.to_string(late),
            )
            with self.assertRaises(WindowError), self.cr.savepoint():
                self._sync(vals)
            self._sell(
                self._blank_line(rows[:1]),
                date_order=fields.Datetime.to_string(in_time),
            )
        self.assertEqual(self._ticket(rows[0]).blank_state, "sold")

    def test_blanks_of_a_paid_order_stay(self):
        rows = self._lent()
        order = self._sell(self._blank_line(rows[:1]))
        line = order.lines.with_user(self.cashier)
        with self.assertRaises(WindowError), self.cr.savepoint():
            line.scenic_blanks = [{"number": rows[1]["number"], "prints": 1}]
        line.scenic_blanks = line.scenic_blanks  # sent again as it is

    def test_shift(self):
        rows = self._lent()
        self._sell(self._blank_line(rows[:2]))
        known = [row["id"] for row in rows]
        self._ask(known, [known[2]])
        shift = self.env["scenic.shift"].search([], limit=1)
        self.assertEqual(
            shift.sudo()._figures()["blanks"], {"sold": 2, "spoiled": 1, "left": 8}
        )
        titles = [section["key"] for section in shift._sections()]
        self.assertIn("blanks", titles)

    # Rights and settings

    def test_rights(self):
        stranger = new_test_user(
            self.env,
            "blank_pos_user",
            "base.group_user,point_of_sale.group_pos_user",
        )
        with self.assertRaises(WindowRightError):
            self._ask(user=stranger)
        employee = new_test_user(self.env, "blank_employee", "base.group_user")
        with self.assertRaises(AccessError):
            self._ask(user=employee)
        for known, spoiled, device in (
            ("x", (), DEVICE),
            ([True], (), DEVICE),
            ([], ["1"], DEVICE),
            ([], (), ""),
            ([], (), "x" * 65),
        ):
            with self.assertRaises(WindowBlankError):
                session = self.config.current_session_id.with_user(self.cashier)
                session.scenic_sync_blanks(device, known, spoiled)

    def test_spoils_only_its_own(self):
        rows = self._lent()
        self._ask(spoiled=[rows[0]["id"]], device="browser-2")
        self.assertEqual(self._ticket(rows[0]).blank_state, "left")

    def test_settings(self):
        with self.assertRaises(ValidationError):
            self.config.scenic_blank_product_ids = self.group.product_tmpl_id
        self.config.scenic_blank_size = 0
        self.assertEqual(self._ask(), {"blanks": [], "gone": [], "quotas": []})
