"""The kiosk sells with nobody beside it: shown a QR code, paid by telephone, printed.

Odoo, its websocket, both browsers, the payment page and the printer's port are real;
the payment provider is Odoo's demonstration one.
"""

import io
from pathlib import Path

import pytest
import zxingcpp
from bootstrap.odoo_server import OdooProcess
from bootstrap.postgres import free_port
from demo.browser import chromium
from demo.kiosk_pictures import SET_UP
from demo.odoo_client import OdooClient
from demo.park import PASSWORD, wait_for
from demo.receipt_printer import EposPrinter, read_codes
from PIL import Image

DATABASE = "scenic_e2e_kiosk"
ONLINE = Path(__file__).with_name("kiosk_online.py")
TELEPHONE = {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def printer():
    with EposPrinter() as printer:
        yield printer


@pytest.fixture(scope="module")
def server(odoo):
    # one process: its port has the websocket, too
    server = OdooProcess(odoo, DATABASE, free_port())
    yield server
    server.stop()


@pytest.fixture(scope="module")
def url(odoo, template, printer, server):
    """The address of the kiosk's page in a park of its own."""
    odoo.copy_database(template, DATABASE)
    odoo.install(DATABASE, ["pos_self_order", "payment_demo"])
    path = odoo.shell(DATABASE, SET_UP, SCENIC_PRINTER=printer.address).split()[-1]
    odoo.shell(DATABASE, ONLINE, SCENIC_URL=server.url)
    server.start()
    return f"{server.url}{path}"


@pytest.fixture(scope="module")
def chrome():
    with chromium() as chrome:
        yield chrome


@pytest.fixture
def kiosk(chrome, url):
    """The first screen of the kiosk."""
    with chrome.new_context(
        viewport={"width": 1280, "height": 800},
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    ) as context:
        page = context.new_page()
        page.goto(url)
        yield page


@pytest.fixture
def telephone(chrome):
    """A visitor's telephone: nobody is logged in on it."""
    # in Chinese Odoo's demonstration provider translates the values it knows, too
    with chrome.new_context(
        viewport=TELEPHONE, locale="en-US", timezone_id="Asia/Shanghai"
    ) as context:
        yield context.new_page()


@pytest.fixture
def manager(server, url):
    return OdooClient(server.url, DATABASE, "manager", PASSWORD)


def choose(kiosk, persons):
    """Touch the ticket for adults once for each person, and go to the payment."""
    start = kiosk.locator(".o_pos_landing_footer .btn").first
    start.wait_for(timeout=60_000)
    start.click()
    adult = kiosk.locator(".product_list .o_self_product_box", has_text="成人票").first
    for number in range(1, persons + 1):
        adult.click()
        kiosk.locator(".to-order .rounded-pill", has_text=str(number)).wait_for()
    kiosk.locator(".page-buttons .cart").click()
    kiosk.locator(".scenic-visit-change").first.wait_for()
    kiosk.locator(".page-buttons .cart").click()


def scan(kiosk):
    """What a telephone reads off the screen."""
    code = kiosk.locator(".o_self_payment_screen img")
    code.wait_for(timeout=60_000)
    shot = Image.open(io.BytesIO(kiosk.screenshot()))
    [found] = zxingcpp.read_barcodes(shot, formats=zxingcpp.BarcodeFormat.QRCode)
    return found.text


def pay(telephone, url, outcome):
    """Open what was scanned, and pay with Odoo's demonstration provider."""
    telephone.goto(url)
    telephone.locator("#customer_input").fill("4111 1111 1111 1111")
    telephone.locator("#simulated_payment_state").select_option(outcome)
    telephone.locator("button[name=o_payment_submit_button]").click()


def order_of(manager, persons):
    """The order of a kiosk's visitor, and the states of its tickets."""
    [order] = manager.read(
        "pos.order",
        [["lines.qty", "=", persons], ["source", "=", "kiosk"]],
        ["state", "amount_total", "amount_paid"],
    )
    tickets = manager.read(
        "scenic.ticket",
        [["pos_order_line_id.order_id", "=", order["id"]]],
        ["state", "print_count", "pos_qr_token"],
    )
    return order, tickets


def printed(jobs):
    """The codes of the tickets on papers."""
    return {code.text for job in jobs for code in read_codes(job)[0]}


def test_paid_and_printed(kiosk, telephone, printer, manager):
    choose(kiosk, 2)
    url = scan(kiosk)
    order, tickets = order_of(manager, 2)
    assert (order["state"], tickets) == ("draft", [])
    pay(telephone, url, "done")
    kiosk.locator("h1", has_text="请取走您的门票").wait_for(timeout=60_000)
    wait_for(lambda: len(printer.jobs) == 3, "a receipt and two tickets are printed")
    order, tickets = order_of(manager, 2)
    assert (order["state"], order["amount_paid"]) == ("paid", order["amount_total"])
    assert [ticket["state"] for ticket in tickets] == ["valid", "valid"]
    assert printed(printer.jobs) == {ticket["pos_qr_token"] for ticket in tickets}
    # the telephone is not sent to the log-in of the office, and cannot pay twice
    telephone.locator(".alert-success").wait_for()
    assert "/pos/pay/confirmation/" in telephone.url
    telephone.goto(url)
    assert telephone.locator("button[name=o_payment_submit_button]").count() == 0


def test_a_payment_that_fails_sells_nothing(kiosk, telephone, printer, manager):
    before = len(printer.jobs)
    choose(kiosk, 3)
    url = scan(kiosk)
    pay(telephone, url, "cancel")
    telephone.locator("a", has_text="Try again").wait_for()
    order, tickets = order_of(manager, 3)
    assert (order["state"], order["amount_paid"], tickets) == ("draft", 0, [])
    assert len(printer.jobs) == before
    pay(telephone, url, "done")
    kiosk.locator("h1", has_text="请取走您的门票").wait_for(timeout=60_000)
    wait_for(lambda: len(printer.jobs) == before + 4, "three tickets are printed")
    order, tickets = order_of(manager, 3)
    assert (order["state"], len(tickets)) == ("paid", 3)
    assert printed(printer.jobs[before:]) == {t["pos_qr_token"] for t in tickets}
