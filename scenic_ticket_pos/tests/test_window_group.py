import base64
import io
import zipfile
from datetime import timedelta

import openpyxl

from odoo import Command
from odoo.tests import TransactionCase, new_test_user, tagged
from odoo.tools import mute_logger

from odoo.addons.scenic_ticket_base.exceptions import BookingError

from ..exceptions import WindowError, WindowRightError, WindowVisitorError
from ..tools import roster
from .test_window_visit import VisitCommon

VALID = "11010519491231002X"
OTHER = "110105199003070105"


def workbook(rows):
    """The bytes of an xlsx file with these rows of cells."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    data = io.BytesIO()
    book.save(data)
    return data.getvalue()


@tagged("post_install", "-at_install")
class TestRoster(TransactionCase):
    """What is read from a list of names; whether it is right, the core says."""

    def _read(self, text):
        return [tuple(row)[:4] for row in roster.read_text(text)]

    def test_lines_that_are_pasted(self):
        for text, expected in (
            (f"张三\t{VALID}", ("张三", "cn_id", VALID, "")),
            (f"张三 {VALID}", ("张三", "cn_id", VALID, "")),
            (f"{VALID.lower()}，张三", ("张三", "cn_id", VALID, "")),
            (
                f"1\t张三\t男\t{VALID}\t13800138000",
                ("张三", "cn_id", VALID, "13800138000"),
            ),
            ("李四,港澳通行证,H12345678", ("李四", "hk_macau_permit", "H12345678", "")),
            ("李四\t12345678", ("李四", "taiwan_permit", "12345678", "")),
            ("李四\t护照\t12345678", ("李四", "passport", "12345678", "")),
            (
                "Anna Maria Eriksson L898902C3",
                ("Anna Maria Eriksson", "passport", "L898902C3", ""),
            ),
            ("王五", ("王五", "cn_id", "", "")),
            # mistyped: a citizen number of 17 characters is no passport
            ("王五\t1101051949123100X", ("王五", "cn_id", "1101051949123100X", "")),
        ):
            with self.subTest(text=text):
                self.assertEqual(self._read(text), [expected])

    def test_headings_and_empty_lines(self):
        text = f"序号\t姓名\t证件号码\n\n1\t张三\t{VALID}\n \t\n"
        self.assertEqual(self._read(text), [("张三", "cn_id", VALID, "")])

    def test_a_spreadsheet(self):
        data = workbook(
            [
                ["No.", "Name", "Document", "Phone"],
                [1, "张三", VALID, 13800138000],
                [2, "李四", 110105199003070105, None],
                [None, None, None, None],
                [3, "王五", "E12345678", None],
            ]
        )
        rows = roster.read_workbook(data)
        self.assertEqual([row.name for row in rows], ["张三", "李四", "王五"])
        self.assertEqual(rows[0].phone, "13800138000")
        # fifteen digits are kept by a spreadsheet, not eighteen
        self.assertEqual([row.rounded for row in rows], [False, True, False])
        self.assertEqual(rows[2].doc_kind, "passport")

    def test_no_list(self):
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("xl/workbook.xml", b"\0" * (roster.MAX_UNPACKED + 1))
        broken = workbook([["张三", VALID]])[:-40]
        for code, read, source in (
            ("ROSTER_EMPTY", roster.read_text, "\n姓名\t证件\n"),
            ("ROSTER_LONG", roster.read_text, "张三\n" * 1001),
            ("ROSTER_LONG", roster.read_text, "x" * (roster.MAX_BYTES + 1)),
            ("ROSTER_LONG", roster.read_workbook, packed.getvalue()),
            ("ROSTER_LONG", roster.read_workbook, b"x" * (roster.MAX_BYTES + 1)),
            ("ROSTER_FILE", roster.read_workbook, b"%PDF-1.4"),
            ("ROSTER_FILE", roster.read_workbook, broken),
            ("ROSTER_FILE", roster.read_workbook, b""),
            ("ROSTER_EMPTY", roster.read_workbook, workbook([["姓名", "证件"]])),
        ):
            with (
                self.subTest(code=code),
                self.assertRaises(roster.RosterError) as caught,
            ):
                read(source)
            self.assertEqual(caught.exception.code, code)


class GroupCommon(VisitCommon):
    def setUp(self):
        super().setUp()
        # the signing key is made for the first ticket, and would go with a refusal
        self._sell((self.adult, 1))
        self.group.write({"scenic_real_name": "visitor", "scenic_guide_per": 10})

    def _people(self, *seeds):
        return [self._scenic_visitor(seed) for seed in seeds]

    def _guide(self, seed, **values):
        return self._scenic_visitor(
            seed, name="王导", phone="13800138000", role="guide", **values
        )

    def _group(self, quantity, visitors, **values):
        return self._visit(
            product=self.group, quantity=quantity, scenic_visitors=visitors, **values
        )

    def _holders(self, order):
        return self.env["scenic.ticket.holder"].search(
            [("ticket_id", "in", order.lines.scenic_ticket_ids.ids)], order="id"
        )


@tagged("post_install", "-at_install")
class TestWindowGroup(GroupCommon):
    """B2: a group with its guide, free places and roster."""

    def test_one_ticket_for_the_group(self):
        order = self._sell(self._group(12, [*self._people(1, 2), self._guide(3)]))
        ticket = order.lines.scenic_ticket_ids
        self.assertEqual((len(ticket), ticket.persons), (1, 13))
        self.assertEqual(order.amount_total, 600)
        self.assertEqual(
            self._holders(order).visitor_id.mapped("name"), ["王导", "游客1", "游客2"]
        )
        guide = ticket.visitor_id
        self.assertEqual(guide.name, "王导")
        self.assertTrue(guide.phone_masked.endswith("8000"), guide.phone_masked)
        documents = ticket.credential_ids.filtered(lambda c: c.kind == "id_document")
        self.assertEqual(len(documents), 3)

    def test_a_ticket_for_each_person(self):
        self.group.scenic_group_codes = "each"
        order = self._sell(
            self._group(10, [self._guide(11), *self._people(*range(1, 11))])
        )
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        self.assertEqual(len(tickets), 11)
        self.assertEqual(tickets[-1].visitor_id.name, "王导")
        self.assertEqual(tickets[-1].amount_total, 0)
        self.assertEqual(tickets[0].visitor_id.name, "游客1")

    def test_a_roster_may_be_completed_later(self):
        order = self._sell(self._group(12, []))
        self.assertFalse(self._holders(order))

    def test_more_names_than_places(self):
        with self.assertRaises(BookingError) as caught, self.cr.savepoint():
            self._sell(self._group(2, [*self._people(1, 2), self._guide(3)]))
        self.assertEqual(caught.exception.code, "VISITORS_TOO_MANY")

    def test_a_guide_without_document(self):
        self.group.scenic_real_name = "none"
        guide = {"name": "王导", "phone": "13800138000", "role": "guide"}
        order = self._sell(self._group(10, [{**guide, "doc_kind": "cn_id"}]))
        self.assertEqual(self._holders(order).visitor_id.name, "王导")

    def test_places_of_free_persons(self):
        pool = self._pool(12)
        with (
            self.assertRaises(BookingError) as caught,
            mute_logger("odoo.sql_db"),
            self.cr.savepoint(),
        ):
            self._sell(self._group(12, []))
        self.assertEqual(caught.exception.code, "SOLD_OUT")
        pool.capacity = 13
        self._sell(self._group(12, []))
        self.assertEqual(self._day(self.visit_date, self.group)["free"], 0)

    def test_one_document_one_ticket(self):
        self._sell(self._group(2, self._people(1)))
        with self.assertRaises(BookingError) as caught, self.cr.savepoint():
            self._sell(self._group(2, self._people(2, 1)))
        self.assertEqual(caught.exception.code, "ID_TAKEN")

    def test_two_hundred_names(self):
        order = self._sell(self._group(200, self._people(*range(1, 201))))
        self.assertEqual(len(self._holders(order)), 200)
        self.assertEqual(order.lines.scenic_ticket_ids.persons, 220)

    # ------------------------------------------------------------
    # Refund
    # ------------------------------------------------------------

    def test_refund_of_a_group_takes_the_free_places_back(self):
        order = self._sell(self._group(12, []))
        ticket = order.lines.scenic_ticket_ids
        refund = self._refund({order.lines: 12})
        self.assertEqual(refund.amount_total, -600)
        self.assertEqual(ticket.state, "refunded")

    def test_refund_of_tickets_takes_the_free_ones_last(self):
        self.group.scenic_group_codes = "each"
        order = self._sell(self._group(10, []))
        tickets = order.lines.scenic_ticket_ids.sorted("number")
        refund = self._refund({order.lines: 1})
        self.assertEqual(refund.amount_total, -50)
        self.assertEqual(tickets[9:].mapped("state"), ["refunded", "valid"])
        self._refund({order.lines: 9})
        self.assertEqual(set(tickets.mapped("state")), {"refunded"})


@tagged("post_install", "-at_install")
class TestWindowRoster(GroupCommon):
    """The roster of a group before it is sold."""

    def _visit_of(self, product=None, day=None):
        return [(product or self.group).id, str(day or self.visit_date), False]

    def _config(self, user=None):
        return self.config.with_user(user or self.cashier)

    def _check(self, *rows, **values):
        return self._config().scenic_check_roster(self._visit_of(**values), list(rows))

    def _codes(self, *rows, **values):
        return [row["code"] for row in self._check(*rows, **values)]

    def test_rows_that_are_wrong(self):
        number = self._scenic_citizen(1)
        wrong = number[:-1] + ("1" if number[-1] != "1" else "2")
        visitors = self.env["scenic.visitor"].search_count([])
        checked = self._check(
            *self._people(1),
            self._scenic_visitor(2, doc_number=wrong),
            self._scenic_visitor(3, name=" "),
            self._scenic_visitor(4, phone="12"),
            self._scenic_visitor(5, doc_number=""),
        )
        self.assertEqual(
            [row["code"] for row in checked],
            [False, "DOC_CHECKSUM", "VISITOR_NAME", "PHONE_FORMAT", "DOC_EMPTY"],
        )
        self.assertTrue(all(row["message"] for row in checked[1:]))
        self.assertEqual(checked[0]["doc_number"], number)
        self.assertEqual(self.env["scenic.visitor"].search_count([]), visitors)

    def test_a_document_twice(self):
        permit = {"name": "陈六", "doc_kind": "hk_macau_permit"}
        checked = self._check(
            *self._people(1, 2, 1),
            {**permit, "doc_number": "H1234567801"},
            {**permit, "doc_number": "H1234567802"},
        )
        self.assertEqual(
            [row["code"] for row in checked],
            [False, False, "ROSTER_TWICE", False, "ROSTER_TWICE"],
        )
        self.assertIn("line 1", checked[2]["message"])

    def test_a_document_of_the_guide(self):
        """The guide stands above the list and is not counted in it."""
        checked = self._check(self._guide(1), *self._people(2, 1, 2))
        self.assertEqual(
            [row["code"] for row in checked],
            [False, False, "ROSTER_TWICE", "ROSTER_TWICE"],
        )
        self.assertIn("guide", checked[2]["message"])
        self.assertIn("line 1", checked[3]["message"])

    def test_a_document_with_a_ticket_of_another_agency(self):
        """Whoever sold it: the row says so, and not who it was."""
        agency = self.env["res.partner"].create({"name": "Sunny Travel"})
        line = {**self._scenic_line(self.group, 2), "visitors": self._people(2)}
        booking = self.env["scenic.booking"]._hold("agency", "A1", [line], agency)
        checked = self._check(*self._people(1, 2))
        self.assertEqual([row["code"] for row in checked], [False, "ID_TAKEN"])
        self.assertNotIn("Sunny", checked[1]["message"])
        # on another day it is free, and so it is when the hold is over
        later = self.visit_date + timedelta(days=1)
        self.assertEqual(self._codes(*self._people(2), day=later), [False])
        booking.sudo().held_until = "2020-01-01"
        self.assertEqual(self._codes(*self._people(2)), [False])
        self.assertEqual(booking.state, "held")

    def test_somebody_who_is_kept_out(self):
        visitor = self.env["scenic.visitor"]._find_or_create(
            self._scenic_visitor(2), self.env.company
        )
        self.env["scenic.blacklist"]._block(visitor, "Vandalism")
        self.assertEqual(self._codes(*self._people(1, 2)), [False, "VISITOR_BLOCKED"])

    def test_without_real_names_a_name_is_enough(self):
        self.group.scenic_real_name = "none"
        row = {"name": "王五", "doc_kind": "cn_id", "doc_number": ""}
        self.assertEqual(self._codes(row), [False])
        self.assertEqual(self._codes({**row, "name": ""}), ["VISITOR_NAME"])

    def test_two_hundred_rows_cost_no_more_queries_than_two(self):
        people = self._people(*range(1, 201))
        self._check(*people)
        few, many = (
            self._scenic_queries(lambda rows=rows: self._check(*rows))
            for rows in (people[:2], people)
        )
        self.assertLessEqual(many, few)

    def test_read_what_is_pasted(self):
        number = self._scenic_citizen(1)
        text = f"姓名\t身份证号\n张三\t{number}\n李四\t123\n王五\t{number}"
        rows = self._config().scenic_read_roster({"text": text}, self._visit_of())
        self.assertEqual(
            [(row["name"], row["code"]) for row in rows],
            [("张三", False), ("李四", "DOC_FORMAT"), ("王五", "ROSTER_TWICE")],
        )

    def test_read_a_spreadsheet(self):
        number = self._scenic_citizen(1)
        data = workbook([["张三", number], ["李四", int(OTHER)]])
        source = {"file": base64.b64encode(data).decode()}
        rows = self._config().scenic_read_roster(source, self._visit_of())
        self.assertEqual(
            [(row["name"], row["code"]) for row in rows],
            [("张三", False), ("李四", "ROSTER_ROUNDED")],
        )

    def test_no_roster(self):
        for source, code in (
            ({"text": ""}, "ROSTER_EMPTY"),
            ({"file": "????"}, "ROSTER_FILE"),
            ({"file": base64.b64encode(b"hello").decode()}, "ROSTER_FILE"),
            ({"text": "张三\n" * 1001}, "ROSTER_LONG"),
            ("x", "ROSTER_FILE"),
            ({}, "ROSTER_FILE"),
        ):
            with (
                self.subTest(source=str(source)[:20]),
                self.assertRaises(WindowVisitorError) as caught,
            ):
                self._config().scenic_read_roster(source, self._visit_of())
            self.assertEqual(caught.exception.code, code)

    def test_garbage(self):
        for visit, rows in (
            (self._visit_of(), "x"),
            (self._visit_of(), ["x"]),
            (self._visit_of(), [{"name": 5}]),
            (self._visit_of(), [{"name": "x"}] * 1001),
            ("x", []),
            ([self.souvenir.id, False, False], []),
            ([self.group.id, "someday", False], []),
        ):
            with self.subTest(visit=visit), self.assertRaises(WindowError):
                self._config().scenic_check_roster(visit, rows)

    # ------------------------------------------------------------
    # Kept with an open order
    # ------------------------------------------------------------

    def _seal(self, uuid, visitors, user=None):
        return self._config(user).scenic_seal_visitors([[uuid, visitors]])[0]

    def _open(self, uuid, sealed, config=None):
        config = config or self._config()
        return config.scenic_open_visitors([[uuid, sealed]])[0]

    def test_sealed_names(self):
        people = [self._guide(1), *self._people(2)]
        sealed = self._seal("line-1", people)
        self.assertNotIn(self._scenic_citizen(1), sealed)
        self.assertEqual(self._open("line-1", sealed), people)

    def test_sealed_names_belong_to_their_line(self):
        sealed = self._seal("line-1", self._people(1))
        for uuid, text in (
            ("line-2", sealed),
            ("line-1", sealed[:-4] + "AAA="),
            ("line-1", "x"),
            ("line-1", None),
            ("line-1", {}),
        ):
            with self.subTest(uuid=uuid, text=text):
                self.assertIs(self._open(uuid, text), False)

    def test_sealed_names_belong_to_their_company(self):
        sealed = self._seal("line-1", self._people(1))
        company = self.setup_other_company()["company"]
        # sudo: a window of another company
        configs_sudo = self.env["pos.config"].sudo().with_company(company)
        other = configs_sudo.create({"name": "Abroad", "company_id": company.id})
        self.assertIs(self._open("line-1", sealed, other), False)

    def test_who_may_read_a_roster(self):
        shop_user = new_test_user(
            self.env,
            "shop_user",
            "base.group_user,point_of_sale.group_pos_user",
            company_id=self.env.company.id,
            company_ids=[Command.set(self.env.company.ids)],
        )
        config = self._config(shop_user)
        for call, args in (
            (config.scenic_check_roster, (self._visit_of(), [])),
            (config.scenic_read_roster, ({"text": "x"}, self._visit_of())),
            (config.scenic_seal_visitors, ([],)),
            (config.scenic_open_visitors, ([],)),
            (config.scenic_prices, ([],)),
        ):
            with self.subTest(call=call.__name__), self.assertRaises(WindowRightError):
                call(*args)
        for lines in ("x", ["x"], [["a"]], [[1, []]], [["x" * 65, []]]):
            with self.subTest(lines=lines), self.assertRaises(WindowVisitorError):
                self._config().scenic_seal_visitors(lines)
