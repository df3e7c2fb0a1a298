"""Fits text into a given width, as SVG has no line breaks (no Odoo in here)."""

from typing import NamedTuple
from unicodedata import combining, east_asian_width

# Chinese typesetting: no line ends with one of the first or starts with the second.
OPENING = "（《「『【〔“(["
CLOSING = "）》」』】〕”，。、；：！？)],.;:!?"


class Fitted(NamedTuple):
    size: float
    lines: list


def char_width(char):
    """Return the width of a bold letter in parts of the font size, rather more."""
    if combining(char):
        return 0.0
    if east_asian_width(char) in "WF":
        return 1.0
    if char in "MW@%":
        return 0.95
    if char.isupper():
        return 0.72
    if char in " .,:;'|!iIjl":
        return 0.34
    return 0.6


def fit(text, width, sizes):
    """Choose the largest font size at which a text fits.

    :param str text: one line of text
    :param float width: width of each line
    :param sizes: ``[(font size, number of lines)]``, largest first; at the last one
        the text is cut with an ellipsis
    """
    text = " ".join((text or "").split())
    for size, count in sizes:
        lines = _wrap(text, width / size)
        if len(lines) <= count:
            return Fitted(size, lines)
    lines = lines[:count]
    lines[-1] = _cut(lines[-1], width / size - 1.0) + "…"
    return Fitted(size, lines)


def _wrap(text, limit):
    lines, line = [], ""
    for char in text:
        if line and _width(line + char) > limit:
            keep = _break(line, char)
            lines.append(line[:keep].strip())
            line = line[keep:].lstrip()
        line += char
    return [*lines, line.strip()]


def _break(line, char):
    """Return how much of a full line stays when ``char`` is to follow."""
    keep = len(line)
    if char != " " and char_width(char) < 1.0 and " " in line.strip():
        # keep a Latin word together
        keep = line.rindex(" ")
    elif char in CLOSING and keep > 1:
        keep -= 1
    while keep > 1 and line[keep - 1] in OPENING:
        keep -= 1
    return keep


def _width(text):
    return sum(map(char_width, text))


def _cut(text, limit):
    used = 0.0
    for index, char in enumerate(text):
        used += char_width(char)
        if used > limit:
            return text[:index]
    return text
