from datetime import datetime, time, timedelta

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from odoo.tests import tagged

from ..exceptions import BookingError, CredentialError, EligibilityError, ScenicError
from .common import ScenicCommon

CITIZENS = [
    "11010519491231002X",
    "810000199408230021",
    "830000199201300022",
]


@tagged("post_install", "-at_install")
class TestBookingConfirm(ScenicCommon):
    """What a paid line becomes."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bookings = cls.env["scenic.booking"]

    def _hold(self, *lines, ref="C1", **kwargs):
        return self.bookings._hold("web", ref, list(lines), **kwargs)

    def _line(self, product, quantity=1, **values):
        return {
            "product_id": product.id,
            "quantity": quantity,
            "visit_date": self.visit_date,
            **values,
        }

    def _orphans(self):
        """Return lines without their tickets and tickets without their lines."""
        self.env.flush_all()
        self.env.cr.execute(
            """
            SELECT 'line', l.id FROM scenic_booking_line l
              JOIN scenic_booking b ON b.id = l.booking_id AND b.state = 'confirmed'
              LEFT JOIN scenic_ticket t ON t.booking_line_id = l.id
             GROUP BY l.id
            HAVING COALESCE(sum(t.persons), 0) <> l.quantity + l.free_persons
                OR COALESCE(sum(t.amount_total), 0) <> l.amount_total
                OR COALESCE(sum(t.amount_untaxed), 0) <> l.amount_untaxed
            UNION ALL
            SELECT 'ticket', t.id FROM scenic_ticket t
              JOIN scenic_booking_line l ON l.id = t.booking_line_id
              JOIN scenic_booking b ON b.id = l.booking_id
             WHERE b.state NOT IN ('confirmed', 'cancelled')
                OR t.booking_id <> l.booking_id OR t.product_id <> l.product_id
            UNION ALL
            SELECT 'right', t.id FROM scenic_ticket t
              LEFT JOIN scenic_entitlement e ON e.ticket_id = t.id
             GROUP BY t.id HAVING COALESCE(sum(e.amount), -1) <> t.amount_untaxed
            UNION ALL
            SELECT 'code', t.id FROM scenic_ticket t
             WHERE t.state IN ('valid', 'part_used') AND 2 <> (
                   SELECT count(*) FROM scenic_credential c WHERE c.ticket_id = t.id
                      AND c.active AND c.kind IN ('qr', 'barcode'))
            """
        )
        return self.env.cr.fetchall()

    # A5: a paid line and its tickets

    def test_a5_one_ticket_a_person_or_one_for_the_group(self):
        booking = self._hold(
            self._line(self.scenic_individual, 3),
            self._line(self.scenic_combo, 2),
            self._line(self.scenic_group, 12),
        )
        self.assertFalse(booking.ticket_ids, "nothing before it is paid")
        booking._confirm()
        persons = [line.ticket_ids.mapped("persons") for line in booking.line_ids]
        self.assertEqual(persons, [[1, 1, 1], [1, 1], [12]])
        self.assertEqual(self._orphans(), [])

    def test_a5_what_fails_leaves_neither_line_nor_ticket(self):
        """The last step breaks: whoever catches the error finds nothing."""
        booking = self._hold(
            self._line(self.scenic_individual, 2), self._line(self.scenic_combo)
        )
        before = self.env["scenic.ticket"].search_count([])
        self.scenic_combo.scenic_validity_rule_id = False
        with self.assertRaises(BookingError):
            booking._confirm()
        self.assertEqual(booking.state, "held")
        self.assertEqual(self.env["scenic.ticket"].search_count([]), before)
        self.scenic_combo.scenic_validity_rule_id = self.scenic_rule
        self.assertEqual(len(booking._confirm()), 3)
        self.assertEqual(self._orphans(), [])

    def test_a5_after_change_and_refund(self):
        booking = self._hold(self._line(self.scenic_individual, 4))
        tickets = booking._confirm()
        tickets[0]._refund("R1", "ill")
        booking._amend(
            [{"line_id": booking.line_ids.id, "quantity": 5}],
            "more",
            document_ref="INV/1",
        )
        self.assertEqual(len(booking.ticket_ids), 6)
        self.assertEqual(self._orphans(), [])

    # Groups

    def test_b2_guides_enter_with_the_code_of_the_group(self):
        self.scenic_group.scenic_guide_per = 10
        ticket = self._hold(self._line(self.scenic_group, 25))._confirm()
        self.assertEqual(ticket.persons, 27)
        self.assertEqual(ticket.entitlement_ids.entries_total, 27)
        self.assertEqual(ticket.amount_total, 2000)
        self.assertEqual(ticket.booking_line_id.free_persons, 2)
        self.assertEqual(self._orphans(), [])

    def test_b2_a_code_each_and_guides_at_no_price(self):
        self.scenic_group.write({"scenic_group_codes": "each", "scenic_guide_per": 10})
        tickets = self._hold(self._line(self.scenic_group, 21))._confirm()
        self.assertEqual(tickets.mapped("persons"), [1] * 23)
        self.assertEqual(tickets.mapped("amount_total"), [80] * 21 + [0] * 2)
        self.assertEqual(self._orphans(), [])

    def test_b2_smallest_group(self):
        self.scenic_group.scenic_min_persons = 10
        with self.assertRaises(BookingError) as caught:
            self._hold(self._line(self.scenic_group, 9))
        self.assertEqual(caught.exception.code, "GROUP_TOO_SMALL")

    # Names, concessions, cards

    def _visitor(self, number=0, **values):
        return {
            "name": f"游客{number}",
            "doc_kind": "cn_id",
            "doc_number": CITIZENS[number],
            **values,
        }

    def test_c4_each_ticket_gets_its_visitor(self):
        self.scenic_individual.scenic_real_name = "visitor"
        people = [self._visitor(0), {**self._visitor(1), "doc_kind": "gat_residence"}]
        booking = self._hold(self._line(self.scenic_individual, 2, visitors=people))
        tickets = booking._confirm().sorted("number")
        self.assertEqual(tickets.mapped("visitor_id.name"), ["游客0", "游客1"])
        for ticket in tickets:
            self.assertEqual(
                ticket.credential_ids.mapped("kind"), ["qr", "barcode", "id_document"]
            )

    def test_c4_one_document_one_ticket_until_given_back(self):
        self.scenic_individual.scenic_real_name = "visitor"
        line = self._line(self.scenic_individual, visitors=[self._visitor()])
        first = self._hold(line)
        for _round in range(2):
            with self.assertRaises(BookingError) as caught:
                self._hold(line, ref="C2")
            self.assertEqual(caught.exception.code, "ID_TAKEN")
            first._confirm()
        first.ticket_ids._refund("R1", "ill")
        second = self._hold(line, ref="C2")
        second._cancel("no")
        self._hold(line, ref="C3")

    def test_b1_no_ticket_without_the_names_it_needs(self):
        self.scenic_individual.scenic_real_name = "visitor"
        booking = self._hold(
            self._line(self.scenic_individual, 2, visitors=[self._visitor()])
        )
        with self.assertRaises(BookingError) as caught:
            booking._confirm()
        self.assertEqual(caught.exception.code, "VISITORS_MISSING")
        self.assertFalse(booking.ticket_ids)
        line = booking.line_ids
        booking._amend(
            [
                {
                    "line_id": line.id,
                    "visitors": [
                        self._visitor(0),
                        {**self._visitor(1), "doc_kind": "gat_residence"},
                    ],
                }
            ],
            "names are known",
        )
        self.assertEqual(len(booking._confirm()), 2)

    def test_names_change_until_the_first_use(self):
        product = self.scenic_individual
        product.write({"scenic_real_name": "visitor", "scenic_visitor_change": True})
        booking = self._hold(self._line(product, visitors=[self._visitor(0)]))
        ticket = booking._confirm()
        old = ticket._qr_token()
        change = {
            "line_id": booking.line_ids.id,
            "visitors": [{**self._visitor(1), "doc_kind": "gat_residence"}],
        }
        answer = booking._amend([change], "ill")
        self.assertEqual(answer["difference_total"], 0)
        self.assertEqual(ticket.visitor_id.name, "游客1")
        self.assertNotEqual(ticket._qr_token(), old)
        self._hold(self._line(product, visitors=[self._visitor(0)]), ref="C2")
        ticket.entitlement_ids.entries_used = 1
        with self.assertRaises(Exception) as caught:
            booking._amend([{**change, "visitors": [self._visitor(2)]}], "ill")
        self.assertEqual(caught.exception.code, "TICKET_USED")

    def test_names_move_with_the_date(self):
        """A document is free on the old day and taken on the new one."""
        product = self.scenic_individual
        product.scenic_real_name = "visitor"
        people = {"visitors": [self._visitor()]}
        booking = self._hold(self._line(product, **people))
        booking._confirm()
        new_day = self.visit_date.replace(year=self.visit_date.year + 1)
        booking._amend(
            [{"line_id": booking.line_ids.id, "visit_date": new_day}], "rain"
        )
        self._hold(self._line(product, **people), ref="C2")
        with self.assertRaises(BookingError) as caught:
            self._hold(
                self._line(product, **{**people, "visit_date": new_day}), ref="C3"
            )
        self.assertEqual(caught.exception.code, "ID_TAKEN")

    def test_more_persons_come_with_their_names(self):
        product = self.scenic_individual
        product.scenic_real_name = "visitor"
        people = [self._visitor(0), {**self._visitor(1), "doc_kind": "gat_residence"}]
        booking = self._hold(self._line(product, visitors=people[:1]))
        booking._confirm()
        change = {"line_id": booking.line_ids.id, "quantity": 2}
        with self.assertRaises(BookingError) as caught:
            booking._amend([change], "one more", document_ref="INV/1")
        self.assertEqual(caught.exception.code, "VISITORS_MISSING")
        booking._amend(
            [{**change, "visitors": people}], "one more", document_ref="INV/1"
        )
        tickets = booking.ticket_ids.sorted("number")
        self.assertEqual(tickets.mapped("visitor_id.name"), ["游客0", "游客1"])

    def test_concession_that_the_visitor_is_not_entitled_to(self):
        self.scenic_individual.scenic_eligibility_ids = self.env[
            "scenic.eligibility"
        ].create(
            {"name": "Child", "category": "child", "age_limited": True, "age_to": 6}
        )
        line = self._line(
            self.scenic_individual,
            visitors=[{"name": "周强", "birth_date": "1980-05-06"}],
        )
        with self.assertRaises(EligibilityError) as caught:
            self._hold(line)
        self.assertEqual(caught.exception.code, "ELIGIBILITY_AGE")
        seen = {"proof_checked": True, "note": "household register"}
        booking = self._hold({**line, "eligibility": seen})
        self.assertTrue(booking.line_ids.proof_checked)
        self.assertEqual(booking.line_ids.proof_note, "household register")

    def test_card_is_kept_sealed_until_the_ticket_is_on_it(self):
        line = self._line(
            self.scenic_individual, medium={"kind": "ic_card", "number": "04:A2:2B:91"}
        )
        booking = self._hold(line)
        line_sudo = booking.line_ids.sudo()
        self.assertTrue(line_sudo.medium_sealed)
        self.assertNotIn("04A22B91", line_sudo.medium_sealed)
        ticket = booking._confirm()
        self.assertFalse(line_sudo.medium_sealed)
        found = self.env["scenic.credential"]._find("04A22B91", "ic_card")
        self.assertEqual(found.ticket_id, ticket)

    def test_bad_cards(self):
        for medium, code in (
            ({"kind": "ic_card", "number": "xyz"}, "MEDIUM_INVALID"),
            ({"kind": "ic_card"}, "MEDIUM_INVALID"),
            ({"kind": "id_document", "number": CITIZENS[0]}, "MEDIUM_KIND"),
            ("04A22B91", "MEDIUM_KIND"),
        ):
            with self.subTest(medium=medium), self.assertRaises(CredentialError) as c:
                self._hold(self._line(self.scenic_individual, medium=medium))
            self.assertEqual(c.exception.code, code)
        with self.assertRaises(CredentialError) as caught:
            self._hold(
                self._line(
                    self.scenic_individual,
                    2,
                    medium={"kind": "ic_card", "number": "04A22B91"},
                )
            )
        self.assertEqual(caught.exception.code, "MEDIUM_QUANTITY")

    def test_bad_people(self):
        for values, code in (
            ({"visitors": "周强"}, "VISITORS_INVALID"),
            ({"visitors": ["周强"]}, "VISITORS_INVALID"),
            ({"eligibility": "yes"}, "ELIGIBILITY_INVALID"),
            ({"slot_id": "morning"}, "SLOT_INVALID"),
            ({"slot_id": True}, "SLOT_INVALID"),
            ({"slot_id": -1}, "SLOT_INVALID"),
        ):
            with self.subTest(values=values), self.assertRaises(BookingError) as c:
                self._hold(self._line(self.scenic_individual, **values))
            self.assertEqual(c.exception.code, code)

    def test_lines_that_are_none(self):
        for lines in (["x"], "x", [None], {"product_id": 1}):
            with self.subTest(lines=lines), self.assertRaises(BookingError) as c:
                self.bookings._hold("web", "C9", lines)
            self.assertEqual(c.exception.code, "BOOKING_INVALID")

    def test_slot_of_another_place_or_day(self):
        other = self.env["scenic.site"].create({"name": "Far", "code": "FAR"})
        start = datetime.combine(self.visit_date, time(1))
        slots = self.env["scenic.slot"].create(
            [
                {
                    "site_id": site.id,
                    "date": day,
                    "start": start + timedelta(days=(day - self.visit_date).days),
                    "end": start
                    + timedelta(days=(day - self.visit_date).days, hours=1),
                }
                for site, day in (
                    (other, self.visit_date),
                    (self.scenic_area, self.visit_date + timedelta(days=1)),
                )
            ]
        )
        for slot in slots:
            with self.subTest(slot=slot), self.assertRaises(ScenicError) as caught:
                self._hold(self._line(self.scenic_individual, slot_id=slot.id))
            self.assertEqual(caught.exception.code, "SLOT_WRONG")

    def test_no_nonsense_is_a_traceback(self):
        """Whatever a channel sends: it is done, or refused with a code."""
        booking = self._hold(self._line(self.scenic_individual), ref="BASE")
        named = self._scenic_product(
            "Named", "individual", 50, scenic_real_name="visitor"
        )
        line = self._line(named)
        bookings = self.env["scenic.booking"]
        nonsense = st.recursive(
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats()
            | st.text(max_size=8)
            | st.sampled_from((named.id, 2**31, -1, "2027-02-30", "\x00", "1e309")),
            lambda children: (
                st.lists(children, max_size=2)
                | st.dictionaries(st.text(max_size=3), children, max_size=2)
            ),
            max_leaves=4,
        )
        person = st.dictionaries(
            st.sampled_from(
                (
                    "name",
                    "doc_kind",
                    "doc_number",
                    "birth_date",
                    "height_cm",
                    "phone",
                    "guardian_name",
                    "mrz",
                )
            ),
            nonsense | st.sampled_from(("cn_id", "passport", self._scenic_citizen(1))),
            max_size=4,
        )
        calls = {
            "quote": lambda values, _x: bookings._quote("window", [{**line, **values}]),
            "hold": lambda values, _x: self._hold({**line, **values}),
            "amend": lambda values, _x: booking._amend(
                [{"line_id": booking.line_ids.id, **values}], "asked"
            ),
            "changes": lambda _v, x: booking._amend(x, "asked"),
            "reference": lambda _v, x: bookings._hold("window", x, [line]),
            "channel": lambda _v, x: bookings._hold(x, "R1", [line]),
            "key": lambda _v, x: booking._extend(key=x),
            "minutes": lambda _v, x: booking._extend(minutes=x),
        }

        @settings(
            max_examples=150,
            deadline=None,
            database=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        )
        @given(
            st.sampled_from(sorted(calls)),
            st.sampled_from((*line, "visitors", "slot_id", "eligibility", "medium")),
            nonsense | st.lists(person, min_size=1, max_size=2),
        )
        @example("channel", "quantity", [{}])
        def send(call, name, value):
            point = self.env.cr.savepoint()
            try:
                calls[call]({name: value}, value)
            except ScenicError as error:
                self.assertTrue(error.code)
            finally:
                point.close(rollback=True)
                self.env.invalidate_all()

        send()

    # Speed

    def test_queries_are_the_same_for_1_50_and_1000_tickets(self):
        def count(quantity):
            booking = self._hold(
                self._line(self.scenic_combo, quantity), ref=f"Q{quantity}"
            )
            queries = self._scenic_queries(booking._confirm)
            self.assertEqual(len(booking.ticket_ids), quantity)
            return queries

        count(2)  # warm the caches
        one, fifty, thousand = count(1), count(50), count(1000)
        self.assertEqual((one, fifty), (thousand, thousand))
        self.assertEqual(self._orphans(), [])
