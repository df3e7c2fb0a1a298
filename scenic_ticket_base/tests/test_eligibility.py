from datetime import date

from psycopg2.errors import CheckViolation

from odoo import Command
from odoo.exceptions import ValidationError
from odoo.tests import freeze_time, tagged
from odoo.tools import mute_logger

from ..exceptions import EligibilityError
from .common import ScenicCommon

DAY = date(2027, 6, 1)


@tagged("post_install", "-at_install")
class TestEligibility(ScenicCommon):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.free = cls._scenic_product("Child free 免票", "individual", 0)
        cls.half = cls._scenic_product("Half price 优惠票", "individual", 50)
        cls.child = cls._concession(
            "Child",
            cls.free,
            category="child",
            age_limited=True,
            age_to=6,
            height_to=120,
            legal_basis="Notice A",
        )
        cls.minor = cls._concession(
            "Minor",
            cls.half,
            category="minor",
            age_limited=True,
            age_from=7,
            age_to=17,
            legal_basis="Notice B",
        )
        cls.student = cls._concession(
            "Student",
            cls.half,
            category="student",
            proof="student card",
            legal_basis="Notice B",
        )

    @classmethod
    def _concession(cls, name, products, **values):
        return cls.env["scenic.eligibility"].create(
            {
                "name": name,
                "product_tmpl_ids": products.product_tmpl_id.ids,
                **values,
            }
        )

    def _check(self, product, *visitors, day=DAY, proof=False):
        self.env["scenic.eligibility"]._check(
            product,
            {"visit_date": day, "visitors": visitors, "proof_checked": proof},
        )

    def _assert_refused(self, code, product, *visitors, **kwargs):
        with self.assertRaises(EligibilityError) as caught:
            self._check(product, *visitors, **kwargs)
        self.assertEqual(caught.exception.code, code)
        return str(caught.exception)

    # --- check -----------------------------------------------------------

    def test_age_is_that_of_the_visit_date(self):
        """Seven on 1 June 2027, so six the day before."""
        visitor = {"birth_date": "2020-06-01"}
        self._check(self.free, visitor, day=date(2027, 5, 31))
        self._assert_refused("ELIGIBILITY_AGE", self.free, visitor, day=DAY)
        self._check(self.half, visitor, day=DAY)
        grown = {"birth_date": date(2009, 6, 2)}
        self._check(self.half, grown, day=DAY)

    def test_leap_day_birthday_favours_the_visitor(self):
        """Born on 29 February 2020: seven on 28 February 2027, or on 1 March."""
        visitor = {"birth_date": "2020-02-29"}
        self._check(self.free, visitor, day=date(2027, 2, 28))
        self._check(self.half.product_tmpl_id, visitor, day=date(2027, 2, 28))
        self._assert_refused(
            "ELIGIBILITY_AGE", self.free, visitor, day=date(2027, 3, 1)
        )

    def test_without_a_visit_date_today_counts(self):
        visitor = {"birth_date": "2020-06-01"}
        with freeze_time("2027-05-31 15:59:00"):
            self._check(self.free, visitor, day=None)
        with freeze_time("2027-05-31 16:00:00"):  # 1 June in China
            self._assert_refused("ELIGIBILITY_AGE", self.free, visitor, day=None)

    def test_booking_asks_who_comes(self):
        visitor = {"name": "王芳", "birth_date": "1980-01-01"}
        values = {"visit_date": DAY, "visitors": [visitor]}
        with freeze_time("2027-05-01"):
            with self.assertRaises(EligibilityError) as caught:
                self._scenic_sell(self.free, **values)
            self.assertEqual(caught.exception.code, "ELIGIBILITY_AGE")
            ticket = self._scenic_sell(
                self.free, **values, eligibility={"proof_checked": True, "note": "x"}
            )
        self.assertEqual(ticket.amount_total, 0)

    # --- who comes later, and another day --------------------------------

    def _assert_code(self, code, function, *args, **kwargs):
        with self.assertRaises(EligibilityError) as caught, self.env.cr.savepoint():
            function(*args, **kwargs)
        self.assertEqual(caught.exception.code, code)

    def _person(self, seed, born, **values):
        """Return a visitor with a document that tells the birth date."""
        return self._scenic_visitor(
            seed,
            doc_number=self._scenic_citizen(seed, born.replace("-", "")),
            consent_purpose="real name",
            guardian_name="王芳",
            **values,
        )

    def _amend(self, ticket, **change):
        line = ticket.booking_line_id
        return line.booking_id._amend([{"line_id": line.id, **change}], "asked for")

    def test_document_tells_the_age(self):
        """Whatever was said of the birth date, and if nothing was."""
        with freeze_time("2027-05-01"):
            self._scenic_sell(
                self.free, visit_date=DAY, visitors=[self._person(2, "2022-01-01")]
            )
        for said in ({}, {"birth_date": "2022-01-01"}):
            with self.subTest(said=said), freeze_time("2027-05-01"):
                self._assert_code(
                    "ELIGIBILITY_AGE",
                    self._scenic_sell,
                    self.free,
                    visit_date=DAY,
                    visitors=[self._person(1, "1980-01-01", **said)],
                )

    def test_names_that_come_later_are_asked_for_their_age(self):
        self.free.scenic_real_name = "visitor"
        child, adult = self._person(1, "2021-05-05"), self._person(2, "1980-01-01")
        with freeze_time("2027-05-01"):
            booking = self.env["scenic.booking"]._hold(
                "window", "LATER", [self._scenic_line(self.free, visit_date=DAY)]
            )
            change = {"line_id": booking.line_ids.id}
            self._assert_code(
                "ELIGIBILITY_AGE",
                booking._amend,
                [{**change, "visitors": [adult]}],
                "named",
            )
            booking._amend([{**change, "visitors": [child]}], "named")
            ticket = booking._confirm()
            self._assert_code("ELIGIBILITY_AGE", self._amend, ticket, visitors=[adult])
            self._assert_code(
                "ELIGIBILITY_AGE", ticket.holder_ids._replace, adult, "handed on"
            )
        self.assertEqual(ticket.visitor_id.birth_date, date(2021, 5, 5))

    def test_proof_of_one_visitor_is_not_that_of_the_next(self):
        self.free.scenic_real_name = "visitor"
        with freeze_time("2027-05-01"):
            ticket = self._scenic_sell(
                self.free,
                visit_date=DAY,
                visitors=[self._person(1, "1980-01-01")],
                eligibility={"proof_checked": True, "note": "seen"},
            )
            self._assert_code(
                "ELIGIBILITY_AGE",
                ticket.holder_ids._replace,
                self._person(2, "1981-01-01"),
                "handed on",
            )

    def test_companion_can_be_another_one(self):
        self.free.scenic_real_name = "visitor"
        self.child.companions = 1
        people = [self._person(1, "2022-01-01"), self._person(2, "1980-01-01")]
        with freeze_time("2027-05-01"):
            tickets = self._scenic_sell(self.free, 2, visit_date=DAY, visitors=people)
            child, carer = tickets.holder_ids.sorted("id")
            carer._replace(self._person(3, "1975-01-01"), "the other parent")
            self._assert_code(
                "ELIGIBILITY_AGE",
                child._replace,
                self._person(4, "1970-01-01"),
                "nobody to be with",
            )

    def test_ticket_of_a_day_does_not_move_to_another(self):
        """A teacher's free day is that day."""
        self.student.write({"date_from": DAY, "date_to": DAY})
        self.minor.product_tmpl_ids = False
        with freeze_time("2027-05-01"):
            ticket = self._scenic_sell(self.half, visit_date=DAY)
            self._assert_code(
                "ELIGIBILITY_DATE", self._amend, ticket, visit_date=date(2027, 6, 2)
            )
        self.assertEqual(ticket.visit_date, DAY)

    def test_who_is_too_old_on_the_new_day(self):
        with freeze_time("2027-05-01"):
            ticket = self._scenic_sell(
                self.free,
                visit_date=date(2027, 5, 30),
                visitors=[self._person(1, "2020-06-01")],
            )
            self._amend(ticket, visit_date=date(2027, 5, 31))
            self._assert_code("ELIGIBILITY_AGE", self._amend, ticket, visit_date=DAY)
            tall = self._scenic_sell(
                self.free,
                visit_date=date(2027, 5, 30),
                visitors=[self._person(2, "2015-01-01", height_cm=118)],
            )
            self._amend(tall, visit_date=DAY)
        self.assertEqual(tall.visit_date, DAY, "accepted by height, which stays")

    def test_age_or_height_whichever_favours(self):
        self.student.product_tmpl_ids = False
        for birth, height, code in (
            ("2022-01-01", 130, None),
            ("2015-01-01", 120, None),
            ("2015-01-01", 121, "ELIGIBILITY_AGE"),
            ("2015-01-01", None, "ELIGIBILITY_AGE"),
            (None, 121, "ELIGIBILITY_HEIGHT"),
            (None, 119, None),
            (None, None, None),
        ):
            visitor = {"birth_date": birth, "height_cm": height}
            with self.subTest(visitor=visitor):
                if code:
                    self._assert_refused(code, self.free, visitor)
                else:
                    self._check(self.free, visitor)

    def test_checked_proof_settles_it(self):
        adult = {"birth_date": "1980-01-01", "height_cm": 175}
        text = self._assert_refused("ELIGIBILITY_AGE", self.free, adult)
        self.assertIn("age up to 6", text)
        self._check(self.free, adult, proof=True)

    def test_student_is_contradicted_by_nothing(self):
        """The card is shown at the gate."""
        self._check(self.half, {"birth_date": "1980-01-01"})

    def test_ticket_for_everybody_asks_nothing(self):
        self._check(self.scenic_individual, {"birth_date": "1900-01-01"})

    def test_every_visitor_counts(self):
        child, adult = {"birth_date": "2022-01-01"}, {"birth_date": "1980-01-01"}
        self._assert_refused("ELIGIBILITY_AGE", self.free, child, adult)
        self.child.companions = 1
        self._check(self.free, child, adult)
        self._assert_refused("ELIGIBILITY_AGE", self.free, child, adult, adult)
        self._assert_refused("ELIGIBILITY_AGE", self.free, adult)

    def test_dates_in_force(self):
        self.child.write({"date_from": "2027-06-01", "date_to": "2027-06-02"})
        child = {"birth_date": "2022-01-01"}
        for day, ok in ((31, False), (1, True), (2, True), (3, False)):
            visit = date(2027, 5 if day == 31 else 6, day)
            with self.subTest(day=visit):
                if ok:
                    self._check(self.free, child, day=visit)
                else:
                    self._assert_refused(
                        "ELIGIBILITY_DATE", self.free, child, day=visit, proof=True
                    )

    def test_area_speaks_for_its_spots(self):
        child = {"birth_date": "2022-01-01"}
        self.free.scenic_site_id = self.scenic_spot
        self.child.site_ids = self.scenic_area
        self._check(self.free, child)
        self.free.scenic_site_id = self.scenic_area
        self.child.site_ids = self.scenic_spot
        self._assert_refused("ELIGIBILITY_SITE", self.free, child)

    def test_archived_concession_entitles_nobody(self):
        """Its ticket must not become one for everybody."""
        self.child.active = False
        child = {"birth_date": "2022-01-01"}
        self._assert_refused("ELIGIBILITY_DATE", self.free, child)
        self.assertEqual(
            [offer["product"] for offer in self._offers(child)],
            [self.scenic_individual],
        )

    # --- lowest lawful price ---------------------------------------------

    def _offers(self, facts, day=DAY, **kwargs):
        with freeze_time("2027-05-01"):
            offers = self.env["scenic.eligibility"]._propose(
                self.scenic_area, facts, day, **kwargs
            )
        ours = self.free | self.half | self.scenic_individual
        return [offer for offer in offers if offer["product"] in ours]

    def test_lowest_lawful_price_comes_first(self):
        adult = self.scenic_individual
        for facts, expected in (
            ({}, [(adult, 100, "")]),
            ({"birth_date": "1980-01-01"}, [(adult, 100, "")]),
            (
                {"birth_date": "2022-01-01"},
                [(self.free, 0, "Notice A"), (adult, 100, "")],
            ),
            (
                {"birth_date": "2015-01-01"},
                [(self.half, 50, "Notice B"), (adult, 100, "")],
            ),
            (
                {"birth_date": "2015-01-01", "height_cm": 118},
                [
                    (self.free, 0, "Notice A"),
                    (self.half, 50, "Notice B"),
                    (adult, 100, ""),
                ],
            ),
            (
                {"birth_date": "2000-01-01", "categories": ["student"]},
                [(self.half, 50, "Notice B"), (adult, 100, "")],
            ),
        ):
            with self.subTest(facts=facts):
                self.assertEqual(
                    [
                        (o["product"], o["price"], o["legal_basis"])
                        for o in self._offers(facts)
                    ],
                    expected,
                )

    def test_proposal_is_never_refused_by_the_check(self):
        for year in range(1940, 2027, 3):
            for height in (None, 100, 150):
                facts = {"birth_date": date(year, 6, 1), "height_cm": height}
                offers = self._offers(facts)
                self.assertEqual(offers[-1]["product"], self.scenic_individual)
                for offer in offers:
                    self._check(offer["product"], facts)

    def test_proof_in_any_case(self):
        """The right age is not enough where the proof must be seen."""
        self.minor.write({"proof": "pupil card", "proof_always": True})
        facts = {"birth_date": "2015-01-01"}
        self.assertEqual(len(self._offers(facts)), 1)
        facts["categories"] = ["minor"]
        self.assertEqual(self._offers(facts)[0]["product"], self.half)
        facts["birth_date"] = "1980-01-01"
        self.assertEqual(len(self._offers(facts)), 1)

    def test_proposal_has_the_price_of_the_visit_date(self):
        pricelist = self.env["product.pricelist"].create(
            {
                "name": "Season",
                "item_ids": [
                    Command.create(
                        {
                            "applied_on": "1_product",
                            "product_tmpl_id": self.half.product_tmpl_id.id,
                            "compute_price": "fixed",
                            "fixed_price": 120,
                            "date_start": "2027-06-01 00:00:00",
                            "date_end": "2027-06-01 23:59:59",
                        }
                    )
                ],
            }
        )
        facts = {"birth_date": "2015-01-01"}
        for day, products in (
            (DAY, [self.scenic_individual, self.half]),
            (date(2027, 6, 2), [self.half, self.scenic_individual]),
        ):
            offers = self._offers(facts, day=day, pricelist=pricelist)
            self.assertEqual([offer["product"] for offer in offers], products)

    def test_only_tickets_that_can_be_used_are_proposed(self):
        self.half.scenic_validity_rule_id = self.env["scenic.validity.rule"].create(
            {"name": "No Tuesdays", "tuesday": False}
        )
        facts = {"birth_date": "2015-01-01"}
        self.assertEqual(len(self._offers(facts)), 1)  # 1 June 2027 is a Tuesday
        self.assertEqual(len(self._offers(facts, day=date(2027, 6, 2))), 2)

    # --- definition ------------------------------------------------------

    def test_condition_in_words(self):
        child = self.child.with_context(lang="en_US")
        self.assertEqual(child.condition, "age up to 6 or height up to 120 cm")
        self.assertEqual(self.minor.condition, "age 7 to 17")
        self.assertEqual(self.student.condition, "with proof: student card")
        self.minor.write({"age_to": 0, "proof": "ID", "proof_always": True})
        self.assertEqual(self.minor.condition, "age 7 and above, with proof: ID")

    def test_definition_must_make_sense(self):
        for values in ({}, {"proof_always": True, "height_to": 120}):
            with self.subTest(values=values), self.assertRaises(ValidationError):
                self._concession("x", self.half, **values)
        for values in (
            {"age_from": 18, "age_to": 6},
            {"age_from": -1},
            {"height_to": 300},
            {"companions": -1},
            {"date_from": "2027-06-02", "date_to": "2027-06-01"},
        ):
            with (
                self.subTest(values=values),
                self.assertRaises(CheckViolation),
                mute_logger("odoo.sql_db"),
                self.env.cr.savepoint(),
            ):
                self._concession("x", self.half, proof="p", **values)

    def test_company_is_that_of_site_and_product(self):
        other = self.env["res.company"].create({"name": "Other park"})
        with self.assertRaises(ValidationError):
            self.child.company_id = other
        stranger = self.env["scenic.eligibility"].create(
            {"name": "Theirs", "proof": "card", "company_id": other.id}
        )
        with self.assertRaises(ValidationError):
            self.half.product_tmpl_id.scenic_eligibility_ids |= stranger

    def test_f2_law_is_data_and_audited(self):
        self.child.write({"age_to": 5, "legal_basis": "Notice C"})
        entry = self.env["scenic.audit"].search(
            [
                ("res_model", "=", "scenic.eligibility"),
                ("res_id", "=", self.child.id),
                ("action", "=", "config_write"),
            ]
        )
        self.assertEqual(entry.before, {"age_to": 6, "legal_basis": "Notice A"})
        self.assertEqual(entry.after, {"age_to": 5, "legal_basis": "Notice C"})
        self._assert_refused("ELIGIBILITY_AGE", self.free, {"birth_date": "2021-06-01"})
