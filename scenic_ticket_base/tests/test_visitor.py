import json
from datetime import timedelta

from freezegun import freeze_time
from lxml import html

from odoo import fields
from odoo.exceptions import AccessError, UserError
from odoo.tests import Form, HttpCase, new_test_user, tagged
from odoo.tools import mute_logger

from ..exceptions import (
    BookingError,
    KeyFileError,
    ReasonMissingError,
    VisitorError,
)
from .common import STAFF, ClientMixin, ScenicCommon, ScenicMixin
from .test_id_document import SPECIMEN

HIDDEN = ("doc_lookup", "doc_cipher", "data_kid", "phone_lookup", "phone_cipher")


class VisitorCommon(ClientMixin, ScenicMixin):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.users = cls._scenic_users("visitor")
        cls.visitors = cls.env["scenic.visitor"]
        cls.holders = cls.env["scenic.ticket.holder"]
        cls.named = cls._scenic_product(
            "Real name 实名票", "individual", 100, scenic_real_name="visitor"
        )
        cls.number = cls._scenic_citizen(1)
        cls.visitor = cls._visitor(1, phone="138 1234 5678")

    @classmethod
    def _visitor(cls, seed, company=None, **values):
        return cls.visitors._find_or_create(
            cls._scenic_visitor(seed, **values), company or cls.env.company
        )

    def _sold(self, seed, **values):
        visitors = [self._scenic_visitor(seed)]
        return self._scenic_sell(self.named, visitors=visitors, **values)

    def _assert_refused(self, user, model, *call, errors=(AccessError,)):
        """Check that a call of a client fails with one of some errors."""
        try:
            with (
                mute_logger("odoo.domains", "odoo.addons.base.models.ir_rule"),
                self.env.cr.savepoint(),
            ):
                answer = self._rpc(user, model, *call)
        except errors:
            return
        self.fail(f"{user.login}: {model}.{call} answered {answer!r}")

    def _stored(self, records):
        """Return all that the database has of records, as one text."""
        self.env.flush_all()
        self.env.cr.execute(
            f"SELECT array_agg(r::text) FROM {records._table} r WHERE id = ANY(%s)",
            [records.ids],
        )
        return str(self.env.cr.fetchone())


