from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..tools.split import earned_units, split_units

weights = st.lists(st.integers(0, 10**6), min_size=1, max_size=50).filter(any)


@tagged("post_install", "-at_install")
class TestSplit(BaseCase):
    @settings(max_examples=300, deadline=None)
    @given(total=st.integers(0, 10**14), weights=weights)
    def test_sum_is_exact_and_nobody_owes(self, total, weights):
        shares = split_units(total, weights)
        self.assertEqual(sum(shares), total)
        self.assertGreaterEqual(min(shares), 0)
        for share, weight in zip(shares, weights, strict=True):
            self.assertLess(abs(share * sum(weights) - total * weight), sum(weights))
        self.assertEqual(shares, split_units(total, list(weights)))

    @settings(max_examples=200, deadline=None)
    @given(total=st.integers(0, 10**9), count=st.integers(1, 300))
    def test_equal_parts_fall_by_one_cent_at_most(self, total, count):
        shares = split_units(total, [1] * count)
        self.assertEqual(shares, sorted(shares, reverse=True))
        self.assertLessEqual(shares[0] - shares[-1], 1)

    def test_largest_remainder_gets_the_cent(self):
        self.assertEqual(split_units(100, [1, 1, 1]), [34, 33, 33])
        self.assertEqual(split_units(10, [60, 40]), [6, 4])
        self.assertEqual(split_units(1, [40, 60]), [0, 1])

    def test_nonsense_is_refused(self):
        for total, parts in ((-1, [1]), (1, []), (1, [0]), (1, [2, -1])):
            with self.assertRaises(ValueError):
                split_units(total, parts)

    @settings(max_examples=200, deadline=None)
    @given(total=st.integers(0, 10**9), entries=st.integers(1, 300))
    def test_earning_entry_by_entry_ends_at_the_total(self, total, entries):
        steps = [earned_units(total, used, entries) for used in range(entries + 1)]
        self.assertEqual(steps[0], 0)
        self.assertEqual(steps[-1], total)
        self.assertEqual(steps, sorted(steps))

    def test_more_than_all_cannot_be_earned(self):
        with self.assertRaises(ValueError):
            earned_units(100, 3, 2)
