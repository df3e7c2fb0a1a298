"""A ticket as the dots of a receipt printer (no Odoo in here).

Nothing is scaled or dithered: each module of a code is a whole number of dots.
"""

import functools
import subprocess

from PIL import Image, ImageDraw, ImageFont

from . import images
from .typeset import fit

MIN_WIDTH = 512
BAR_QUIET = 7
BAR_HEIGHT = 96
GAP = 8
MARGIN = 16
# font sizes in dots, with the number of lines
SITE = [(30, 1), (24, 1), (20, 2)]
PRODUCT = [(44, 1), (36, 2), (28, 2)]
FACT = [(28, 1), (24, 1), (20, 2)]
NUMBER = [(32, 1)]
DIGITS = [(22, 1), (18, 1)]
LONGEST = 4000


def draw(width, *, token, digits, site, product, facts, number, digits_text, mark):
    """Draw a ticket.

    :param int width: dots of a line, a multiple of 8, :data:`MIN_WIDTH` at least
    :param str token: text of the QR code, :param str digits: number of the barcode
    :param list facts: lines between product and code
    :param str mark: says which reprint it is, or nothing
    :return: ``PIL.Image`` of mode 1
    """
    if width % 8 or width < MIN_WIDTH:
        raise ValueError(f"{width} dots are no width of a ticket")
    paper = _Paper(width)
    paper.text(site, SITE)
    paper.text(product, PRODUCT)
    for fact in facts:
        paper.text(fact, FACT)
    paper.qr(token)
    paper.text(number, NUMBER)
    paper.bars(digits)
    paper.text(digits_text, DIGITS)
    if mark:
        paper.text(mark, NUMBER)
    return paper.cut()


class _Paper:
    def __init__(self, width):
        self.image = Image.new("L", (width, LONGEST), 255)
        self.pen = ImageDraw.Draw(self.image)
        self.width = width
        self.y = GAP

    def text(self, text, sizes):
        fitted = fit(text, self.width - 2 * MARGIN, sizes)
        font = _font(round(fitted.size))
        for line in fitted.lines:
            left = (self.width - self.pen.textlength(line, font=font)) // 2
            self.pen.text((max(left, 0), self.y), line, fill=0, font=font)
            self.y += round(fitted.size * 1.3)
        self.y += GAP // 2

    def qr(self, token):
        rows = images.qr_modules(token)
        # 41 modules and a quiet zone of 4 on each side take 8 dots each of 576
        module = max(6, min(8, self.width // 72))
        left = (self.width - len(rows) * module) // 2
        self.y += 4 * module
        for row in rows:
            for column, black in enumerate(row):
                if black:
                    self._box(left + column * module, self.y, module, module)
            self.y += module
        self.y += 4 * module

    def bars(self, digits):
        modules = images.code128_modules(digits)
        module = self.width // (len(modules) + 2 * BAR_QUIET)
        left = (self.width - len(modules) * module) // 2
        self.y += GAP
        for column, black in enumerate(modules):
            if black == "1":
                self._box(left + column * module, self.y, module, BAR_HEIGHT)
        self.y += BAR_HEIGHT + GAP

    def _box(self, x, y, width, height):
        self.pen.rectangle((x, y, x + width - 1, y + height - 1), fill=0)

    def cut(self):
        paper = self.image.crop((0, 0, self.width, self.y + 3 * GAP))
        return paper.point(lambda grey: 255 if grey > 127 else 0).convert("1")


@functools.cache
def _font(size):
    place = _font_file()
    if not place:
        return ImageFont.load_default(size)
    file, index = place
    return ImageFont.truetype(file, size, index=index)


@functools.cache
def _font_file():
    """Return file and face of the machine's font for Chinese, or None."""
    try:
        found = subprocess.run(
            ["fc-match", "-f", "%{file}\n%{index}", "sans-serif:lang=zh-cn:bold"],
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        ).stdout
        file, index = found.split("\n")
        # the upper half of the number chooses among the weights of a variable font
        return file, int(index) & 0xFFFF
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
