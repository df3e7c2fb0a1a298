from datetime import timedelta

from odoo.tests import Form, freeze_time, new_test_user, tagged

from ..exceptions import (
    BookingError,
    ReasonMissingError,
    TicketStateError,
    TicketUsedError,
)
from .common import ScenicCommon


@tagged("post_install", "-at_install")
class TestTicketHolder(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.holders = cls.env["scenic.ticket.holder"]
        cls.named = cls._scenic_product(
            "Real name 实名票", "individual", 100, scenic_real_name="visitor"
        )
        cls.order = cls._scenic_product(
            "One name 一单一证", "individual", 100, scenic_real_name="order"
        )
        cls.roster = cls._scenic_product(
            "Roster 实名团", "group", 80, scenic_real_name="visitor"
        )

    @classmethod
    def _held(cls, product, quantity=1, **values):
        """Return the line of a held booking."""
        cls._scenic_refs = getattr(cls, "_scenic_refs", 0) + 1
        booking = cls.env["scenic.booking"]._hold(
            "window",
            f"HOLDER-{cls._scenic_refs}",
            [cls._scenic_line(product, quantity, **values)],
        )
        return booking.line_ids

    def _sold(self, product, seeds, quantity=None, **values):
        """Hold with visitors and confirm; return the tickets."""
        visitors = [self._scenic_visitor(seed) for seed in seeds]
        return self._scenic_sell(
            product, quantity or len(seeds), visitors=visitors, **values
        )

    def _assert_code(self, code, function, *args):
        with self.assertRaises(BookingError) as caught, self.env.cr.savepoint():
            function(*args)
        self.assertEqual(caught.exception.code, code)
        return str(caught.exception)

    # ------------------------------------------------------------------
    # One document, one ticket
    # ------------------------------------------------------------------

    def test_c4_one_document_one_ticket_a_day(self):
        self._sold(self.named, [1])
        line = self._held(self.named)
        text = self._assert_code(
            "ID_TAKEN", self.holders._register_visitors, line, [self._scenic_visitor(1)]
        )
        self.assertIn(self._scenic_citizen(1)[-4:], text)
        self.assertNotIn(self._scenic_citizen(1)[:-4], text)
        self.assertNotIn("游客1", text, "the text names the day and last four only")
        self.holders._register_visitors(line, [self._scenic_visitor(2)])

    def test_hold_takes_the_document_already(self):
        self.holders._register_visitors(
            self._held(self.named), [self._scenic_visitor(1)]
        )
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            self._held(self.named),
            [self._scenic_visitor(1)],
        )

    def test_same_document_twice_on_one_order(self):
        line = self._held(self.named, 2)
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            line,
            [self._scenic_visitor(1)] * 2,
        )
        self.assertFalse(line.holder_ids, "nothing of it stays")

    def test_another_name_for_the_kind_is_the_same_document(self):
        """Nobody gets a second ticket by calling a permit a passport."""
        permit = self._scenic_visitor(
            1, doc_kind="taiwan_permit", doc_number="12345678"
        )
        self.holders._register_visitors(self._held(self.named), [permit])
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            self._held(self.named),
            [{**permit, "doc_kind": "passport"}],
        )

    def test_renewed_permit_is_the_same_document(self):
        permit = self._scenic_visitor(
            1, doc_kind="hk_macau_permit", doc_number="H1234567801"
        )
        self.holders._register_visitors(self._held(self.named), [permit])
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            self._held(self.named),
            [{**permit, "doc_number": "h1234567802"}],
        )

    def test_another_day_is_another_ticket(self):
        self._sold(self.named, [1])
        self._sold(self.named, [1], visit_date=self.visit_date + timedelta(days=1))

    def test_another_site_is_another_ticket(self):
        self._sold(self.named, [1])
        cave = self._scenic_product(
            "Cave 洞",
            "individual",
            50,
            components=[(self.scenic_spot, 1, 1.0)],
            scenic_site_id=self.scenic_spot.id,
            scenic_real_name="visitor",
        )
        self._sold(cave, [1])

    def test_c4_a_reserved_day_counts_as_the_day_of_an_open_ticket(self):
        self.named.scenic_validity_rule_id = self.scenic_rule_sale
        dated = self._scenic_product(
            "Dated 指定日", "individual", 100, scenic_real_name="visitor"
        )
        day = self.visit_date
        with freeze_time(day - timedelta(days=1)):
            ticket = self._sold(self.named, [1], visit_date=None)
            ticket._reserve(day)
            taken = self._held(dated)
            self._assert_code(
                "ID_TAKEN",
                self.holders._register_visitors,
                taken,
                [self._scenic_visitor(1)],
            )
            ticket._unreserve(day)
            self.holders._register_visitors(taken, [self._scenic_visitor(1)])
            self._assert_code("ID_TAKEN", ticket._reserve, day)
            self.assertFalse(ticket._reservations())

    def test_scope_none(self):
        self.named.scenic_id_scope = "none"
        self._sold(self.named, [1])
        self._sold(self.named, [1])

    def test_scope_type(self):
        self.named.scenic_id_scope = "type"
        other = self._scenic_product(
            "Boat 船",
            "individual",
            30,
            scenic_real_name="visitor",
            scenic_id_scope="type",
        )
        self._sold(self.named, [1])
        self._sold(other, [1])
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            self._held(other),
            [self._scenic_visitor(1)],
        )

    def test_scope_slot(self):
        self.named.scenic_id_scope = "slot"
        line = self._held(self.named)
        slots = self.env["scenic.slot"].create(
            [
                {
                    "site_id": self.scenic_area.id,
                    "date": self.visit_date,
                    "start": f"{self.visit_date} 0{hour}:00:00",
                    "end": f"{self.visit_date} 0{hour + 1}:00:00",
                }
                for hour in (1, 2)
            ]
        )
        keys = [
            self.holders._scope_key(
                self.named.product_tmpl_id, line.site_id, self.visit_date, slot
            )
            for slot in slots
        ]
        self.assertEqual(len(set(keys)), 2)

    def test_without_a_visit_date_the_day_of_sale_counts(self):
        self.named.scenic_validity_rule_id = self.scenic_rule_sale
        self._sold(self.named, [1], visit_date=False)
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            self._held(self.named, visit_date=False),
            [self._scenic_visitor(1)],
        )

    def test_roster_applies_the_same_rule(self):
        self._sold(self.named, [1])
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            self._held(self.roster, 2),
            [self._scenic_visitor(2), self._scenic_visitor(1)],
        )

    def test_b4_refund_and_void_free_the_document_at_once(self):
        ticket = self._sold(self.named, [1])
        ticket._refund("REF", "rain")
        self.assertFalse(ticket.holder_ids.live)
        ticket = self._sold(self.named, [1])
        ticket._void("wrong")
        self._sold(self.named, [1])

    def test_release_of_a_held_line_frees_the_document(self):
        line = self._held(self.named)
        holders = self.holders._register_visitors(line, [self._scenic_visitor(1)])
        holders._release()
        self.assertTrue(holders.released_at)
        self._sold(self.named, [1])

    def test_order_that_was_never_paid_frees_the_document(self):
        """As soon as its time is over, whether the scheduler ran or not."""
        visitors = [self._scenic_visitor(1)]
        line = self._held(self.named, visitors=visitors)
        until = line.booking_id.held_until
        with freeze_time(until - timedelta(seconds=1)):
            self._assert_code(
                "ID_TAKEN", lambda: self._held(self.named, visitors=visitors)
            )
        with freeze_time(until):
            self._held(self.named, visitors=visitors)
        self.assertEqual(line.booking_id.state, "expired")

    def test_rule_is_the_databases(self):
        line = self._held(self.named)
        holder = self.holders._register_visitors(line, [self._scenic_visitor(1)])
        with self.assertRaises(Exception) as caught, self.env.cr.savepoint():
            self.env.cr.execute(
                "INSERT INTO scenic_ticket_holder (visitor_id, booking_line_id, "
                "site_id, scope_key, live) VALUES (%s, %s, %s, %s, true)",
                [
                    holder.visitor_id.id,
                    line.id,
                    holder.site_id.id,
                    holder.scope_key,
                ],
                log_exceptions=False,
            )
        self.assertIn("scope_unique", str(caught.exception))

    # ------------------------------------------------------------------
    # Levels
    # ------------------------------------------------------------------

    def test_b1_every_visitor_is_named(self):
        line = self._held(self.named, 2)
        self.holders._register_visitors(line, [self._scenic_visitor(1)])
        self._assert_code("VISITORS_MISSING", self.holders._check_complete, line)
        self.holders._register_visitors(line, [self._scenic_visitor(2)])
        self.holders._check_complete(line)
        self._assert_code(
            "VISITORS_TOO_MANY",
            self.holders._register_visitors,
            line,
            [self._scenic_visitor(3)],
        )

    def test_real_names_need_a_document(self):
        self._assert_code(
            "VISITOR_DOCUMENT",
            self.holders._register_visitors,
            self._held(self.named),
            [{"name": "游客"}],
        )
        self.holders._register_visitors(
            self._held(self.scenic_individual), [{"name": "游客"}]
        )

    def test_each_ticket_gets_its_visitor(self):
        tickets = self._sold(self.named, [1, 2, 3])
        self.assertEqual(
            tickets.sorted("id").visitor_id.mapped("name"), ["游客1", "游客2", "游客3"]
        )
        self.assertEqual(tickets.mapped("holders_missing"), [0, 0, 0])
        credentials = self.env["scenic.credential"]
        for seed, ticket in zip((1, 2, 3), tickets.sorted("id"), strict=True):
            found = credentials._find_all(self._scenic_citizen(seed).lower())
            self.assertEqual(found.ticket_id, ticket)

    def test_one_person_stands_for_the_order(self):
        line = self._held(self.order, 3)
        self._assert_code("VISITORS_MISSING", self.holders._check_complete, line)
        tickets = self._sold(self.order, [1], quantity=3)
        self.assertEqual(tickets.visitor_id.name, "游客1")
        found = self.env["scenic.credential"]._find_all(self._scenic_citizen(1))
        self.assertEqual(found.ticket_id, tickets, "the document opens all of them")
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            line,
            [self._scenic_visitor(1)],
        )
        tickets[0]._refund("R", "ill")
        self._assert_code(
            "ID_TAKEN", self.holders._register_visitors, line, [self._scenic_visitor(1)]
        )
        tickets[1:]._refund("R", "ill")
        self.holders._register_visitors(line, [self._scenic_visitor(1)])

    def test_one_person_for_two_lines_of_an_order(self):
        booking = self.env["scenic.booking"]._hold(
            "window",
            "HOLDER-TWO",
            [self._scenic_line(self.order), self._scenic_line(self.order, 2)],
        )
        first, second = booking.line_ids
        self.holders._register_lines(
            [(first, [self._scenic_visitor(1)]), (second, [self._scenic_visitor(1)])]
        )
        self.assertEqual(len(booking.line_ids.holder_ids), 2)
        self.holders._check_complete(booking.line_ids)

    def test_b2_roster_is_completed_until_the_gate(self):
        tickets = self._sold(self.roster, [1, 2], quantity=4)
        self.assertEqual(len(tickets), 1)
        self.assertEqual(tickets.holders_missing, 2)
        line = tickets.booking_line_id
        self.holders._complete_roster(line, [self._scenic_visitor(3)])
        self.assertEqual(tickets.holders_missing, 1)
        found = self.env["scenic.credential"]._find_all(self._scenic_citizen(3))
        self.assertEqual(found.ticket_id, tickets)
        self._assert_code(
            "VISITORS_TOO_MANY",
            self.holders._complete_roster,
            line,
            [self._scenic_visitor(seed) for seed in (4, 5)],
        )
        tickets.entitlement_ids.entries_used = 1
        with self.assertRaises(TicketUsedError):
            self.holders._complete_roster(line, [self._scenic_visitor(4)])

    def test_thousand_names_take_few_queries(self):
        line = self._held(self.roster, 200)
        many = [self._scenic_visitor(seed) for seed in range(200)]
        self.holders._register_visitors(
            self._held(self.roster, 1), [self._scenic_visitor(999)]
        )
        self.env.flush_all()
        count = self.cr.sql_log_count
        self.holders._register_visitors(line, many)
        self.env.flush_all()
        self.assertLess(self.cr.sql_log_count - count, 40)

    # ------------------------------------------------------------------
    # Change
    # ------------------------------------------------------------------

    def test_move_to_another_day(self):
        tickets = self._sold(self.named, [1])
        next_day = self.visit_date + timedelta(days=1)
        tickets.booking_line_id.sudo().visit_date = next_day
        tickets.holder_ids._move()
        self.assertEqual(tickets.holder_ids.visit_date, next_day)
        self._sold(self.named, [1])
        self._assert_code(
            "ID_TAKEN",
            self.holders._register_visitors,
            self._held(self.named, visit_date=next_day),
            [self._scenic_visitor(1)],
        )

    def test_move_to_a_day_that_is_taken(self):
        self._sold(self.named, [1])
        next_day = self.visit_date + timedelta(days=1)
        tickets = self._sold(self.named, [1], visit_date=next_day)
        tickets.booking_line_id.sudo().visit_date = self.visit_date
        self._assert_code("ID_TAKEN", tickets.holder_ids._move)

    def test_replace_a_visitor(self):
        ticket = self._sold(self.named, [1])
        ticket._add_medium("ic_card", "04AABBCC")
        old_token = ticket._qr_token()
        holder = ticket.holder_ids._replace(self._scenic_visitor(2), "ill")
        self.assertEqual(ticket.visitor_id.name, "游客2")
        self.assertEqual(holder.ticket_id, ticket)
        find = self.env["scenic.credential"]._find
        self.assertFalse(find(self._scenic_citizen(1)).active)
        self.assertEqual(find(self._scenic_citizen(2)).ticket_id, ticket)
        self.assertFalse(find("04AABBCC", "ic_card").active, "the first one has it")
        self.assertFalse(find(old_token).active, "the first one has it")
        self.assertTrue(find(ticket._qr_token()).active)
        self._sold(self.named, [1])
        event = self.env["scenic.audit"].search(
            [("action", "=", "holder_change"), ("res_id", "=", ticket.id)]
        )
        self.assertEqual(event.reason, "ill")
        self.assertNotIn("游客", str([event.before, event.after]))

    def test_replace_is_refused(self):
        ticket = self._sold(self.named, [1])
        holder = ticket.holder_ids
        other = self._scenic_visitor(2)
        with self.assertRaises(ReasonMissingError):
            holder._replace(other, " ")
        self._sold(self.named, [3])
        self._assert_code("ID_TAKEN", holder._replace, self._scenic_visitor(3), "ill")
        self.assertTrue(holder.live)
        ticket.entitlement_ids.entries_used = 1
        with self.assertRaises(TicketUsedError):
            holder._replace(other, "ill")
        ticket.entitlement_ids.entries_used = 0
        ticket._freeze("dispute")
        with self.assertRaises(TicketStateError):
            holder._replace(other, "ill")
        self.named.scenic_visitor_change = False
        self._assert_code("VISITOR_FIXED", holder._replace, other, "ill")

    def test_under_14_needs_a_guardian(self):
        self.env.company.scenic_guardian_required = True
        child = self._scenic_visitor(
            7,
            doc_number=self._scenic_citizen(
                7, (self.visit_date - timedelta(days=3000)).strftime("%Y%m%d")
            ),
        )
        self._assert_code(
            "GUARDIAN_MISSING",
            self.holders._register_visitors,
            self._held(self.named),
            [child],
        )
        holder = self.holders._register_visitors(
            self._held(self.named), [{**child, "guardian_name": "李四"}]
        )
        self.assertEqual(holder.visitor_id.guardian_name, "李四")
        holder._release()
        other_child = {
            **child,
            "doc_number": self._scenic_citizen(
                8, (self.visit_date - timedelta(days=3000)).strftime("%Y%m%d")
            ),
        }
        holders = self.holders._register_visitors(
            self._held(self.named, 2), [other_child, self._scenic_visitor(1)]
        )
        self.assertEqual(holders.visitor_id[0].guardian_name, "游客1")

    def test_wizards(self):
        service = new_test_user(
            self.env,
            "holder_service",
            "scenic_ticket_base.group_scenic_customer_service",
        )
        ticket = self._sold(self.named, [1])
        form = Form(
            self.env["scenic.holder.change"]
            .with_user(service)
            .with_context(default_holder_id=ticket.holder_ids.id)
        )
        form.name = "王五"
        form.doc_number = self._scenic_citizen(5)
        form.reason = "ill"
        wizard = form.save()
        self.env.flush_all()
        self.env.cr.execute(
            "SELECT t::text FROM scenic_holder_change t WHERE id = %s", [wizard.id]
        )
        self.assertNotIn(self._scenic_citizen(5), str(self.env.cr.fetchone()))
        wizard.action_apply()
        self.assertEqual(ticket.visitor_id.name, "王五")
        self.assertFalse(wizard.exists())
