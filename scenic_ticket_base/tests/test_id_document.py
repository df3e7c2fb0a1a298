from datetime import date, timedelta

from hypothesis import assume, given, settings
from hypothesis import strategies as st
from stdnum.cn import ric

from odoo.tests import BaseCase, tagged

from ..tools import id_document
from ..tools.id_document import DocumentError, Facts, Mrz

TODAY = date(2026, 11, 23)
CHARACTERS = "0123456789X"
# ICAO Doc 9303 part 4, appendix B
SPECIMEN = (
    "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<",
    "L898902C36UTO7408122F1204159ZE184226B<<<<<10",
)


def number_of(region, birth_date, sequence):
    body = f"{region}{birth_date:%Y%m%d}{sequence:03d}"
    return body + ric.calc_check_digit(f"{body}0")


@tagged("post_install", "-at_install")
class TestIdDocument(BaseCase):
    def _assert_code(self, code, kind, text, today=TODAY):
        with self.subTest(text=text), self.assertRaises(DocumentError) as caught:
            id_document.validate(kind, text, today)
        self.assertEqual(caught.exception.code, code)
        if isinstance(text, str) and len(text) > 4:
            self.assertNotIn(text, str(caught.exception))

    # ------------------------------------------------------------------
    # 18 characters
    # ------------------------------------------------------------------

    def test_citizen_vectors(self):
        for number in (
            "11010519491231002X",
            "810000199408230021",
            "830000199201300022",
        ):
            self.assertEqual(id_document.validate("cn_id", number, TODAY), number)

    def test_right_checksum_of_somebody_too_old(self):
        """Born in 1880: the checksum says yes, the age says no."""
        number = "440524188001010014"
        self.assertEqual(ric.calc_check_digit(number), number[-1])
        self.assertTrue(id_document.is_citizen_number(number))
        self._assert_code("DOC_AGE", "cn_id", number)
        self.assertEqual(
            id_document.validate("cn_id", number, date(2010, 12, 31)), number
        )
        self._assert_code("DOC_AGE", "cn_id", number, date(2011, 1, 1))

    def test_any_other_last_character_is_refused(self):
        for number in (
            "11010519491231002X",
            "810000199408230021",
            "830000199201300022",
            "440524188001010014",
        ):
            for last in set(CHARACTERS) - {number[-1]}:
                self._assert_code("DOC_CHECKSUM", "cn_id", number[:-1] + last)

    def test_as_people_write_it(self):
        for text in (
            "11010519491231002x",
            " 110105 19491231 002X\r\n",
            "110105-19491231-002X",
            "１１０１０５１９４９１２３１００２Ｘ",
        ):
            self.assertEqual(
                id_document.validate("cn_id", text, TODAY), "11010519491231002X"
            )

    def test_what_is_wrong(self):
        for code, text in (
            ("DOC_EMPTY", ""),
            ("DOC_EMPTY", None),
            ("DOC_EMPTY", 110105194912310021),
            ("DOC_EMPTY", b"11010519491231002X"),
            ("DOC_EMPTY", "1" * 1000),
            ("DOC_OLD", "110105491231002"),
            ("DOC_FORMAT", "11010519491231002"),
            ("DOC_FORMAT", "1101051949123100211"),
            ("DOC_FORMAT", "X1010519491231002X"),
            ("DOC_FORMAT", "1101051949123１Ⅷ02X"),
            ("DOC_FORMAT", "11010519491231002٣"),
            ("DOC_REGION", number_of("990105", date(1949, 12, 31), 2)),
            ("DOC_REGION", number_of("100105", date(1949, 12, 31), 2)),
            ("DOC_REGION", number_of("840000", date(1949, 12, 31), 2)),
            ("DOC_FUTURE", number_of("110105", TODAY + timedelta(days=1), 2)),
            ("DOC_KIND", "11010519491231002X"),
        ):
            kind = "driving_licence" if code == "DOC_KIND" else "cn_id"
            self._assert_code(code, kind, text)
        for birth in ("20230229", "19991301", "19990631", "00000101", "19990100"):
            body = f"110105{birth}002"
            self._assert_code(
                "DOC_BIRTH_DATE", "cn_id", body + ric.calc_check_digit(f"{body}0")
            )

    def test_born_today(self):
        number = number_of("110105", TODAY, 2)
        self.assertEqual(id_document.validate("cn_id", number, TODAY), number)

    def test_residence_permit_of_hong_kong_macao_and_taiwan(self):
        born = date(1994, 8, 23)
        for region in ("810000", "820000", "830000"):
            number = number_of(region, born, 2)
            self.assertEqual(
                id_document.validate("gat_residence", number, TODAY), number
            )
        self._assert_code("DOC_REGION", "gat_residence", "11010519491231002X")
        self._assert_code("DOC_REGION", "gat_residence", number_of("810001", born, 2))
        self._assert_code("DOC_FORMAT", "gat_residence", "H12345678")

    def test_foreign_permanent_resident(self):
        number = number_of("911124", date(1981, 12, 23), 1)
        self.assertEqual(id_document.validate("foreign_pr", number, TODAY), number)
        for last in set(CHARACTERS) - {number[-1]}:
            self._assert_code("DOC_CHECKSUM", "foreign_pr", number[:-1] + last)
        self.assertEqual(
            id_document.validate("foreign_pr", "fra 110012345678", TODAY),
            "FRA110012345678",
        )
        for text in ("FR1110012345678", "FRA11001234567", "11010519491231002X"):
            self._assert_code("DOC_FORMAT", "foreign_pr", text)

    # ------------------------------------------------------------------
    # Permits and passports
    # ------------------------------------------------------------------

    def test_travel_permits(self):
        for kind, good, bad in (
            (
                "hk_macau_permit",
                ("H12345678", "m12345678", "H1234567801"),
                ("C12345678", "H1234567", "H123456789", "12345678", "H12345678011"),
            ),
            ("taiwan_permit", ("12345678",), ("1234567", "123456789", "T1234567")),
        ):
            for text in good:
                self.assertEqual(id_document.validate(kind, text, TODAY), text.upper())
            for text in bad:
                self._assert_code("DOC_FORMAT", kind, text)

    def test_renewal_of_a_permit_is_the_same_person(self):
        self.assertEqual(id_document.identity("H1234567801"), "H12345678")
        self.assertEqual(id_document.identity("H12345678"), "H12345678")
        self.assertEqual(
            id_document.identity("11010519491231002X"), "11010519491231002X"
        )

    def test_passports(self):
        for text in (
            "E12345678",
            "EA1234567",
            "G12345678",
            "P01234567",
            "X1234567",
            "20AB99999",
            "12345",
            "A" * 16 + "1",
        ):
            self.assertEqual(id_document.validate("passport", text, TODAY), text)
        for text in ("1234", "ABCDEF", "A" * 17 + "1", "E1234567!", "护照12345678"):
            self._assert_code("DOC_FORMAT", "passport", text)

    def test_mrz_of_the_specimen(self):
        expected = Mrz(
            number="L898902C3",
            issuer="UTO",
            nationality="UTO",
            name="ERIKSSON ANNA MARIA",
            birth_date=date(1974, 8, 12),
            sex="female",
            expiry_date=date(2012, 4, 15),
        )
        for text in (
            "\n".join(SPECIMEN),
            "".join(SPECIMEN).lower(),
            " \r\n ".join(SPECIMEN),
        ):
            self.assertTrue(id_document.looks_like_mrz(text))
            self.assertEqual(id_document.parse_mrz(text, TODAY), expected)

    def test_mrz_with_empty_fields(self):
        number = "AB12345<<"
        body = (
            number
            + id_document.mrz_check_digit(number)
            + "D<<"
            + "25<<<<"
            + id_document.mrz_check_digit("25<<<<")
            + "<"
            + "351231"
            + id_document.mrz_check_digit("351231")
            + "<" * 14
            + "<"
        )
        line = body + id_document.mrz_check_digit(body[:10] + body[13:20] + body[21:])
        mrz = id_document.parse_mrz("P<D<<MUSTER<<<".ljust(44, "<") + line, TODAY)
        self.assertEqual(mrz.number, "AB12345")
        self.assertEqual((mrz.issuer, mrz.name), ("D", "MUSTER"))
        self.assertEqual((mrz.birth_date, mrz.sex), (None, None))
        self.assertEqual(mrz.expiry_date, date(2035, 12, 31))

    def test_mrz_check_digits(self):
        """One wrong character under a check digit is found."""
        first, second = SPECIMEN
        for position in (*range(10), *range(13, 20), *range(21, 44)):
            other = "0" if second[position] != "0" else "1"
            wrong = second[:position] + other + second[position + 1 :]
            if id_document.mrz_check_digit(other) == id_document.mrz_check_digit(
                second[position]
            ):
                continue
            with self.subTest(position=position), self.assertRaises(DocumentError) as c:
                id_document.parse_mrz(first + wrong, TODAY)
            self.assertEqual(c.exception.code, "MRZ_CHECKSUM")

    def test_mrz_of_something_else(self):
        first, second = SPECIMEN
        for text in (
            None,
            "",
            first,
            second + first,
            "V" + first[1:] + second,
            "P" * 88,
        ):
            with self.subTest(text=text), self.assertRaises(DocumentError):
                id_document.parse_mrz(text, TODAY)

    # ------------------------------------------------------------------
    # Facts and telephones
    # ------------------------------------------------------------------

    def test_facts(self):
        for kind, number, expected in (
            ("cn_id", "11010519491231002X", Facts(date(1949, 12, 31), "female")),
            ("gat_residence", "830000199201300022", Facts(date(1992, 1, 30), "female")),
            (
                "cn_id",
                number_of("110105", date(2000, 2, 29), 31),
                Facts(date(2000, 2, 29), "male"),
            ),
            ("foreign_pr", "FRA110012345678", Facts(None, None)),
            ("passport", "E12345678", Facts(None, None)),
        ):
            with self.subTest(number=number):
                self.assertEqual(id_document.facts(kind, number), expected)

    def test_phones(self):
        for text, expected in (
            ("13812345678", "13812345678"),
            ("+86 138 1234 5678", "13812345678"),
            ("0086-138-1234-5678", "13812345678"),
            ("+852 9123 4567", "+85291234567"),
            ("+1 (202) 555-0143", "+12025550143"),
            ("＋８６１３８１２３４５６７８", "13812345678"),
        ):
            with self.subTest(text=text):
                self.assertEqual(id_document.normalise_phone(text), expected)
        for text in (
            "",
            None,
            "12812345678",
            "1381234567",
            "138123456789",
            "+8612812345678",
            "+0123456789",
            "+12345",
            "010-12345678",
            "phone",
        ):
            with self.subTest(text=text), self.assertRaises(DocumentError) as caught:
                id_document.normalise_phone(text)
            self.assertEqual(caught.exception.code, "PHONE_FORMAT")

    def test_age(self):
        born = date(2004, 2, 29)
        self.assertEqual(id_document.age_on(born, date(2018, 2, 28)), 13)
        self.assertEqual(id_document.age_on(born, date(2018, 3, 1)), 14)

    # ------------------------------------------------------------------
    # Whatever comes
    # ------------------------------------------------------------------

    @settings(max_examples=200, deadline=None)
    @given(
        st.dates(date(1900, 1, 1), TODAY),
        st.integers(0, 999),
        st.sampled_from(["11", "37", "44", "65", "71", "82"]),
    )
    def test_every_made_number_is_accepted(self, born, sequence, province):
        number = number_of(f"{province}0105", born, sequence)
        self.assertEqual(id_document.validate("cn_id", number.lower(), TODAY), number)
        facts = id_document.facts("cn_id", number)
        self.assertEqual(facts.birth_date, born)
        self.assertEqual(facts.sex, "male" if sequence % 2 else "female")

    @settings(max_examples=200, deadline=None)
    @given(
        st.dates(date(1900, 1, 1), TODAY),
        st.integers(0, 999),
        st.integers(0, 17),
        st.sampled_from(CHARACTERS),
    )
    def test_every_single_slip_is_found(self, born, sequence, position, character):
        """MOD 11-2 finds any one wrong character."""
        number = number_of("110105", born, sequence)
        assume(character != number[position])
        # pylint: disable-next=unreachable
        wrong = number[:position] + character + number[position + 1 :]
        with self.assertRaises(DocumentError):
            id_document.validate("cn_id", wrong, TODAY)

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(id_document.KINDS), st.text(max_size=30))
    def test_no_text_breaks_anything(self, kind, text):
        try:
            number = id_document.validate(kind, text, TODAY)
        except DocumentError as error:
            self.assertTrue(error.code.startswith("DOC_"))
        else:
            self.assertEqual(id_document.validate(kind, number, TODAY), number)
            self.assertTrue(number.isascii())
            id_document.facts(kind, number)

    @settings(max_examples=200, deadline=None)
    @given(st.text(max_size=100), st.text("ABCP0123456789<", min_size=88, max_size=88))
    def test_no_lines_break_the_mrz(self, text, lines):
        for value in (text, lines, f"P{lines[1:]}"):
            try:
                id_document.parse_mrz(value, TODAY)
            except DocumentError as error:
                self.assertTrue(error.code.startswith("MRZ_"))
