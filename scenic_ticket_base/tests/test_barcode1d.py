from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..tools import barcode1d

SECRET = bytes(range(32))


@tagged("post_install", "-at_install")
class TestBarcode1d(BaseCase):
    def test_known_number(self):
        """Reprints must give the same digits for ever."""
        self.assertEqual(barcode1d.encode(SECRET, 1), "2684573317733919752178")

    @settings(max_examples=200, deadline=None)
    @given(number=st.integers(1, 2**31 - 1))
    def test_shape_and_check_digits(self, number):
        digits = barcode1d.encode(SECRET, number)
        self.assertRegex(digits, r"^[0-9]{22}$")
        self.assertTrue(barcode1d.is_valid(digits))
        self.assertNotEqual(digits, barcode1d.encode(SECRET, number + 1))
        self.assertNotEqual(digits, barcode1d.encode(SECRET[::-1], number))

    @settings(max_examples=200, deadline=None)
    @given(
        number=st.integers(1, 2**31 - 1), place=st.integers(0, 21), by=st.integers(1, 9)
    )
    def test_every_misread_digit_is_noticed(self, number, place, by):
        digits = barcode1d.encode(SECRET, number)
        wrong = str((int(digits[place]) + by) % 10)
        self.assertFalse(
            barcode1d.is_valid(digits[:place] + wrong + digits[place + 1 :])
        )

    @settings(max_examples=100, deadline=None)
    @given(number=st.integers(1, 2**31 - 1), place=st.integers(0, 20))
    def test_every_swap_of_neighbours_is_noticed(self, number, place):
        digits = barcode1d.encode(SECRET, number)
        swapped = (
            digits[:place] + digits[place + 1] + digits[place] + digits[place + 2 :]
        )
        self.assertEqual(barcode1d.is_valid(swapped), swapped == digits)

    def test_wrong_shapes(self):
        for text in ("", "1" * 21, "1" * 23, "١" * 22, "A" * 22):
            self.assertFalse(barcode1d.is_valid(text))

    def test_no_number_below_one(self):
        with self.assertRaises(ValueError):
            barcode1d.encode(SECRET, 0)

    def test_groups_read_back(self):
        digits = barcode1d.encode(SECRET, 7)
        grouped = barcode1d.grouped(digits)
        self.assertEqual([len(part) for part in grouped.split()], [4, 4, 4, 4, 4, 2])
        self.assertEqual(grouped.replace(" ", ""), digits)
