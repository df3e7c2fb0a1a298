from odoo import Command
from odoo.tests import TransactionCase, new_test_user, tagged

from odoo.addons.scenic_ticket_base.exceptions import BookingError

from ..exceptions import WindowError, WindowRightError, WindowVisitorError
from ..tools.document_reader import read_document
from .common import ScenicPosCommon

# ICAO Doc 9303 part 4, the specimen passport
PASSPORT = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)


@tagged("post_install", "-at_install")
class TestWindowNames(ScenicPosCommon):
    """Real names: one document for each person, none of it kept in clear."""

    def setUp(self):
        super().setUp()
        # the signing key is made for the first ticket, and would go with a refusal
        self._sell((self.adult, 1))
        self.adult.scenic_real_name = "visitor"

    def _named(self, quantity, seeds, product=None):
        return self._line_vals(
            product or self.adult,
            quantity,
            scenic_visitors=[self._scenic_visitor(seed) for seed in seeds],
        )

    def _assert_refused(self, error, code, *lines):
        """The order is refused, and nobody's name remains."""
        vals = self._order_vals(list(lines))
        visitors = self.env["scenic.visitor"].search_count([])
        with self.assertRaises(error) as caught, self.cr.savepoint():
            self._sync(vals)
        self.assertEqual(caught.exception.code, code)
        self.assertEqual(self.env["scenic.visitor"].search_count([]), visitors)
        self.assertFalse(self.env["pos.order"].search([("uuid", "=", vals["uuid"])]))

    def _stored(self, line):
        """All that the database holds of an order line."""
        self.env.flush_all()
        self.cr.execute("SELECT l::text FROM pos_order_line l WHERE id = %s", [line.id])
        return self.cr.fetchone()[0]

    def test_each_ticket_has_its_person(self):
        order = self._sell(self._named(2, (1, 2)), self._named(1, (3,)))
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        holders = self.env["scenic.ticket.holder"].search(
            [("ticket_id", "in", tickets.ids)]
        )
        holders = holders.sorted(lambda holder: holder.ticket_id.number)
        self.assertEqual(holders.ticket_id, tickets)
        self.assertEqual(holders.visitor_id.mapped("name"), ["游客1", "游客2", "游客3"])
        self.assertEqual(
            order.lines.sudo().mapped("scenic_visitors_sealed"), [False] * 2
        )
        self.assertFalse(order.lines[0].read(["scenic_visitors"])[0]["scenic_visitors"])

    def test_names_missing(self):
        self._assert_refused(BookingError, "VISITORS_MISSING", self._named(2, (1,)))
        self._assert_refused(
            BookingError, "VISITORS_MISSING", self._line_vals(self.adult, 1)
        )

    def test_more_names_than_persons(self):
        self._assert_refused(BookingError, "VISITORS_TOO_MANY", self._named(1, (1, 2)))

    def test_wrong_document(self):
        number = self._scenic_citizen(1)
        wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
        line = self._named(1, (1,))
        line["scenic_visitors"][0]["doc_number"] = wrong
        self._assert_refused(BookingError, "DOC_CHECKSUM", line)

    def test_one_document_one_ticket(self):
        self._sell(self._named(1, (1,)))
        self._assert_refused(BookingError, "ID_TAKEN", self._named(2, (1, 2)))

    def test_one_person_for_the_order(self):
        self.adult.scenic_real_name = "order"
        self._assert_refused(
            BookingError, "VISITORS_MISSING", self._line_vals(self.adult, 3)
        )
        order = self._sell(self._named(3, (1,)))
        self.assertEqual(len(order.lines.scenic_ticket_ids), 3)

    def test_names_of_an_open_order_are_sealed(self):
        vals = self._order_vals([self._named(1, (1,))], state="draft")
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        line = order.lines.with_user(self.cashier)
        stored = self._stored(line)
        self.assertNotIn(self._scenic_citizen(1), stored)
        self.assertNotIn("游客1", stored)
        self.assertTrue(line.sudo().scenic_visitors_sealed)
        self.assertNotIn("scenic_visitors_sealed", line.read()[0])
        order.with_user(self.cashier).write({"state": "cancel"})
        self.assertFalse(line.sudo().scenic_visitors_sealed)

    def test_names_come_with_the_payment(self):
        """An order that was saved without names gets them when it is paid."""
        vals = self._order_vals([self._line_vals(self.adult, 1)], state="draft")
        self._sync(vals)
        order = self.env["pos.order"].search([("uuid", "=", vals["uuid"])])
        total = order.amount_total
        names = {"scenic_visitors": [self._scenic_visitor(1)]}
        self._sync(
            {
                **vals,
                "state": "paid",
                "amount_paid": total,
                "payment_ids": [self._payment(total)],
                "lines": [Command.update(order.lines.id, names)],
            }
        )
        self.assertEqual(order.state, "paid")
        holder = self.env["scenic.ticket.holder"].search(
            [("ticket_id", "=", order.lines.scenic_ticket_ids.id)]
        )
        self.assertEqual(holder.visitor_id.name, "游客1")

    def test_names_of_a_paid_line_stay(self):
        line = self._sell(self._named(1, (1,))).lines.with_user(self.cashier)
        with self.assertRaises(WindowError), self.cr.savepoint():
            line.write({"scenic_visitors": [self._scenic_visitor(2)]})

    def test_garbage(self):
        for visitors in (
            "x",
            {"name": "x"},
            ["x"],
            [{"name": 5}],
            [{"name": "x" * 201}],
            [{"doc_number": ["x"]}],
        ):
            with self.subTest(visitors=visitors):
                line = self._line_vals(self.adult, 1, scenic_visitors=visitors)
                self._assert_refused(WindowVisitorError, "WINDOW_VISITOR", line)

    # ------------------------------------------------------------
    # Checked before payment
    # ------------------------------------------------------------

    def _check(self, user=None, **values):
        config = self.config.with_user(user or self.cashier)
        return config.scenic_check_visitor(values)

    def test_check_as_typed(self):
        before = self.env["scenic.visitor"].search_count([])
        number = self._scenic_citizen(1)
        found = self._check(
            name=" 张  三 ", doc_kind="cn_id", doc_number=f"{number[:6]} {number[6:]}"
        )
        self.assertEqual(
            found,
            {
                "name": "张 三",
                "doc_kind": "cn_id",
                "doc_number": number,
                "guardian_name": "",
                "code": False,
                "message": False,
            },
        )
        self.assertEqual(self.env["scenic.visitor"].search_count([]), before)

    def test_check_says_what_is_wrong(self):
        number = self._scenic_citizen(1)
        for values, code in (
            ({"doc_kind": "cn_id", "doc_number": number}, "VISITOR_NAME"),
            ({"name": "x", "doc_kind": "cn_id", "doc_number": "123"}, "DOC_FORMAT"),
            ({"name": "x", "doc_kind": "cn_id"}, "DOC_EMPTY"),
            ({"name": "x", "doc_kind": "club", "doc_number": "1"}, "DOC_KIND"),
        ):
            with self.subTest(code=code):
                found = self._check(**values)
                self.assertEqual(found["code"], code)
                self.assertTrue(found["message"])

    def test_check_what_a_reader_sent(self):
        number = self._scenic_citizen(1)
        found = self._check(
            doc_kind="passport", doc_number=f"张三,男,汉,19900307,{number}"
        )
        self.assertEqual(
            (found["name"], found["doc_kind"], found["doc_number"]),
            ("张三", "cn_id", number),
        )
        self.assertFalse(found["message"])
        # the document of the next visitor is read over the one of the last
        found = self._check(name="李四", doc_kind="cn_id", doc_number=f"张三,{number}")
        self.assertEqual(found["name"], "张三")
        found = self._check(name="李四", doc_kind="cn_id", doc_number=number)
        self.assertEqual(found["name"], "李四")
        found = self._check(doc_kind="cn_id", doc_number="".join(PASSPORT))
        self.assertEqual(
            (found["name"], found["doc_kind"], found["doc_number"]),
            ("ERIKSSON ANNA MARIA", "passport", "L898902C3"),
        )

    def test_who_may_check(self):
        shop_user = new_test_user(
            self.env,
            "shop_user",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        with self.assertRaises(WindowRightError):
            self._check(user=shop_user, name="x")
        with self.assertRaises(WindowVisitorError):
            self.config.with_user(self.cashier).scenic_check_visitor("x")


@tagged("post_install", "-at_install")
class TestDocumentReader(TransactionCase):
    def test_what_is_recognised(self):
        for text, kind, number, name in (
            ("11010519491231002X", "cn_id", "11010519491231002X", ""),
            ("11010519491231002x\n", "cn_id", "11010519491231002X", ""),
            ("李 四|11010519491231002X", "cn_id", "11010519491231002X", "李 四"),
            ("810000199408230021", "gat_residence", "810000199408230021", ""),
            ("王五；830000199201300022", "gat_residence", "830000199201300022", "王五"),
            ("".join(PASSPORT), "passport", "".join(PASSPORT), ""),
            # proves nothing by itself: the cashier says what it is
            (" E12345678 ", None, "E12345678", ""),
            ("110105194912310021", None, "110105194912310021", ""),
            ("", None, "", ""),
        ):
            with self.subTest(text=text):
                self.assertEqual(read_document(text), (kind, number, name))
