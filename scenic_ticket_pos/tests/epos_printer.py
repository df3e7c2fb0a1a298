"""A receipt printer on the network and what can be read from its paper."""

import base64
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from xml.etree import ElementTree

import zxingcpp
from PIL import Image, ImageChops, ImageOps

NAMESPACE = "http://www.epson-pos.com/schemas/2011/03/epos-print"
SERVICE = "/cgi-bin/epos/service.cgi?devid=local_printer"
# Bits of the status: printed; offline without paper.
STATUS_READY = 0x0F000016
STATUS_NO_PAPER = 0x0F0A001C
BARCODE_MODULES = 156  # Code 128-C with 22 digits


class EposPrinter:
    """A printer that answers Epson's ePOS-Print XML over HTTP and keeps its jobs.

    jobs: what came out, a list of images, one for each piece of paper cut off
    refused: how many jobs found no paper
    paper: pieces left on the roll; the roll is changed after the first refusal
    """

    def __init__(self, paper=None):
        self.paper = paper
        self.jobs = []
        self.refused = 0
        printer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path != SERVICE:
                    return self.send_error(404)
                answer = printer._answer(body).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/xml; charset=utf-8")
                self.send_header("Content-Length", str(len(answer)))
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                return self.wfile.write(answer)

            def log_message(self, *_arguments):
                """Say nothing: the test reads the jobs."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def address(self):
        """Host and port, as they are typed into the Point of Sale's settings."""
        return f"127.0.0.1:{self._server.server_port}"

    def _answer(self, body):
        if self.paper == 0:
            self.refused += 1
            self.paper = None
            return self._response("false", "EPTR_REC_EMPTY", STATUS_NO_PAPER)
        if self.paper:
            self.paper -= 1
        self.jobs.append(self._read(body))
        return self._response("true", "", STATUS_READY)

    def _response(self, success, code, status):
        return (
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            f'<response xmlns="{NAMESPACE}" success="{success}" code="{code}" '
            f'status="{status}" battery="0"/></s:Body></s:Envelope>'
        )

    def _read(self, body):
        """Return the picture of a job: one image, then one cut.

        :raises ValueError: when the job is anything else
        """
        [commands] = ElementTree.fromstring(body).iter(f"{{{NAMESPACE}}}epos-print")
        image, cut = commands
        if (image.tag, cut.tag) != (f"{{{NAMESPACE}}}image", f"{{{NAMESPACE}}}cut"):
            raise ValueError(f"unexpected commands: {image.tag}, {cut.tag}")
        size = int(image.get("width")), int(image.get("height"))
        # a set bit is black to the printer and white to Pillow
        dots = bytes(255 - byte for byte in base64.b64decode(image.text))
        return Image.frombytes("1", size, dots).convert("L")

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_exception):
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


def read_codes(paper):
    """Return the codes of tickets on a paper: ``(QR codes, barcodes)`` of zxing-cpp."""
    qr_codes, barcodes = [], []
    for code in zxingcpp.read_barcodes(paper):
        # Odoo's receipt may have a QR code of its own, for those who want an invoice.
        if code.format == zxingcpp.BarcodeFormat.QRCode:
            if not code.text.startswith("http"):
                qr_codes.append(code)
        elif code.format == zxingcpp.BarcodeFormat.Code128:
            barcodes.append(code)
    return qr_codes, barcodes


def qr_module(paper, code):
    """Return how many dots a module of the QR code has on each side.

    :raises ValueError: when its modules are not whole dots, all of one size, or
        something is in its quiet zone of 4 modules
    """
    corner = code.position.top_left
    left, right = _run(paper, corner.x + 3, corner.y + 3, (1, 0))
    top, bottom = _run(paper, corner.x + 3, corner.y + 3, (0, 1))
    # the black edge of a finder pattern: 7 modules
    module = (right - left) // 7
    if (right - left, bottom - top) != (7 * module, 7 * module):
        raise ValueError(f"finder pattern of {right - left} x {bottom - top} dots")
    corner = code.position.top_right
    side = _run(paper, corner.x - 3, corner.y + 3, (1, 0))[1] - left
    box = (left, top, left + side, top + side)
    _check_modules(paper.crop(box), (side // module, side // module))
    zone = tuple(
        edge + sign * 4 * module for edge, sign in zip(box, (-1, -1, 1, 1), strict=True)
    )
    around = paper.crop(zone)
    around.paste(255, (4 * module, 4 * module, 4 * module + side, 4 * module + side))
    if zone[0] < 0 or zone[2] > paper.width or not _is_blank(around):
        raise ValueError("the quiet zone of the QR code is not empty")
    return module


def bar_module(paper, code):
    """Return how many dots the narrowest bar of the Code 128 has.

    :raises ValueError: when its bars are not whole modules, all of one size, or
        something is in its quiet zone of 4 modules
    """
    corners = code.position.top_left, code.position.bottom_right
    middle = sum(corner.y for corner in corners) // 2
    band = paper.crop((0, middle - 20, paper.width, middle + 20))
    left, _top, right, _bottom = ImageOps.invert(band).getbbox()
    module = (right - left) // BARCODE_MODULES
    _check_modules(band.crop((left, 0, right, 40)), (BARCODE_MODULES, 1))
    if left < 4 * module or right > paper.width - 4 * module:
        raise ValueError("the quiet zone of the barcode is off the paper")
    return module


def _run(paper, x, y, step):
    """Return where the black dots around a black dot begin and end (exclusive)."""
    along = x if step[0] else y

    def is_black(position):
        point = (position, y) if step[0] else (x, position)
        return paper.getpixel(point) == 0

    if not is_black(along):
        raise ValueError(f"no code at {x}, {y}")
    first = last = along
    while is_black(first - 1):
        first -= 1
    while is_black(last + 1):
        last += 1
    return first, last + 1


def _check_modules(symbol, modules):
    """Check that a symbol is the same when each module is drawn from one dot."""
    redrawn = symbol.resize(modules, Image.Resampling.NEAREST).resize(
        symbol.size, Image.Resampling.NEAREST
    )
    if any(dots % count for dots, count in zip(symbol.size, modules, strict=True)):
        raise ValueError(f"{symbol.size} dots for {modules} modules")
    if ImageChops.difference(symbol, redrawn).getbbox():
        raise ValueError("the modules are not drawn dot by dot")


def _is_blank(image):
    return ImageOps.invert(image).getbbox() is None
