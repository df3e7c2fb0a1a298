from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields
from odoo.exceptions import UserError
from odoo.tests import new_test_user, tagged

from odoo.addons.scenic_ticket_b2b.exceptions import TicketsIssuedError
from odoo.addons.scenic_ticket_base.exceptions import (
    TicketReservedError,
    TicketUsedError,
)
from odoo.addons.scenic_ticket_base.models.scenic_booking import ScenicBooking

from .common import B2BCommon


@tagged("post_install", "-at_install")
class TestSaleOrder(B2BCommon):
    # === CONFIRM === #

    def test_confirming_issues_invoice_booking_and_tickets(self):
        order = self._make_order((self.scenic_individual, 3), (self.scenic_group, 20))
        booking = order.scenic_booking_id
        self.assertEqual(booking.state, "confirmed")
        self.assertEqual(booking.channel, "agency")
        self.assertEqual(booking.external_ref, order.name)
        self.assertEqual(booking.partner_id, self.agency)
        tickets = booking.ticket_ids
        self.assertEqual(sorted(tickets.mapped("persons")), [1, 1, 1, 20])
        self.assertEqual(set(tickets.mapped("state")), {"valid"})
        self.assertEqual(set(tickets.mapped("visit_date")), {self.visit_date})
        self.assertEqual(order.invoice_ids.state, "posted")
        self.assertEqual(order.invoice_ids.invoice_date, self.today)
        self.assertEqual(order.invoice_status, "invoiced")
        self.assertEqual(order.scenic_ticket_count, 4)
        self.assertEqual(order.scenic_usage, "unused")
        self.assertLiabilityIsOpenTickets()

    def test_a_quotation_has_no_tickets(self):
        order = self._make_order((self.scenic_individual, 1), confirm=False)
        self.assertFalse(order.scenic_booking_id)
        self.assertFalse(order.invoice_ids)
        order.action_quotation_sent()
        self.assertFalse(order.scenic_booking_id)

    def test_no_back_door_to_a_confirmed_order_without_tickets(self):
        written = self._make_order((self.scenic_individual, 1), confirm=False)
        written.state = "sale"
        self.assertEqual(len(written.scenic_booking_id.ticket_ids), 1)
        created = self._make_order(
            (self.scenic_individual, 2), confirm=False, state="sale"
        )
        self.assertEqual(len(created.scenic_booking_id.ticket_ids), 2)
        self.assertLiabilityIsOpenTickets()

    def test_a_failing_booking_leaves_nothing(self):
        order = self._make_order((self.scenic_individual, 1), confirm=False)
        with (
            patch.object(ScenicBooking, "_confirm", side_effect=UserError("no")),
            self.assertRaises(UserError),
            self.env.cr.savepoint(),
        ):
            order.action_confirm()
        self.env.invalidate_all()
        self.assertEqual(order.state, "draft")
        self.assertFalse(order.invoice_ids)
        self.assertFalse(order.scenic_booking_id)

    def test_orders_confirmed_together(self):
        orders = self._make_order((self.scenic_individual, 1), confirm=False)
        orders |= self._make_order((self.scenic_individual, 2), confirm=False)
        orders.action_confirm()
        self.assertEqual(orders.mapped("scenic_ticket_count"), [1, 2])
        self.assertEqual(len(orders.invoice_ids), 2)

    def test_customers_who_are_no_agency_need_no_contract(self):
        school = self.env["res.partner"].create({"name": "School", "is_company": True})
        order = self._make_order((self.scenic_group, 30), agency=school)
        self.assertEqual(order.scenic_booking_id.ticket_ids.persons, 30)

    def test_a_contact_of_the_agency_orders_for_the_agency(self):
        order = self._make_order(
            (self.scenic_individual, 1), agency=self.agent.partner_id
        )
        self.assertEqual(order.scenic_booking_id.partner_id, self.agency)
        self.assertEqual(order.order_line.price_unit, 90)

    def test_invoicing_policy_of_the_product_does_not_matter(self):
        self.scenic_individual.invoice_policy = "delivery"
        order = self._make_order((self.scenic_individual, 2))
        self.assertEqual(order.order_line.qty_invoiced, 2)
        self.assertLiabilityIsOpenTickets()

    def test_other_products_go_along(self):
        guide = self.env["product.product"].create(
            {"name": "Guide", "type": "service", "list_price": 300, "taxes_id": []}
        )
        order = self._make_order((self.scenic_individual, 2), (guide, 1, False))
        self.assertEqual(order.scenic_ticket_count, 2)
        self.assertEqual(order.amount_total, 480)
        self.assertLiabilityIsOpenTickets()
        plain = self._make_order((guide, 1, False))
        self.assertFalse(plain.scenic_booking_id)
        self.assertFalse(plain.invoice_ids)

    # === CHECKS === #

    def _confirm_code(self, *items, **values):
        order = self._make_order(*items, confirm=False, **values)
        with self.assertRaises(UserError) as caught, self.env.cr.savepoint():
            order.action_confirm()
        self.assertEqual(order.state, "draft")
        self.assertFalse(order.scenic_booking_id)
        self.assertFalse(order.invoice_ids)
        return caught.exception.code

    def test_refused_on_confirmation(self):
        product = self.scenic_individual
        day = timedelta(days=1)
        ungranted = self._scenic_product("Not granted", "individual", 10)
        for code, item in (
            ("VISIT_DATE_MISSING", (product, 1, False)),
            ("VISIT_DATE_PAST", (product, 1, self.today - day)),
            ("VISIT_DATE_OUTSIDE", (product, 1, self.today + 31 * day)),
            ("QUANTITY_INVALID", (product, 0)),
            ("QUANTITY_INVALID", (product, -1)),
            ("QUANTITY_INVALID", (product, 1.5)),
            ("ORDER_TOO_LARGE", (product, 201)),
            ("PRODUCT_NOT_GRANTED", (ungranted, 1)),
        ):
            with self.subTest(code=code, item=item[1:]):
                self.assertEqual(self._confirm_code(item), code)
        self.assertEqual(
            self._confirm_code((self.scenic_group, 1), agency=self.other_agency),
            "PRODUCT_NOT_GRANTED",
        )

    def test_the_whole_order_counts_for_the_limit(self):
        items = [(self.scenic_individual, 150), (self.scenic_combo, 51)]
        self.assertEqual(self._confirm_code(*items), "ORDER_TOO_LARGE")

    def test_the_edges_of_the_window(self):
        last = self.today + timedelta(days=30)
        order = self._make_order(
            (self.scenic_individual, 1, self.today), (self.scenic_combo, 1, last)
        )
        self.assertEqual(order.scenic_ticket_count, 2)

    def test_least_persons(self):
        grant = self.contract.line_ids.filtered(
            lambda line: line.product_tmpl_id == self.scenic_group.product_tmpl_id
        )
        grant.min_quantity = 10
        self.assertEqual(
            self._confirm_code((self.scenic_group, 9)), "QUANTITY_TOO_SMALL"
        )
        self._make_order((self.scenic_group, 10))

    def test_today_is_judged_at_the_site(self):
        """At 20:00 UTC it is already tomorrow in Shanghai."""
        self.contract.date_start = "2027-03-01"
        self.contract.date_end = "2027-03-31"
        with self.enter_time("2027-03-09 20:00:00"):
            self.assertEqual(
                self._confirm_code(
                    (self.scenic_individual, 1, fields.Date.to_date("2027-03-09"))
                ),
                "VISIT_DATE_PAST",
            )
            self._make_order(
                (self.scenic_individual, 1, fields.Date.to_date("2027-03-10"))
            )

    def enter_time(self, moment):
        from odoo.tests import freeze_time

        return freeze_time(moment)

    def test_foreign_currency_is_refused(self):
        foreign = self.env.ref(
            "base.EUR" if self.env.company.currency_id.name != "EUR" else "base.USD"
        )
        foreign.active = True
        self.agency.property_product_pricelist = self.env["product.pricelist"].create(
            {"name": "Foreign", "currency_id": foreign.id}
        )
        self.assertEqual(self._confirm_code((self.scenic_individual, 1)), "CURRENCY")

    def test_a_mapped_account_is_refused(self):
        position = self.env["account.fiscal.position"].create(
            {
                "name": "Mapped",
                "account_ids": [
                    Command.create(
                        {
                            "account_src_id": self.scenic_liability.id,
                            "account_dest_id": self.scenic_income.id,
                        }
                    )
                ],
            }
        )
        self.assertEqual(
            self._confirm_code(
                (self.scenic_individual, 1), fiscal_position_id=position.id
            ),
            "ACCOUNT_MAPPED",
        )

    def test_a_ticket_without_visit_date(self):
        product = self._scenic_product(
            "Three days",
            "individual",
            60,
            scenic_validity_rule_id=self.scenic_rule_sale.id,
        )
        self.contract.line_ids = [
            Command.create({"product_tmpl_id": product.product_tmpl_id.id})
        ]
        order = self._make_order((product, 2, False))
        self.assertEqual(
            set(order.scenic_booking_id.ticket_ids.mapped("date_first")), {self.today}
        )

    # === PRICE === #

    def test_price_is_that_of_the_visit_date(self):
        holiday = self.visit_date + timedelta(days=1)
        noon_in_utc = f"{fields.Date.to_string(self.visit_date)} 16:00:00"
        self.agency.property_product_pricelist.item_ids = [
            Command.create(
                self._price_rule(
                    self.scenic_individual,
                    120,
                    # The holiday from its first to its last second in Shanghai
                    date_start=noon_in_utc,
                    date_end=f"{fields.Date.to_string(holiday)} 15:59:59",
                    min_quantity=1,
                )
            )
        ]
        prices = {
            day: self._make_order(
                (self.scenic_individual, 1, day), confirm=False
            ).order_line.price_unit
            for day in (
                self.visit_date,
                holiday,
                holiday + timedelta(days=1),
            )
        }
        self.assertEqual(list(prices.values()), [90, 120, 90])

    def test_changing_the_date_of_a_quotation_prices_it_anew(self):
        holiday = self.visit_date + timedelta(days=1)
        self.agency.property_product_pricelist.item_ids = [
            Command.create(
                self._price_rule(
                    self.scenic_individual,
                    120,
                    date_start=f"{fields.Date.to_string(holiday)} 00:00:00",
                    min_quantity=1,
                )
            )
        ]
        order = self._make_order((self.scenic_individual, 1), confirm=False)
        self.assertEqual(order.order_line.price_unit, 90)
        order.order_line.scenic_visit_date = holiday
        self.assertEqual(order.order_line.price_unit, 120)
        self.assertIn(fields.Date.to_string(holiday), order.order_line.name)

    def test_group_price_by_quantity(self):
        order = self._make_order((self.scenic_individual, 9), confirm=False)
        self.assertEqual(order.order_line.price_unit, 90)
        order.order_line.product_uom_qty = 10
        self.assertEqual(order.order_line.price_unit, 80)

    def test_the_price_is_frozen(self):
        order = self._make_order((self.scenic_individual, 2))
        self.agency.property_product_pricelist.item_ids.fixed_price = 1
        order.action_update_prices()
        self.assertEqual(order.order_line.price_unit, 90)
        self.assertEqual(
            sum(order.scenic_booking_id.ticket_ids.mapped("amount_total")), 180
        )

    # === AFTER CONFIRMATION === #

    def test_ticket_lines_are_frozen(self):
        order = self._make_order((self.scenic_individual, 2))
        line = order.order_line
        for values in (
            {"product_uom_qty": 3},
            {"product_uom_qty": 1},
            {"price_unit": 1},
            {"discount": 50},
            {"product_id": self.scenic_combo.id},
            {"scenic_visit_date": self.visit_date + timedelta(days=1)},
            {"scenic_visit_date": False},
            {"tax_ids": [Command.clear()]},
        ):
            with self.subTest(values=values):
                self.assertCode("TICKETS_ISSUED", line.write, values)
                self.assertCode(
                    "TICKETS_ISSUED",
                    order.write,
                    {"order_line": [Command.update(line.id, values)]},
                )
        line.write(
            {
                "name": "Another text",
                "product_uom_qty": 2,
                "scenic_visit_date": fields.Date.to_string(self.visit_date),
            }
        )
        with self.assertRaises(UserError), self.env.cr.savepoint():
            line.unlink()

    def test_no_ticket_line_is_added_later(self):
        order = self._make_order((self.scenic_individual, 2))
        values = {
            "product_id": self.scenic_combo.id,
            "scenic_visit_date": self.visit_date,
        }
        self.assertCode(
            "TICKETS_ISSUED",
            order.write,
            {"order_line": [Command.create(values)]},
        )
        guide = self.env["product.product"].create(
            {"name": "Guide", "type": "service", "invoice_policy": "delivery"}
        )
        order.order_line = [Command.create({"product_id": guide.id})]
        extra = order.order_line.filtered(lambda line: line.product_id == guide)
        self.assertCode("TICKETS_ISSUED", extra.write, values)

    def test_a_ticket_line_added_to_a_plain_confirmed_order(self):
        guide = self.env["product.product"].create({"name": "Guide", "type": "service"})
        order = self._make_order((guide, 1, False))
        self.assertCode(
            "TICKETS_ISSUED",
            order.write,
            {
                "order_line": [
                    Command.create(
                        {
                            "product_id": self.scenic_individual.id,
                            "scenic_visit_date": self.visit_date,
                        }
                    )
                ]
            },
        )

    def test_the_order_keeps_its_customer_and_name(self):
        order = self._make_order((self.scenic_individual, 2))
        for values in (
            {"partner_id": self.other_agency.id},
            {"name": "S-OTHER"},
            {"state": "draft"},
            {"state": "cancel"},
            {"state": "sent"},
        ):
            with self.subTest(values=values):
                self.assertCode("TICKETS_ISSUED", order.write, values)
        with self.assertRaises(UserError), self.env.cr.savepoint():
            order.unlink()

    def test_the_booking_link_cannot_be_written(self):
        order = self._make_order((self.scenic_individual, 2))
        other = self._make_order((self.scenic_individual, 1), confirm=False)
        other.write({"scenic_booking_id": order.scenic_booking_id.id})
        self.env.invalidate_all()
        self.assertFalse(other.scenic_booking_id)

    def test_a_copy_is_a_fresh_quotation(self):
        order = self._make_order((self.scenic_individual, 2))
        copy = order.copy()
        self.assertFalse(copy.scenic_booking_id)
        copy.action_confirm()
        self.assertEqual(copy.scenic_ticket_count, 2)
        self.assertNotEqual(copy.scenic_booking_id, order.scenic_booking_id)

    # === CANCEL === #

    def test_cancelling_refunds_unused_tickets(self):
        order = self._make_order((self.scenic_individual, 3), (self.scenic_group, 10))
        order.action_cancel()
        tickets = order.scenic_booking_id.ticket_ids
        self.assertEqual(order.state, "cancel")
        self.assertEqual(set(tickets.mapped("state")), {"refunded"})
        self.assertFalse(tickets.credential_ids.filtered("active"))
        self.assertEqual(order.scenic_booking_id.state, "cancelled")
        invoice = order.invoice_ids.filtered(lambda m: m.move_type == "out_invoice")
        note = order.invoice_ids - invoice
        self.assertEqual(note.move_type, "out_refund")
        self.assertEqual(note.state, "posted")
        self.assertEqual(note.amount_total, invoice.amount_total)
        self.assertEqual(invoice.payment_state, "reversed")
        self.assertEqual(self._liability_balance(), 0)
        self.assertLiabilityIsOpenTickets()

    def test_who_hands_out_is_told_how_it_is_paid(self):
        order = self._make_order((self.scenic_individual, 3))
        booking = order.scenic_booking_id
        self.assertEqual(booking._payment_state(), "contract")
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=order.invoice_ids.ids
        ).create({})._create_payments()
        self.assertEqual(booking._payment_state(), "paid")

    def test_a_paid_invoice_leaves_a_credit(self):
        order = self._make_order((self.scenic_individual, 3))
        invoice = order.invoice_ids
        self.env["account.payment.register"].with_context(
            active_model="account.move", active_ids=invoice.ids
        ).create({})._create_payments()
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))
        order.action_cancel()
        note = order.invoice_ids - invoice
        self.assertIn(invoice.payment_state, ("paid", "in_payment"))
        self.assertEqual(note.amount_residual, 270)
        self.assertEqual(self._liability_balance(), 0)

    def _assert_not_cancelled(self, order, error):
        with self.assertRaises(error), self.env.cr.savepoint():
            order.action_cancel()
        self.env.invalidate_all()
        self.assertEqual(order.state, "sale")
        self.assertEqual(order.scenic_booking_id.state, "confirmed")
        self.assertEqual(len(order.invoice_ids), 1)
        self.assertNotIn("refunded", order.scenic_booking_id.ticket_ids.mapped("state"))
        self.assertLiabilityIsOpenTickets()

    def test_used_tickets_keep_the_order(self):
        order = self._make_order((self.scenic_individual, 3))
        ticket = order.scenic_booking_id.ticket_ids[1]
        ticket.sudo().entitlement_ids.entries_used = 1
        ticket.sudo().state = "used"
        self.assertEqual(order.scenic_usage, "part_used")
        self._assert_not_cancelled(order, TicketUsedError)

    def test_a_ticket_at_the_gate_keeps_the_order(self):
        order = self._make_order((self.scenic_individual, 3))
        ticket = order.scenic_booking_id.ticket_ids[1]
        ticket.sudo().entitlement_ids.entries_reserved = 1
        self._assert_not_cancelled(order, TicketReservedError)

    def test_a_cancelled_order_does_not_come_back(self):
        order = self._make_order((self.scenic_individual, 1))
        order.action_cancel()
        self.assertCode("TICKETS_ISSUED", order.action_draft)
        self.assertCode("TICKETS_ISSUED", order.write, {"state": "sale"})
        self.assertCode("TICKETS_ISSUED", order.unlink)

    def test_a_locked_order_is_not_cancelled(self):
        order = self._make_order((self.scenic_individual, 1))
        order.action_lock()
        with self.assertRaises(UserError), self.env.cr.savepoint():
            order.action_cancel()
        self.assertEqual(
            set(order.scenic_booking_id.ticket_ids.mapped("state")), {"valid"}
        )

    def test_a_quotation_is_cancelled_as_ever(self):
        order = self._make_order((self.scenic_individual, 1), confirm=False)
        order.action_cancel()
        order.action_draft()
        order.action_confirm()
        self.assertEqual(order.scenic_ticket_count, 1)

    # === INVOICE GUARDS === #

    def test_the_ticket_invoice_stays_posted(self):
        order = self._make_order((self.scenic_individual, 1))
        invoice = order.invoice_ids
        self.assertCode("TICKETS_ISSUED", invoice.button_draft)
        self.assertCode("TICKETS_ISSUED", invoice.button_cancel)

    def test_no_credit_note_beside_the_order(self):
        order = self._make_order((self.scenic_individual, 1))
        note = order.invoice_ids._reverse_moves()
        with self.assertRaises(TicketsIssuedError), self.env.cr.savepoint():
            note.action_post()
        note.unlink()
        order.action_cancel()
        invoice = order.invoice_ids.filtered(lambda m: m.move_type == "out_invoice")
        second = invoice._reverse_moves()
        with self.assertRaises(TicketsIssuedError), self.env.cr.savepoint():
            second.action_post()
        self.assertEqual(self._liability_balance(), 0)

    def test_no_second_invoice(self):
        order = self._make_order((self.scenic_individual, 1))
        with self.assertRaises(UserError), self.env.cr.savepoint():
            order._create_invoices()
        copy = order.invoice_ids.copy()
        copy.invoice_line_ids.sale_line_ids = order.order_line
        with self.assertRaises(TicketsIssuedError), self.env.cr.savepoint():
            copy.action_post()

    def test_no_down_payment_on_tickets(self):
        order = self._make_order((self.scenic_individual, 1), confirm=False)
        wizard = (
            self.env["sale.advance.payment.inv"]
            .with_context(active_model="sale.order", active_ids=order.ids)
            .create({"advance_payment_method": "percentage", "amount": 20})
        )
        with self.assertRaises(UserError), self.env.cr.savepoint():
            wizard.create_invoices()
        self.assertFalse(order.invoice_ids)

    # === ROLES === #

    def test_customer_service_confirms_and_cancels(self):
        user = new_test_user(
            self.env,
            login="service",
            groups="scenic_ticket_base.group_scenic_customer_service",
        )
        order = self._make_order((self.scenic_individual, 2), confirm=False)
        order.with_user(user).action_confirm()
        self.assertEqual(order.scenic_ticket_count, 2)
        order.with_user(user).action_cancel()
        self.assertEqual(
            set(order.scenic_booking_id.ticket_ids.mapped("state")), {"refunded"}
        )

    def test_a_seller_without_ticket_roles_confirms_and_cancels(self):
        user = new_test_user(
            self.env, login="seller", groups="sales_team.group_sale_salesman_all_leads"
        )
        order = self._make_order((self.scenic_individual, 2), confirm=False)
        order.with_user(user).action_confirm()
        action = order.with_user(user).action_view_scenic_tickets()
        tickets = self.env["scenic.ticket"].with_user(user).search(action["domain"])
        self.assertEqual(len(tickets), 2)
        order.with_user(user).action_cancel()
        self.assertEqual(order.state, "cancel")

    def test_the_order_is_found_by_its_booking(self):
        SaleOrder = self.env["sale.order"]
        order = self._make_order((self.scenic_individual, 1))
        plain = self._make_order((self.scenic_individual, 1), confirm=False)
        both = [("id", "in", (order | plain).ids)]
        booking = order.scenic_booking_id

        def found(*leaf):
            return SaleOrder.search([*both, leaf])

        self.assertEqual(found("scenic_booking_id", "!=", False), order)
        self.assertEqual(found("scenic_booking_id", "=", False), plain)
        self.assertEqual(found("scenic_booking_id", "=", booking.id), order)
        self.assertEqual(found("scenic_booking_id", "!=", booking.id), plain)
        self.assertEqual(
            found("scenic_booking_id", "in", [False, booking.id]), order | plain
        )
