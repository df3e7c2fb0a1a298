"""The kiosk sells with nobody beside it: shown a QR code, paid by telephone, printed.

Odoo, its websocket, both browsers, the payment page and the printer's port are real;
the payment provider is Odoo's demonstration one.
"""

import pytest
from bootstrap.odoo_server import OdooProcess
from bootstrap.postgres import free_port
from demo.browser import chromium
from demo.kiosk import ONLINE, SET_UP, Kiosk, pay
from demo.odoo_client import OdooClient
from demo.park import PASSWORD, wait_for
from demo.receipt_printer import EposPrinter, read_codes

DATABASE = "scenic_e2e_kiosk"
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
        yield Kiosk(page)


@pytest.fixture
def telephone(chrome):
    """A visitor's telephone: nobody is logged in on it."""
    with chrome.new_context(
        viewport=TELEPHONE, locale="en-US", timezone_id="Asia/Shanghai"
    ) as context:
        yield context.new_page()


@pytest.fixture
def manager(server, url):
    return OdooClient(server.url, DATABASE, "manager", PASSWORD)


def order(kiosk, persons):
    """Order tickets for adults; return what a telephone reads to pay for them."""
    kiosk.choose("成人票", persons)
    kiosk.to_cart()
    kiosk.order()
    return kiosk.scan_payment()


def order_of(manager, persons):
    """The order of a kiosk's visitor, and the states of its tickets."""
    [found] = manager.read(
        "pos.order",
        [["lines.qty", "=", persons], ["source", "=", "kiosk"]],
        ["state", "amount_total", "amount_paid"],
    )
    tickets = manager.read(
        "scenic.ticket",
        [["pos_order_line_id.order_id", "=", found["id"]]],
        ["state", "print_count", "pos_qr_token"],
    )
    return found, tickets


def printed(jobs):
    """The codes of the tickets on papers."""
    return {code.text for job in jobs for code in read_codes(job)[0]}


def test_paid_and_printed(kiosk, telephone, printer, manager):
    url = order(kiosk, 2)
    found, tickets = order_of(manager, 2)
    assert (found["state"], tickets) == ("draft", [])
    pay(telephone, url, "done")
    kiosk.wait_for_tickets()
    wait_for(lambda: len(printer.jobs) == 3, "a receipt and two tickets are printed")
    found, tickets = order_of(manager, 2)
    assert (found["state"], found["amount_paid"]) == ("paid", found["amount_total"])
    assert [ticket["state"] for ticket in tickets] == ["valid", "valid"]
    assert printed(printer.jobs) == {ticket["pos_qr_token"] for ticket in tickets}
    # the telephone is not sent to the log-in of the office, and cannot pay twice
    telephone.locator(".alert-success").wait_for()
    assert "/pos/pay/confirmation/" in telephone.url
    telephone.goto(url)
    assert telephone.locator("button[name=o_payment_submit_button]").count() == 0


def test_a_payment_that_fails_sells_nothing(kiosk, telephone, printer, manager):
    before = len(printer.jobs)
    url = order(kiosk, 3)
    pay(telephone, url, "cancel")
    telephone.locator("a", has_text="Try again").wait_for()
    found, tickets = order_of(manager, 3)
    assert (found["state"], found["amount_paid"], tickets) == ("draft", 0, [])
    assert len(printer.jobs) == before
    pay(telephone, url, "done")
    kiosk.wait_for_tickets()
    wait_for(lambda: len(printer.jobs) == before + 4, "three tickets are printed")
    found, tickets = order_of(manager, 3)
    assert (found["state"], len(tickets)) == ("paid", 3)
    assert printed(printer.jobs[before:]) == {t["pos_qr_token"] for t in tickets}
