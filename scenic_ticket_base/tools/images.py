"""Codes as inline pictures (no Odoo in here)."""

import io
from urllib.parse import quote

import segno
from barcode.codex import Code128


class _Code128C(Code128):
    """Code set C alone.

    python-barcode 0.16 takes a first pair of digits "99" for a change of code set
    and leaves it out, so that one number in a hundred would be printed wrong.
    """

    def _try_to_optimize(self, encoded):
        return encoded


def qr_data_uri(token):
    """Return a QR, version 6 at error correction M for a T1 code, as SVG URI."""
    return _qr(token).svg_data_uri(scale=4, border=4)


def qr_png(token, module=6):
    """Return the same QR as a PNG file.

    :param int module: pixels of a module
    """
    picture = io.BytesIO()
    _qr(token).save(picture, kind="png", scale=module, border=4)
    return picture.getvalue()


def qr_modules(token):
    """Return the same QR as rows of 0 and 1, without its quiet zone."""
    return [list(row) for row in _qr(token).matrix]


def text_data_uri(text):
    """Return a QR of any text, an address for example, as SVG URI."""
    return segno.make_qr(text, error="m").svg_data_uri(scale=4, border=4)


def _qr(token):
    """Encode a token.

    The mask is fixed: most of a token is as good as random, so all masks are alike,
    and trying all eight takes four fifths of the time of a printed ticket.
    """
    return segno.make_qr(token, error="m", boost_error=False, mask=4)


def code128_data_uri(digits):
    """Return Code128-C bars of an even number of digits as SVG URI."""
    return _bars_svg(code128_modules(digits))


def code128_modules(digits):
    """Return Code128-C bars of an even number of digits as text of 0 and 1."""
    if len(digits) % 2 or not digits.isascii() or not digits.isdigit():
        raise ValueError("Code128-C takes pairs of digits")
    return _Code128C(digits).build()[0]


def _bars_svg(modules, height=24, quiet=10):
    bars, start = [], None
    for position, module in enumerate(f"{modules}0"):
        if module == "1" and start is None:
            start = position
        elif module == "0" and start is not None:
            bars.append(
                f"M{quiet + start} 0h{position - start}v{height}H{quiet + start}z"
            )
            start = None
    width = len(modules) + 2 * quiet
    svg = (
        f"<svg xmlns='http://www.w3.org/2000/svg' width='{width}' height='{height}' "
        f"viewBox='0 0 {width} {height}' preserveAspectRatio='none' "
        f"shape-rendering='crispEdges'><path d='{''.join(bars)}'/></svg>"
    )
    return f"data:image/svg+xml;charset=utf-8,{quote(svg)}"
