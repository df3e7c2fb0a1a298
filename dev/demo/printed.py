"""Reads printed tickets back, as a gate's scanner would."""

from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import zxingcpp


@dataclass(frozen=True)
class PrintedTicket:
    """The codes found on one page."""

    qr: str
    barcode: str


def read_ticket_pdf(pdf: bytes, *, dpi: int = 203) -> list[PrintedTicket]:
    """Rasterise every page at a ticket printer's resolution and decode both codes.

    :raises ValueError: when a page does not carry exactly one QR and one Code128.
    """
    found = []
    document = pypdfium2.PdfDocument(pdf)
    for number, page in enumerate(document, start=1):
        image = page.render(scale=dpi / 72).to_pil()
        codes = zxingcpp.read_barcodes(image)
        qr = [c.text for c in codes if c.format == zxingcpp.BarcodeFormat.QRCode]
        bars = [c.text for c in codes if c.format == zxingcpp.BarcodeFormat.Code128]
        if len(qr) != 1 or len(bars) != 1:
            raise ValueError(f"page {number}: {len(qr)} QR codes, {len(bars)} Code128")
        found.append(PrintedTicket(qr[0], bars[0]))
    return found


def save_pages(pdf: bytes, target: Path, *, dpi: int = 144) -> list[Path]:
    """Write every page as a PNG named ``target``-1.png, …"""
    paths = []
    for number, page in enumerate(pypdfium2.PdfDocument(pdf), start=1):
        path = target.with_name(f"{target.name}-{number}.png")
        page.render(scale=dpi / 72).to_pil().save(path)
        paths.append(path)
    return paths
