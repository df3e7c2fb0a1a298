"""Tables for a terminal, where Chinese characters are two columns wide."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence


def width(text: str) -> int:
    """Columns of a terminal."""
    return sum(1 + (unicodedata.east_asian_width(each) in "WF") for each in text)


def table(rows: Sequence[Sequence[object]]) -> str:
    """Rows one below the other; what is a number stands to the right."""
    texts = [[str(cell) for cell in row] for row in rows]
    widths = [max(width(row[i]) for row in texts) for i in range(len(texts[0]))]
    lines = []
    for row, cells in zip(rows, texts, strict=True):
        line = []
        for cell, text, wide in zip(row, cells, widths, strict=True):
            gap = " " * (wide - width(text))
            line.append(gap + text if isinstance(cell, int) else text + gap)
        lines.append("  ".join(line).rstrip())
    return "\n".join(lines)