@tagged("post_install", "-at_install")
class TestVisitor(VisitorCommon, ScenicCommon):
    # ------------------------------------------------------------------
    # Registration
    # ------------------------------------------------------------------

    def test_same_person_twice_is_one_visitor(self):
        for number in (
            self.number,
            self.number.lower(),
            f" {self.number[:6]} {self.number[6:]}",
        ):
            self.assertEqual(self._visitor(1, doc_number=number), self.visitor)
        both = self.visitors._find_or_create_many(
            [self._scenic_visitor(2), self._scenic_visitor(1), self._scenic_visitor(2)],
            self.env.company,
        )
        self.assertEqual(both._ids[0], both._ids[2])
        self.assertEqual(both._ids[1], self.visitor.id)

    def test_other_company_other_visitor(self):
        other = self.env["res.company"].create({"name": "Other park"})
        self.assertNotEqual(self._visitor(1, other), self.visitor)

    def test_facts_come_from_the_document(self):
        self.assertEqual(self.visitor.birth_date, fields.Date.to_date("1990-03-07"))
        self.assertEqual(self.visitor.sex, "male")
        lied = self._visitor(2, birth_date="2020-01-01", sex="male")
        self.assertEqual(lied.birth_date, fields.Date.to_date("1990-03-07"))
        self.assertEqual(lied.sex, "female")

    def test_passport_by_its_lines(self):
        visitor = self._visitor(
            1, name=None, doc_kind="passport", doc_number="\n".join(SPECIMEN)
        )
        self.assertEqual(visitor.name, "ERIKSSON ANNA MARIA")
        self.assertEqual(visitor._open()["doc_number"], "L898902C3")
        self.assertEqual(
            visitor, self._visitor(1, doc_kind="passport", doc_number="l898902c3")
        )

    def test_nobody_renames_another_person(self):
        """Whoever books for a number of somebody else changes nothing there."""
        self._visitor(1, name="别人", phone="13900000000")
        self.assertEqual(self.visitor.name, "游客1")
        self.assertEqual(self.visitor._open()["phone"], "13812345678")

    def test_what_was_missing_is_added(self):
        visitor = self._visitor(3)
        self._visitor(3, phone="+852 9123 4567", consent_purpose="visit")
        self.assertEqual(visitor._open()["phone"], "+85291234567")
        self.assertEqual(visitor._open()["doc_number"], self._scenic_citizen(3))
        self.assertEqual(visitor.phone_masked, "+852****4567")
        self.assertTrue(visitor.consent_date)

    def test_bad_values(self):
        count = self.visitors.search_count([])
        for code, values in (
            ("DOC_CHECKSUM", {"doc_number": self.number[:-1] + "5"}),
            ("DOC_KIND", {"doc_kind": "x"}),
            ("DOC_EMPTY", {"doc_number": None}),
            ("DOC_OLD", {"doc_number": "110105491231002"}),
            ("PHONE_FORMAT", {"phone": "123"}),
            ("VISITOR_NAME", {"name": " "}),
            ("VISITOR_NAME", {"name": ["x"]}),
            (
                "DOC_BIRTH_DATE",
                {
                    "birth_date": "soon",
                    "doc_kind": "taiwan_permit",
                    "doc_number": "12345678",
                },
            ),
            (
                "DOC_BIRTH_DATE",
                {
                    "birth_date": "2999-01-01",
                    "doc_kind": "taiwan_permit",
                    "doc_number": "12345678",
                },
            ),
            (
                "MRZ_CHECKSUM",
                {
                    "doc_kind": "passport",
                    "doc_number": SPECIMEN[0] + SPECIMEN[1][:-1] + "1",
                },
            ),
        ):
            with self.subTest(code=code), self.assertRaises(BookingError) as caught:
                self._visitor(9, **values)
            self.assertEqual(caught.exception.code, code)
            self.assertNotIn(
                str(values.get("doc_number") or "@"), str(caught.exception)
            )
        with self.assertRaises(BookingError):
            self.visitors._find_or_create("x", self.env.company)
        self.assertEqual(self.visitors.search_count([]), count)

    # ------------------------------------------------------------------
    # What is stored, what is shown
    # ------------------------------------------------------------------

    def test_number_and_phone_are_not_stored_in_clear(self):
        ticket = self._sold(1)
        stored = "".join(
            self._stored(records)
            for records in (
                self.visitor,
                ticket,
                ticket.holder_ids,
                ticket.with_context(active_test=False).credential_ids,
                ticket.booking_id,
                ticket.booking_line_id,
                ticket.message_ids,
            )
        )
        for clear in (self.number, self.number[:14], "13812345678", "1381234"):
            self.assertNotIn(clear, stored)
        self.env.cr.execute("SELECT array_agg(a::text) FROM scenic_audit a")
        audit = str(self.env.cr.fetchone())
        for clear in (self.number, "13812345678", "游客1"):
            self.assertNotIn(clear, audit)

    def test_cipher_moved_to_another_person_does_not_open(self):
        other = self._visitor(2)
        other.doc_cipher = self.visitor.doc_cipher
        with self.assertRaises(KeyFileError) as caught:
            other._open()
        self.assertEqual(caught.exception.code, "KEY_DATA_DAMAGED")

    def test_masked_for_every_role(self):
        readers = ("cashier", "supervisor", "customer_service", "manager", "auditor")
        allow_export = self.env.ref("base.group_allow_export")
        for role in readers:
            with self.subTest(role=role):
                user = self.users[role]
                user.group_ids += allow_export
                [row] = self._rpc(user, "scenic.visitor", "read", self.visitor.ids)
                text = json.dumps(row, default=str, ensure_ascii=False)
                self.assertNotIn(self.number, text)
                self.assertNotIn("13812345678", text)
                self.assertFalse(set(HIDDEN) & row.keys())
                self.assertEqual(row["doc_masked"], f"••••••{self.number[-4:]}")
                self.assertEqual(row["phone_masked"], "138****5678")
                self.assertFalse(row["doc_number"] or row["phone_number"])
                exported = self._rpc(
                    user,
                    "scenic.visitor",
                    "export_data",
                    self.visitor.ids,
                    ["name", "doc_number", "doc_masked", "phone_number"],
                )
                self.assertNotIn(self.number, str(exported))
        for role in ("gate_operator", "finance"):
            with self.subTest(role=role), self.assertRaises(AccessError):
                self._rpc(self.users[role], "scenic.visitor", "read", self.visitor.ids)

    def test_birth_date_is_for_customer_service(self):
        """With the last four it comes close to the number."""
        for role in ("cashier", "supervisor", "auditor"):
            for call in (
                ("read", self.visitor.ids, ["birth_date"]),
                ("search", [("birth_date", "=", "1990-03-07")]),
                ("formatted_read_group", [], ["birth_date:year"], ["__count"]),
            ):
                with (
                    self.subTest(role=role, call=call[0]),
                    self.assertRaises(AccessError),
                ):
                    self._rpc(self.users[role], "scenic.visitor", *call)
        self._rpc(
            self.users["customer_service"],
            "scenic.visitor",
            "read",
            self.visitor.ids,
            ["birth_date"],
        )

    def test_hidden_columns_are_for_nobody(self):
        """By no door of the client, also not for an administrator."""
        ticket = self._sold(1)
        admin = new_test_user(
            self.env,
            "visitor_admin",
            "base.group_system,scenic_ticket_base.group_scenic_manager",
        )
        records = {
            "scenic.visitor": self.visitor,
            "scenic.ticket": ticket,
            "scenic.ticket.holder": ticket.holder_ids,
            "scenic.credential": ticket.credential_ids,
        }
        paths = {
            "scenic.visitor": HIDDEN,
            "scenic.ticket": tuple(f"visitor_id.{name}" for name in HIDDEN),
            "scenic.ticket.holder": tuple(f"visitor_id.{name}" for name in HIDDEN),
            "scenic.credential": ("lookup", "rank"),
        }
        for user in (*self.users.values(), admin):
            user.group_ids += self.env.ref("base.group_allow_export")
            for model, names in paths.items():
                ids = records[model].ids
                for name in names:
                    calls = [
                        ("search", [(name, "=like", "1%")]),
                        ("search", [(name, "!=", False)]),
                        ("search", [(name, "in", ["1", "2"])]),
                        ("search_count", [(name, ">", "1")]),
                        ("search_read", [(name, "ilike", "a")], ["id"]),
                        ("search", [], 0, 1, name),
                        ("formatted_read_group", [], [name], ["__count"]),
                        ("formatted_read_group", [], [], [f"{name}:max"]),
                        ("web_read_group", [], [name], ["__count"]),
                        ("web_search_read", [(name, "like", "a")], {}),
                        ("name_search", "", [(name, "like", "a")]),
                    ]
                    if "." not in name:
                        calls += [
                            ("read", ids, [name]),
                            ("export_data", ids, [name]),
                            ("web_read", ids, {name: {}}),
                            ("write", ids, {name: "x"}),
                            ("copy", ids),
                        ]
                    # no client can order or group through a reference anyhow
                    errors = (
                        (AccessError, ValueError) if "." in name else (AccessError,)
                    )
                    for call in calls:
                        self._assert_refused(user, model, *call, errors=errors)

    def test_nobody_writes_people(self):
        holder = self._sold(1).holder_ids
        for user in self.users.values():
            for records in (self.visitor, holder):
                for call in (
                    ("create", [{"name": "x"}]),
                    ("write", records.ids, {"create_uid": user.id}),
                    ("unlink", records.ids),
                ):
                    with (
                        self.subTest(user=user.login, call=call),
                        self.assertRaises(AccessError),
                        self.env.cr.savepoint(),
                    ):
                        self._rpc(user, records._name, *call)

    def test_private_methods_are_not_callable(self):
        for method in (
            "_open",
            "_export",
            "_shred",
            "_find_or_create",
            "_seal",
            "_erase",
        ):
            with self.subTest(method=method), self.assertRaises(AccessError):
                self._rpc(
                    self.users["manager"], "scenic.visitor", method, self.visitor.ids
                )
        for method in ("_decrypt", "_hash", "_start_over", "_add_data_key"):
            with self.subTest(method=method), self.assertRaises(AccessError):
                self._rpc(self.users["manager"], "scenic.signing.key", method, [])

    # ------------------------------------------------------------------
    # Search
    # ------------------------------------------------------------------

    def test_search_by_the_whole_number(self):
        cashier = self.users["cashier"]
        for value in (
            self.number,
            self.number.lower(),
            f"{self.number[:6]} {self.number[6:]}",
        ):
            for operator in ("=", "in"):
                with self.subTest(value=value, operator=operator):
                    found = self._rpc(
                        cashier,
                        "scenic.visitor",
                        "search",
                        [
                            (
                                "doc_number",
                                operator,
                                [value] if operator == "in" else value,
                            )
                        ],
                    )
                    self.assertEqual(found, self.visitor.ids)
        found = self._rpc(
            cashier,
            "scenic.visitor",
            "search",
            [("phone_number", "=", "+86 13812345678")],
        )
        self.assertEqual(found, self.visitor.ids)
        for value in (self.number[:-1], self._scenic_citizen(5), ""):
            self.assertFalse(
                self._rpc(
                    cashier, "scenic.visitor", "search", [("doc_number", "=", value)]
                )
            )

    def test_search_is_no_way_to_guess(self):
        """Neither parts of a number nor lists of numbers."""
        cashier = self.users["cashier"]
        many = [self._scenic_citizen(seed) for seed in range(10)]
        for leaf in (
            ("doc_number", "in", many),
            ("doc_number", "=like", "1101%"),
            ("doc_number", "ilike", self.number[:10]),
            ("doc_number", "!=", self.number),
            ("doc_number", "not in", [self.number]),
            ("doc_number", ">", "1"),
            ("phone_number", "like", "138"),
        ):
            self._assert_refused(
                cashier,
                "scenic.visitor",
                "search",
                [leaf],
                errors=(UserError, ValueError, NotImplementedError),
            )
        for name in ("doc_number", "phone_number"):
            for call in (
                ("formatted_read_group", [], [name], ["__count"]),
                ("search", [], 0, 1, name),
            ):
                self._assert_refused(
                    cashier, "scenic.visitor", *call, errors=(UserError, ValueError)
                )

    def test_search_by_name_does_not_search_numbers(self):
        for text in (self.number, self.number[:8], "1381234"):
            self.assertFalse(
                self._rpc(self.users["cashier"], "scenic.visitor", "name_search", text)
            )

    def test_other_company_finds_nobody(self):
        stranger = self._scenic_stranger("visitor_stranger")
        holder = self._sold(1).holder_ids
        self.assertFalse(
            self._rpc(
                stranger, "scenic.visitor", "search", [("doc_number", "=", self.number)]
            )
        )
        for call in (
            ("scenic.visitor", "read", self.visitor.ids, ["name"]),
            ("scenic.visitor", "action_show_number", self.visitor.ids, "curious"),
            ("scenic.visitor", "action_erase", self.visitor.ids, "curious"),
            ("scenic.visitor", "action_export", self.visitor.ids, "curious"),
            ("scenic.ticket.holder", "read", holder.ids, ["visitor_id"]),
        ):
            with self.subTest(call=call[:2]), self.assertRaises(AccessError):
                self._rpc(stranger, *call)
        self.assertEqual(self.visitor.name, "游客1")

    def test_user_of_one_site_sees_its_visitors(self):
        cave = self._scenic_product(
            "Cave 洞",
            "individual",
            50,
            components=[(self.scenic_spot, 1, 1.0)],
            scenic_site_id=self.scenic_spot.id,
            scenic_real_name="visitor",
        )
        hill, spot = (
            self._sold(1),
            self._scenic_sell(cave, visitors=[self._scenic_visitor(2)]),
        )
        user = self.users["customer_service"]
        user.scenic_site_ids = self.scenic_spot
        found = self._rpc(user, "scenic.visitor", "search", [])
        self.assertIn(spot.visitor_id.id, found)
        self.assertNotIn(hill.visitor_id.id, found)
        self._assert_refused(
            user, "scenic.visitor", "action_show_number", self.visitor.ids, "curious"
        )

    # ------------------------------------------------------------------
    # The full number
    # ------------------------------------------------------------------

    def _events(self, action):
        return self.env["scenic.audit"].search(
            [
                ("action", "=", action),
                ("res_model", "=", "scenic.visitor"),
                ("res_id", "=", self.visitor.id),
            ]
        )

    def test_each_look_at_the_number_is_logged(self):
        for role in STAFF:
            allowed = role in ("customer_service", "manager")
            for method in ("action_show_number", "action_export", "action_erase"):
                if allowed and method == "action_erase":
                    continue
                with self.subTest(role=role, method=method):
                    call = (
                        self.users[role],
                        "scenic.visitor",
                        method,
                        self.visitor.ids,
                    )
                    if not allowed:
                        with self.assertRaises(AccessError):
                            self._rpc(*call, "police request")
                        continue
                    with self.assertRaises(ReasonMissingError):
                        self._rpc(*call, "  ")
                    answer = self._rpc(*call, "police request")
                    if method == "action_show_number":
                        self.assertIn(self.number, answer["params"]["message"])
                        self.assertIn("13812345678", answer["params"]["message"])
        looks = self._events("visitor_view")
        self.assertEqual(
            set(looks.user_id), {self.users["customer_service"], self.users["manager"]}
        )
        self.assertEqual(set(looks.mapped("reason")), {"police request"})

    def test_reason_that_holds_the_number_is_masked(self):
        self.visitor.action_show_number(f"asked for {self.number}")
        self.assertNotIn(self.number, self._events("visitor_view").reason)

    def test_wizard_shows_and_keeps_nothing(self):
        user = self.users["customer_service"]
        form = Form(
            self.env["scenic.visitor.reason"]
            .with_user(user)
            .with_context(default_visitor_id=self.visitor.id)
        )
        form.reason = "police request"
        wizard = form.save()
        answer = wizard.action_apply()
        self.assertIn(self.number, answer["params"]["message"])
        self.assertNotIn(self.number, self._stored(wizard))

    def test_wizard_exports_in_the_form_that_was_chosen(self):
        wizard = (
            self.env["scenic.visitor.reason"]
            .with_user(self.users["customer_service"])
            .create(
                {
                    "visitor_id": self.visitor.id,
                    "action": "export",
                    "file_format": "json",
                    "reason": "asked",
                }
            )
        )
        self.assertIn("/export/json?reason=asked", wizard.action_apply()["url"])

    # ------------------------------------------------------------------
    # Export and erase
    # ------------------------------------------------------------------

    def test_export(self):
        ticket = self._sold(1)
        visitor = self.visitor.with_user(self.users["customer_service"])
        visitor.action_show_number("police request")
        exported = visitor._export("asked by the visitor")
        self.assertEqual(exported["visitor"]["doc_number"], self.number)
        self.assertEqual(exported["visitor"]["phone"], "13812345678")
        self.assertEqual([t["number"] for t in exported["tickets"]], [ticket.name])
        self.assertIn(
            self.users["customer_service"].name,
            [look["user"] for look in exported["looks"]],
        )
        json.dumps(exported)
        page = visitor._render_export(exported)
        for text in (self.number, "13812345678", ticket.name, "游客1"):
            self.assertIn(text, page)
        # a value that is missing leaves its cell empty, not out
        tickets = html.fromstring(str(page)).findall(".//table")[1]
        heads, values = tickets.findall("tr")
        self.assertFalse(exported["tickets"][0]["first_entry"])
        self.assertEqual(len(values.findall("td")), len(heads.findall("th")))
        self.assertNotRegex(page, r"\dT\d\d:")
        self.assertEqual(self._events("visitor_export").reason, "asked by the visitor")

    def test_proof_is_shown_to_the_visitor_and_goes_with_the_name(self):
        """What a concession was given for says something of the person."""
        ticket = self._sold(
            1,
            eligibility={
                "proof_checked": True,
                "note": f"disability card of {self.number}",
            },
        )
        line = ticket.booking_line_id
        self.assertIn("disability card", line.proof_note)
        self.assertNotIn(self.number, line.proof_note)
        exported = self.visitor._export("asked")
        self.assertEqual(exported["tickets"][0]["proof"], line.proof_note)
        self.assertIn("disability card", self.visitor._render_export(exported))
        ticket._refund("R", "erase")
        self.visitor.action_erase("asked")
        self.assertFalse(line.proof_note)
        self.assertTrue(line.proof_checked)

    def test_erase_waits_for_a_live_ticket(self):
        ticket = self._sold(1)
        visitor = self.visitor.with_user(self.users["customer_service"])
        with self.assertRaises(VisitorError) as caught:
            visitor.action_erase("asked by the visitor")
        self.assertEqual(caught.exception.code, "VISITOR_IN_USE")
        self.assertIn(ticket.name, str(caught.exception))
        self.assertEqual(self.visitor.name, "游客1")
        ticket._refund("R", "erase")
        visitor.action_erase("asked by the visitor")
        self.assertTrue(self.visitor.shredded)
        self.assertEqual(self._events("visitor_erase").reason, "asked by the visitor")

    def test_erase_takes_what_a_closed_complaint_says(self):
        complaint = self.env["scenic.complaint"].create(
            {
                "subject": "Zhang San waited",
                "description": "Zhang San stood in line for two hours.",
                "visitor_id": self.visitor.id,
            }
        )
        # what an office worker adds to it
        complaint.subject = "Zhang San waited for long"
        complaint.message_post(
            body="Called Zhang San", attachments=[("letter.txt", b"Zhang San")]
        )
        self.env.flush_all()
        with self.assertRaises(VisitorError) as caught:
            self.visitor.action_erase("asked by the visitor")
        self.assertEqual(caught.exception.code, "VISITOR_IN_USE")
        self.assertIn(complaint.name, str(caught.exception))
        complaint.action_start()
        complaint.answer = "Dear Zhang San, we are sorry."
        complaint.action_answer()
        complaint.action_close()
        attachments = self.env["ir.attachment"].search(
            [("res_model", "=", complaint._name), ("res_id", "=", complaint.id)]
        )
        self.assertTrue(attachments)
        self.visitor.action_erase("asked by the visitor")
        self.env.invalidate_all()
        said = (complaint.subject, complaint.description, complaint.answer)
        self.assertNotIn("Zhang San", " ".join(said))
        self.assertFalse(complaint.message_ids)
        self.assertFalse(attachments.exists())
        self.assertEqual((complaint.state, complaint.category), ("closed", "other"))

    def test_erase_waits_for_an_order_on_hold(self):
        booking = self.env["scenic.booking"]._hold(
            "window", "VISITOR-HELD", [self._scenic_line(self.named)]
        )
        holder = self.holders._register_visitors(
            booking.line_ids, [self._scenic_visitor(1)]
        )
        with self.assertRaises(VisitorError) as caught:
            self.visitor.action_erase("asked")
        self.assertIn(booking.name, str(caught.exception))
        holder._release()
        self.visitor.action_erase("asked")

    def test_erase_waits_for_the_blacklist(self):
        self.env["scenic.blacklist"]._block(self.visitor, "scalper")
        with self.assertRaises(VisitorError):
            self.visitor.action_erase("asked")

    # ------------------------------------------------------------------
    # Shredding
    # ------------------------------------------------------------------

    def _assert_shredded(self, visitor, *texts):
        stored = self._stored(visitor)
        for text in ("游客", "1990-03-07", "138", *texts):
            self.assertNotIn(text, stored)
        self.assertTrue(visitor.shredded)
        self.assertFalse(any(visitor[name] for name in HIDDEN))

    def test_shredded_after_the_last_day(self):
        self.env.company.scenic_shred_days = 10
        self.visitor.shred_on = fields.Date.today()
        ticket = self._sold(1)
        price = ticket.amount_total
        last = ticket.date_last
        lookup = self.visitor.doc_lookup
        self.assertEqual(self.visitor.shred_on, last + timedelta(days=10))
        with freeze_time(last + timedelta(days=9, hours=12)):
            self.visitors._cron_shred()
            self.assertEqual(self.visitor.name, "游客1")
        with freeze_time(last + timedelta(days=10, hours=12)):
            ticket.state = "expired"
            self.visitors._cron_shred()
        self._assert_shredded(self.visitor, lookup, self.number[-4:])
        self.assertEqual(ticket.amount_total, price, "figures stay")
        self.assertEqual(ticket.visitor_id, self.visitor)
        media = ticket.with_context(active_test=False).credential_ids
        self.assertNotIn(lookup, self._stored(media))
        self.assertFalse(self.env["scenic.credential"]._find(self.number))
        self.assertTrue(self._events("visitor_shred"))
        again = self._visitor(1)
        self.assertNotEqual(again, self.visitor, "who comes again is a new visitor")

    def test_needed_longer(self):
        """A ticket in dispute, and a later one."""
        self.env.company.scenic_shred_days = 0
        self.visitor.shred_on = fields.Date.today()
        first = self._sold(1)
        first._freeze("dispute")
        day = first.date_last + timedelta(days=5)
        with freeze_time(f"{day} 04:00:00"):
            self.visitors._cron_shred()
            self.assertEqual(self.visitor.name, "游客1")
            self.assertEqual(self.visitor.shred_on, day + timedelta(days=1))
            self.visitors._cron_shred()
        with freeze_time(f"{day + timedelta(days=1)} 04:00:00"):
            first.state = "expired"
            self.visitors._cron_shred()
        self._assert_shredded(self.visitor)

    def test_card_of_a_whole_year_keeps_its_holder(self):
        rule = self.env["scenic.validity.rule"].create(
            {"name": "A year", "mode": "days_from_sale", "days": 365}
        )
        self.named.scenic_validity_rule_id = rule
        ticket = self._sold(1, visit_date=False)
        self.assertEqual(
            self.visitor.shred_on,
            ticket.date_last + timedelta(days=self.env.company.scenic_shred_days),
        )

    def test_batches_go_on_where_they_were(self):
        self.visitors._find_or_create_many(
            [self._scenic_visitor(seed) for seed in range(100, 125)], self.env.company
        )
        many = self.visitors.search([("name", "like", "游客1__")])
        self.assertEqual(len(many), 25)
        many.shred_on = fields.Date.today() - timedelta(days=1)
        self.env.flush_all()
        cron = self.env.ref("scenic_ticket_base.ir_cron_shred_visitors")
        with self.enter_registry_test_mode():
            cron.method_direct_trigger()
        many.invalidate_recordset()
        self.assertEqual(set(many.mapped("shredded")), {True})

    def test_a_batch_that_fails_leaves_the_others_done(self):
        many = self.visitors._find_or_create_many(
            [self._scenic_visitor(seed) for seed in range(100, 106)], self.env.company
        )
        many.shred_on = fields.Date.today() - timedelta(days=1)
        due = self.visitors._lock_due(fields.Date.today(), 2)
        due._shred()
        self.assertEqual(len(many.filtered("shredded")), 2)
        self.visitors._cron_shred(limit=2)
        self.assertEqual(len(many.filtered("shredded")), 6)


