import base64
import io
import json

from PIL import Image

from odoo import Command
from odoo.exceptions import AccessError
from odoo.tests import new_test_user, tagged

from odoo.addons.scenic_ticket_base.exceptions import (
    BookingError,
    CredentialError,
    MembershipError,
    ReasonMissingError,
)

from ..exceptions import WindowMemberError, WindowRightError
from .common import ScenicPosCommon

OLD_CARD, NEW_CARD = "04A1B2C3", "04D4E5F6"


class MemberMixin:
    """A card for a year that costs 20 to replace, and one for ten entries."""

    @classmethod
    def _setup_members(cls):
        window = {
            "available_in_pos": True,
            "taxes_id": [Command.set(cls.tax_6.ids)],
        }
        cls.year = cls.env["scenic.validity.rule"].create(
            {
                "name": "A year",
                "mode": "period",
                "period_count": 1,
                "period_unit": "year",
            }
        )
        cls.fee = cls.env["product.product"].create(
            {"name": "New Card", "type": "service", "list_price": 20.0, **window}
        )
        member = {
            "scenic_validity_rule_id": cls.year.id,
            "scenic_real_name": "visitor",
            "scenic_id_scope": "none",
            "scenic_freeze_days": 30,
            **window,
        }
        cls.annual = cls._scenic_product(
            "Annual Card",
            "member",
            300.0,
            scenic_replacement_product_id=cls.fee.id,
            scenic_revenue_trigger="straight_line",
            **member,
        )
        cls.annual.scenic_component_ids.write({"unlimited": True, "daily_entries": 1})
        cls.count = cls._scenic_product("Ten Visits", "member", 500.0, **member)
        cls.count.scenic_component_ids.entries = 10

    def _card_of(self, seed, product=None):
        """Sell a card at the window."""
        line = self._line_vals(
            product or self.annual, 1, scenic_visitors=[self._scenic_visitor(seed)]
        )
        return self._sell(line).lines.scenic_ticket_ids.membership_id

    @classmethod
    def _photo(cls):
        picture = io.BytesIO()
        Image.new("RGB", (300, 400), "#336699").save(picture, "PNG")
        return base64.b64encode(picture.getvalue())


