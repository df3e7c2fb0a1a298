from hypothesis import given, settings
from hypothesis import strategies as st

from odoo.tests import BaseCase, tagged

from ..tools.typeset import char_width, fit

SIZES = ((7.4, 1), (5.4, 2), (4.2, 2))


@tagged("post_install", "-at_install")
class TestTypeset(BaseCase):
    @settings(max_examples=300, deadline=None)
    @given(text=st.text("云溪山（），。 abcWXYZ019'", max_size=120))
    def test_lines_are_few_and_narrow_enough(self, text):
        size, lines = fit(text, 84, SIZES)
        self.assertLessEqual(len(lines), dict(SIZES)[size])
        for line in lines:
            self.assertLessEqual(sum(map(char_width, line)) * size, 84 + size)

    def test_short_text_is_large_and_whole(self):
        self.assertEqual(fit("成人票", 84, SIZES), (7.4, ["成人票"]))

    def test_brackets_do_not_hang(self):
        text = "云溪山龙吟洞栈道三景点两日通用联（含索道）"
        _size, lines = fit(text, 84, SIZES)
        self.assertEqual("".join(lines), text)
        self.assertFalse(lines[0].endswith("（"))
        self.assertFalse(lines[1].startswith("）"))

    def test_words_stay_together(self):
        _size, lines = fit("Cloud Stream Hill and Dragon Cave Combination", 84, SIZES)
        self.assertEqual(
            " ".join(lines), "Cloud Stream Hill and Dragon Cave Combination"
        )

    def test_too_long_ends_with_an_ellipsis(self):
        _size, lines = fit("山" * 200, 84, SIZES)
        self.assertTrue(lines[-1].endswith("…"))

    def test_empty(self):
        self.assertEqual(fit(False, 84, SIZES).lines, [""])