@tagged("post_install", "-at_install")
class TestVisitorExport(VisitorCommon, HttpCase):
    def _get(self, role, query="?reason=asked", file_format="json"):
        self.authenticate(f"visitor_{role}", f"visitor_{role}")
        return self.url_open(
            f"/scenic/visitor/{self.visitor.id}/export/{file_format}{query}"
        )

    @mute_logger("odoo.http")
    def test_download(self):
        for role in STAFF:
            answer = self._get(role)
            with self.subTest(role=role):
                if role in ("customer_service", "manager"):
                    self.assertEqual(answer.status_code, 200)
                    self.assertEqual(
                        answer.json()["visitor"]["doc_number"], self.number
                    )
                    self.assertIn("no-store", answer.headers["Cache-Control"])
                    self.assertIn("attachment", answer.headers["Content-Disposition"])
                else:
                    self.assertGreaterEqual(answer.status_code, 400)
                    self.assertNotIn(self.number, answer.text)
        answer = self._get("manager", file_format="html")
        self.assertIn(self.number, answer.text)
        for query, file_format in (("", "json"), ("?reason=%20", "html")):
            answer = self._get("manager", query, file_format)
            self.assertGreaterEqual(answer.status_code, 400)
            self.assertNotIn(self.number, answer.text)
        self.assertEqual(self._get("manager", file_format="exe").status_code, 404)
        self.authenticate(None, None)
        answer = self.url_open(
            f"/scenic/visitor/{self.visitor.id}/export/json?reason=asked"
        )
        self.assertNotIn(self.number, answer.text)