@tagged("post_install", "-at_install")
class TestWindowMember(MemberMixin, ScenicPosCommon):
    """B3: members are found, renewed, and get new cards at the window."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._setup_members()
        cls.supervisor = new_test_user(
            cls.env,
            "window_supervisor",
            "base.group_user,point_of_sale.group_pos_user,"
            "scenic_ticket_base.group_scenic_supervisor",
            company_id=cls.env.company.id,
            company_ids=[Command.set(cls.env.company.ids)],
        )
        cls.window = cls.config.with_user(cls.cashier)

    def setUp(self):
        super().setUp()
        self.card = self._card_of(1)
        self.card.sudo()._replace("ic_card", OLD_CARD, "First card")

    def _find(self, text, user=None):
        return self.config.with_user(user or self.cashier).scenic_find_members(text)

    def _opens(self, number):
        """Return the tickets that an IC card opens."""
        credentials = self.env["scenic.credential"]
        return credentials._find_all(number, "ic_card").filtered("active").ticket_id

    def _fee_line(self, number=NEW_CARD, **values):
        return self._line_vals(
            self.fee,
            1,
            scenic_membership_id=self.card.id,
            scenic_medium={"number": number, "reason": "lost"},
            **values,
        )

    def _assert_refused(self, error, code, line, **values):
        vals = self._order_vals([line])
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals, **values)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self._opens(OLD_CARD), self.card.ticket_ids)

    # ------------------------------------------------------------
    # Find
    # ------------------------------------------------------------

    def test_found_by_whatever_there_is(self):
        number = self._scenic_citizen(1)
        for text in (
            self.card.name,
            OLD_CARD,
            number,
            f"游客1|男|{number}",
            self.card.ticket_ids.name,
            "游客1",
        ):
            with self.subTest(text=text):
                [row] = self._find(text)
                self.assertEqual(row["id"], self.card.id)
        self.assertEqual(self._find("nobody at all"), [])
        self.assertEqual(self._find("x" * 300), [])
        self.assertEqual(self._find(None), [])

    def test_what_is_told(self):
        [row] = self._find(self.card.name)
        self.assertEqual(row["holder"], "游**")
        self.assertNotIn(self._scenic_citizen(1), json.dumps(row, default=str))
        self.assertIsNone(row["entries_left"])
        self.assertTrue(row["has_card"])
        self.assertEqual(row["fee_product_id"], self.fee.id)
        self.assertEqual(row["renew_product_id"], self.annual.id)
        count = self._card_of(2, self.count)
        self._admit(count.ticket_ids)
        [row] = self._find(count.name)
        self.assertEqual(row["entries_left"], 9)
        self.assertFalse(row["has_card"])
        self.assertFalse(row["fee_product_id"])

    def test_photo_is_asked_for_alone(self):
        self.card.with_user(self.cashier).action_set_photo(self._photo())
        [row] = self._find(self.card.name)
        self.assertIs(row["photo"], True)
        photo = self.window.scenic_member_photo(self.card.id)
        size = Image.open(io.BytesIO(base64.b64decode(photo))).size
        self.assertEqual(max(size), 128)
        loaded = self.card._load_pos_data_read(self.card, self.config)
        self.assertEqual(loaded[0].keys(), {"id", "name", "write_date"})

    # ------------------------------------------------------------
    # Renew
    # ------------------------------------------------------------

    def test_renewed_by_a_paid_line(self):
        line = self._line_vals(self.annual, 1, scenic_membership_id=self.card.id)
        order = self._sell(line)
        ticket = order.lines.scenic_ticket_ids
        self.assertEqual(ticket.membership_id, self.card)
        first, second = self.card.ticket_ids.sorted("date_first")
        self.assertEqual(second, ticket)
        self.assertEqual((second.date_first - first.date_last).days, 1)
        self.assertEqual(self._opens(OLD_CARD), first | second)
        paid = [e for e in ticket._life_line() if e["kind"] == "paid"]
        self.assertEqual(paid[0]["document"]["id"], order.id)

    def test_not_renewed_twice_or_with_another_ticket(self):
        twice = self._line_vals(self.annual, 2, scenic_membership_id=self.card.id)
        self._assert_refused(BookingError, "RENEWAL_QUANTITY", twice)
        adult = self._line_vals(self.adult, 1, scenic_membership_id=self.card.id)
        self._assert_refused(BookingError, "RENEWAL_PRODUCT", adult)

    # ------------------------------------------------------------
    # A new card
    # ------------------------------------------------------------

    def test_replaced_by_a_paid_fee(self):
        order = self._sell(self._fee_line())
        self.assertEqual(order.state, "paid")
        self.assertFalse(self._opens(OLD_CARD))
        self.assertTrue(self._find(OLD_CARD)[0]["is_replaced"])
        self.assertFalse(self._find(NEW_CARD)[0]["is_replaced"])
        self.assertEqual(self._opens(NEW_CARD), self.card.ticket_ids)
        trail = self.env["scenic.audit"].search(
            [("action", "=", "membership_replace")], limit=1
        )
        self.assertEqual((trail.user_id, trail.reason), (self.cashier, "lost"))
        self.assertEqual(trail.document_id, order.id)
        self.assertEqual(self.card.replace_count, 1)

    def test_sent_again_it_is_one_card(self):
        vals = self._order_vals([self._fee_line()])
        self._sync(vals)
        self._sync(vals)
        self.assertEqual(self.card.replace_count, 1)

    def test_the_fee_is_paid(self):
        self._assert_refused(
            WindowMemberError, "MEMBER_FEE", self._fee_line(price_unit=1)
        )
        self._assert_refused(
            WindowMemberError, "MEMBER_FEE", self._fee_line(discount=50)
        )
        self._assert_refused(
            WindowMemberError,
            "WINDOW_MEMBER",
            {**self._fee_line(), "product_id": self.souvenir.id},
        )
        self._assert_refused(
            WindowMemberError, "WINDOW_MEMBER", {**self._fee_line(), "qty": 2}
        )
        vals = self._order_vals([self._fee_line(discount=50)])
        self._sync(vals, user=self.supervisor)
        self.assertEqual(self._opens(NEW_CARD), self.card.ticket_ids)

    def test_no_card_no_fee(self):
        line = self._fee_line()
        line["scenic_medium"] = False
        self._assert_refused(WindowMemberError, "WINDOW_MEMBER", line)
        self._assert_refused(
            CredentialError, "MEDIUM_INVALID", self._fee_line(number="??")
        )

    def test_a_card_of_somebody_else(self):
        other = self._card_of(2)
        other.sudo()._replace("ic_card", NEW_CARD, "First card")
        self._assert_refused(CredentialError, "MEDIUM_TAKEN", self._fee_line())
        self.assertEqual(self._opens(NEW_CARD), other.ticket_ids)

    def test_a_number_is_sealed_until_it_is_paid(self):
        vals = self._order_vals([self._fee_line()], state="draft")
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        self.env.flush_all()
        self.cr.execute(
            "SELECT l::text FROM pos_order_line l WHERE id = %s", [order.lines.id]
        )
        self.assertNotIn(NEW_CARD, self.cr.fetchone()[0])
        self.assertTrue(order.lines.sudo().scenic_medium_sealed)
        with self.assertRaises(WindowMemberError), self.cr.savepoint():
            order.with_user(self.cashier).write({"state": "paid"})
        order.with_user(self.cashier).write({"state": "cancel"})
        self.assertFalse(order.lines.sudo().scenic_medium_sealed)

    def test_what_is_paid_stays(self):
        line = self._sell(self._fee_line()).lines.with_user(self.cashier)
        self.assertFalse(line.sudo().scenic_medium_sealed)
        for values in (
            {"scenic_membership_id": False},
            {"scenic_medium": {"number": OLD_CARD}},
        ):
            with self.assertRaises(WindowMemberError), self.cr.savepoint():
                line.write(values)

    def test_the_first_card_is_free(self):
        card = self._card_of(2)
        row = self.window.scenic_give_card(card.id, NEW_CARD)
        self.assertTrue(row["has_card"])
        self.assertEqual(self._opens(NEW_CARD), card.ticket_ids)
        self.assertEqual(card.replace_count, 0)

    def test_a_supervisor_waives_the_fee(self):
        for waived in (False, True):
            with self.assertRaises(WindowMemberError) as caught:
                self.window.scenic_give_card(self.card.id, NEW_CARD, "lost", waived)
            self.assertEqual(caught.exception.code, "MEMBER_FEE")
        window = self.config.with_user(self.supervisor)
        with self.assertRaises(WindowMemberError):
            window.scenic_give_card(self.card.id, NEW_CARD, "lost")
        with self.assertRaises(ReasonMissingError):
            window.scenic_give_card(self.card.id, NEW_CARD, " ", True)
        window.scenic_give_card(self.card.id, NEW_CARD, "our mistake", True)
        self.assertFalse(self._opens(OLD_CARD))

    def test_garbage(self):
        for number in (None, 5, "", "x" * 300):
            with self.subTest(number=number), self.assertRaises(WindowMemberError):
                self.window.scenic_give_card(self._card_of(2).id, number)
        for card_id in (None, "1", True, 2**31 - 1):
            with self.subTest(card_id=card_id), self.assertRaises(WindowMemberError):
                self.window.scenic_member_photo(card_id)
        for medium in ("x", {"number": 5}, {"number": "x" * 300}):
            line = self._fee_line()
            line["scenic_medium"] = medium
            self._assert_refused(WindowMemberError, "WINDOW_MEMBER", line)

    # ------------------------------------------------------------
    # Freeze
    # ------------------------------------------------------------

    def test_frozen_with_the_form_of_the_office(self):
        values = {"membership_id": self.card.id, "reason": "ill"}
        wizards = self.env["scenic.membership.suspend"]
        with self.assertRaises(AccessError):
            wizards.with_user(self.cashier).create(values)
        today = self.card._today()
        freeze = wizards.with_user(self.supervisor).create(
            {**values, "date_from": today}
        )
        freeze.action_apply()
        [row] = self._find(self.card.name)
        self.assertEqual((row["state"], row["is_frozen"]), ("frozen", True))
        renewal = self._line_vals(self.annual, 1, scenic_membership_id=self.card.id)
        self._assert_refused(BookingError, "MEMBERSHIP_FROZEN", renewal)
        release = wizards.with_user(self.supervisor).create(
            {**values, "action": "unfreeze"}
        )
        release.action_apply()
        self.assertEqual(self._find(self.card.name)[0]["state"], "active")

    # ------------------------------------------------------------
    # Rights
    # ------------------------------------------------------------

    def test_who_may_serve_members(self):
        shop_user = new_test_user(
            self.env,
            "shop_user",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        config = self.config.with_user(shop_user)
        for call in (
            lambda: config.scenic_find_members("MC"),
            lambda: config.scenic_member_photo(self.card.id),
            lambda: config.scenic_give_card(self.card.id, NEW_CARD, "x"),
        ):
            with self.assertRaises(WindowRightError):
                call()
        with self.assertRaises(WindowRightError), self.cr.savepoint():
            self._sync(self._order_vals([self._fee_line()]), user=shop_user)
        self.assertEqual(self._opens(OLD_CARD), self.card.ticket_ids)

    def test_another_company(self):
        stranger = self._stranger()
        with self.assertRaises(AccessError):
            self._find(self.card.name, user=stranger)

    def test_another_site(self):
        far = self.env["scenic.site"].create({"name": "Far", "code": "FARSITE"})
        self.cashier.scenic_site_ids = far
        self.assertEqual(self._find(self.card.name), [])
        with self.assertRaises(WindowMemberError):
            self.window.scenic_give_card(self.card.id, NEW_CARD, "x")
        with self.assertRaises(WindowMemberError), self.cr.savepoint():
            self._sync(self._order_vals([self._fee_line()]))


@tagged("post_install", "-at_install")
class TestWindowStaffCard(ScenicPosCommon):
    def test_issued_at_the_window(self):
        product = self._scenic_product(
            "Staff Card",
            "staff",
            0,
            sale_ok=False,
            scenic_revenue_trigger="straight_line",
            scenic_validity_rule_id=self.scenic_rule_sale.id,
        )
        manager = new_test_user(
            self.env,
            "window_manager",
            "base.group_user,point_of_sale.group_pos_user,"
            "scenic_ticket_base.group_scenic_manager",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
            tz=self.scenic_area.tz,
        )
        wizards = self.env["scenic.staff.card.issue"].with_context(scenic_window=True)
        values = {
            "product_id": product.id,
            "holder_name": "Wang Qiang",
            "employee_no": "E-17",
            "card_number": "04A1B2C3",
            "date_to": "2099-12-31",
        }
        with self.assertRaises(AccessError):
            wizards.with_user(self.cashier).create(values)
        wizard = wizards.with_user(manager).create(values)
        wizard.date_to = wizard.date_from
        answer = wizard.action_apply()
        card = self.env["scenic.staff.card"].search([("employee_no", "=", "E-17")])
        self.assertEqual(card.state, "active")
        self.assertEqual(answer["tag"], "display_notification")
        self.assertIn(card.name, answer["params"]["title"])
        with self.assertRaises(MembershipError):
            wizard.copy({"card_number": False, "employee_no": False}).action_apply()
