import re
from urllib.parse import unquote

import zxingcpp
from PIL import Image, ImageDraw

from odoo.tests import BaseCase, tagged

from ..tools import images

BAR = re.compile(r"M(\d+) 0h(\d+)v")
DOTS = 3


@tagged("post_install", "-at_install")
class TestImages(BaseCase):
    def _read(self, uri):
        svg = unquote(uri)
        width = int(re.search(r"width='(\d+)'", svg)[1])
        picture = Image.new("L", (width * DOTS, 80), 255)
        draw = ImageDraw.Draw(picture)
        for start, bar in BAR.findall(svg):
            left = int(start) * DOTS
            draw.rectangle((left, 0, left + int(bar) * DOTS - 1, 80), fill=0)
        (code,) = zxingcpp.read_barcodes(picture)
        self.assertEqual(code.format, zxingcpp.BarcodeFormat.Code128)
        return code.text, width

    def test_every_pair_of_digits_is_read_back_at_every_place(self):
        widths = set()
        for pair in range(100):
            for digits in (
                f"{pair:02}" + "31" * 10,
                "31" * 5 + f"{pair:02}" + "31" * 5,
                "31" * 10 + f"{pair:02}",
                f"{pair:02}" * 11,
            ):
                text, width = self._read(images.code128_data_uri(digits))
                self.assertEqual(text, digits)
                widths.add(width)
        # one symbol a pair: never a change of code set
        self.assertEqual(len(widths), 1)

    def test_anything_but_pairs_of_digits_is_refused(self):
        for text in ("123", "12a4", "", "１２"):
            with self.assertRaises(ValueError):
                images.code128_data_uri(text)
