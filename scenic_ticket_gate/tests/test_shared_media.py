from datetime import timedelta

from odoo.tests import tagged

from .test_entry_rules import MONDAY, EntryCommon

NUMBER = "11010519491231002X"


@tagged("post_install", "-at_install")
class TestSharedMedia(EntryCommon):
    """A document or a card stands for all tickets of its holder (C4)."""

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.holder = cls.env["scenic.visitor"]._find_or_create(
            {"name": "甲", "doc_kind": "cn_id", "doc_number": NUMBER}, cls.env.company
        )

    def _holder_ticket(self, *args, kind="id_document", number=NUMBER, **values):
        ticket = self._days_ticket(*args, **values)
        self._set_ticket(ticket, visitor_id=self.holder.id)
        ticket._add_medium(kind, number)
        self.env.flush_all()
        return ticket

    def _read(self, day=MONDAY, clock="10:00", number=NUMBER, kind=None, **values):
        scan = self._scan(number, kind=kind or "id_document", **values)
        [result] = self._validate(scan, now=self._at(day, clock))
        return result

    def _move(self, ticket, days, length=1):
        first = MONDAY + timedelta(days=days)
        self._set_rights(
            ticket,
            valid_from=self._at(first, "00:00"),
            valid_to=self._at(first + timedelta(days=length), "00:00"),
        )
        return ticket

    def _pass_by(self, result, day=MONDAY, clock="10:00"):
        event = self._event("passed", result["request_id"])
        self._report_at(self._at(day, clock), event)
        return self._find(event["event_id"])

    def test_c4_document_opens_the_ticket_of_today(self):
        yesterday = self._move(self._holder_ticket(), -1)
        today = self._holder_ticket()
        tomorrow = self._move(self._holder_ticket(), 1)
        self._move(today, 0)
        result = self._read()
        self.assertEqual(result["code"], "ADMIT")
        self.assertEqual(result["ticket"]["name"], today.name)
        self.assertIn(f"ticket {today.name} (Adult", result["text"]["en"])
        self.assertIn(f"门票 {today.name}", result["text"]["zh"])
        event = self._find(result["request_id"])
        self.assertEqual(
            (event.ticket_id, event.credential_kind), (today, "id_document")
        )
        for ticket in (yesterday, tomorrow):
            self.assertEqual(self._counts(ticket), [(1, 0, 0)])

    def test_c4_two_orders_the_one_that_ends_first(self):
        """Whatever the order of sale, the pick is the same and so is the message."""
        late = self._move(self._holder_ticket(), 0, length=9)
        early = self._move(self._holder_ticket(), 0, length=2)
        first = self._read()
        self.assertEqual(first["ticket"]["name"], early.name)
        self._pass_by(first)
        second = self._read(clock="11:00")
        self.assertEqual(second["ticket"]["name"], late.name)
        self._pass_by(second)
        third = self._read(clock="12:00")
        self.assertEqual(third["code"], "USED")
        self.assertIn("ticket", third["text"]["en"])

    def test_c4_two_equal_orders_the_older_ticket(self):
        older, newer = self._holder_ticket(), self._holder_ticket()
        for ticket in (older, newer):
            result = self._read()
            self.assertEqual(result["ticket"]["name"], ticket.name)
            self._pass_by(result)

    def test_c4_the_same_request_gets_the_same_ticket(self):
        older, newer = self._holder_ticket(), self._holder_ticket()
        scan = self._scan(NUMBER, kind="id_document")
        [first] = self._validate(scan, now=self._at(MONDAY))
        older._freeze("dispute")
        [again] = self._validate(scan, now=self._at(MONDAY))
        self.assertTrue(again["repeat"])
        self.assertEqual(first["ticket"], again["ticket"])
        self.assertEqual(self._counts(newer), [(1, 0, 0)])

    def test_c4_best_refusal(self):
        """What the visitor can do something about comes first."""
        used = self._move(self._holder_ticket(), 0)
        self._pass_by(self._read())
        self.assertEqual(self._read()["code"], "USED")
        tomorrow = self._move(self._holder_ticket(), 1)
        result = self._read()
        self.assertEqual(
            (result["code"], result["ticket"]["name"]), ("NOT_YET_VALID", tomorrow.name)
        )
        cave = self._holder_ticket(
            product=self._scenic_product(
                "Cave", "individual", 10, components=[(self.scenic_spot, 1, 1.0)]
            )
        )
        self._set_ticket(cave, date_first=MONDAY, span_days=1)
        result = self._read()
        self.assertEqual(
            (result["code"], result["ticket"]["name"]), ("WRONG_SITE", cave.name)
        )
        self.assertEqual(result["ticket"]["product"], "Cave")
        self.assertEqual(result["remedy"]["en"], "Please go to Test Cave")
        held = self._move(self._holder_ticket(), 0)
        self._set_ticket(held, state="held")
        self.assertEqual(self._read()["code"], "NOT_PAID")
        hours = self._move(self._holder_ticket(), 0)
        self._set_rights(hours, minute_from=720)
        self.assertEqual(self._read()["code"], "TOO_EARLY")
        self.assertEqual(self._read(clock="12:00")["ticket"]["name"], hours.name)
        self.assertTrue(used)

    def test_c4_refunded_and_void_give_way(self):
        refunded, good = self._holder_ticket(), self._holder_ticket()
        refunded._void("misprint")
        result = self._read()
        self.assertEqual(result["ticket"]["name"], good.name)
        self._set_rights(good, entries_reserved=0)
        good._void("misprint")
        self.assertEqual(self._read()["code"], "VOID")

    def test_c4_family_on_one_document(self):
        """Of one order, everybody enters before anybody enters again."""
        self._component(self.scenic_individual).reentry = "same_day"
        family = self._days_ticket(quantity=3)
        family._add_medium("id_document", NUMBER)
        seen = []
        for number in range(3):
            result = self._read(clock=f"10:0{number}")
            seen.append(result["ticket"]["name"])
            self.assertFalse(self._pass_by(result).reentry)
        self.assertEqual(sorted(seen), sorted(family.mapped("name")))
        again = self._read(clock="11:00")
        self.assertEqual(again["code"], "ADMIT")
        self.assertTrue(self._pass_by(again, clock="11:00").reentry)
        self.assertEqual(self._counts(family), [(1, 0, 1)] * 3)

    def test_c4_re_entry_does_not_burn_another_order(self):
        self._component(self.scenic_individual).reentry = "same_day"
        today = self._move(self._holder_ticket(), 0)
        open_dated = self._move(self._holder_ticket(), 0, length=90)
        self._pass_by(self._read())
        again = self._read(clock="11:00")
        self.assertEqual(again["ticket"]["name"], today.name)
        self.assertTrue(self._pass_by(again, clock="11:00").reentry)
        self.assertEqual(self._counts(open_dated), [(1, 0, 0)])

    def test_c4_exit_is_of_the_ticket_inside(self):
        self._component(self.scenic_individual).antipassback = "hard"
        first, second = self._holder_ticket(), self._holder_ticket()
        self._pass_by(self._read())
        self._pass_by(self._read(clock="10:05"), clock="10:05")
        gone = []
        for clock in ("11:00", "11:05"):
            event = self._event(
                "exit", lane="X1", credential={"kind": "id_document", "value": NUMBER}
            )
            self._report_at(self._at(MONDAY, clock), event)
            gone.append(self._find(event["event_id"]))
        self.assertEqual(
            {event.ticket_id for event in gone}, {first, second}, "one each"
        )
        self.assertEqual({event.credential_kind for event in gone}, {"id_document"})

    def test_ic_card(self):
        ticket = self._holder_ticket(kind="ic_card", number="04A2B3C4")
        self.assertEqual(
            self._read(number="04 a2 b3 c4", kind="ic_card")["code"], "ADMIT"
        )
        self.assertEqual(self._counts(ticket), [(1, 1, 0)])

    def test_kind_of_the_reader_counts(self):
        self._holder_ticket(kind="ic_card", number="04A2B3C4")
        for kind in ("auto", "qr", "barcode", "id_document"):
            result = self._read(number="04A2B3C4", kind=kind)
            self.assertEqual(result["code"], "UNKNOWN", kind)

    def test_frozen_medium(self):
        """A lost card opens nothing; the ticket and its code are as before."""
        ticket = self._holder_ticket(kind="ic_card", number="04A2B3C4")
        card = ticket.credential_ids.filtered(lambda c: c.kind == "ic_card")
        card._freeze("lost")
        result = self._read(number="04A2B3C4", kind="ic_card")
        self.assertEqual(result["code"], "MEDIUM_FROZEN")
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
        self.assertEqual(self._code_at(ticket, MONDAY), "ADMIT")
        self._set_rights(ticket, entries_reserved=0)
        card._unfreeze("found")
        self.assertEqual(self._read(number="04A2B3C4", kind="ic_card")["code"], "ADMIT")

    def test_replaced_card(self):
        ticket = self._holder_ticket(kind="ic_card", number="04A2B3C4")
        card = ticket.credential_ids.filtered(lambda c: c.kind == "ic_card")
        card._replace("lost", number="04FFFFFF")
        result = self._read(number="04A2B3C4", kind="ic_card")
        self.assertEqual(result["code"], "VOID")
        self.assertIn("replaced", result["text"]["en"])
        self.assertEqual(self._read(number="04FFFFFF", kind="ic_card")["code"], "ADMIT")

    def test_no_number_is_kept(self):
        """Neither events nor their facts hold what was read."""
        self._holder_ticket()
        request = self._read()["request_id"]
        self._read(number="110105194912310021")
        self._report(
            self._event("passed", request),
            self._event(
                "exit", lane="X1", credential={"kind": "id_document", "value": NUMBER}
            ),
        )
        self.env.cr.execute("SELECT string_agg(e::text, ' ') FROM scenic_pass_event e")
        [text] = self.env.cr.fetchone()
        for part in (NUMBER, NUMBER.lower(), NUMBER[:-1], "110105194912310021"):
            self.assertNotIn(part, text)
        lookup = self.env["scenic.credential"]._parse(NUMBER, "id_document").lookup
        self.assertNotIn(lookup, text)

    def test_other_company(self):
        ticket = self._holder_ticket()
        company = self.env["res.company"].create({"name": "Other Park"})
        site = self.env["scenic.site"].create(
            {"name": "Other", "code": "OTHER", "company_id": company.id}
        )
        zone = self.env["scenic.zone"].create({"name": "Other", "site_id": site.id})
        gate = self.env["scenic.gate"].create({"name": "G", "to_zone_id": zone.id})
        device = self.env["scenic.device"].create({"name": "o", "site_id": site.id})
        self._lane("L1", gate_id=gate.id, device_id=device.id)
        device._generate_key()
        scan = self._scan(NUMBER, kind="id_document")
        [result] = self._validate(scan, device=device, now=self._at(MONDAY))
        self.assertEqual(result["code"], "UNKNOWN")
        self.assertIsNone(result["ticket"])
        self.assertEqual(self._counts(ticket), [(1, 0, 0)])
