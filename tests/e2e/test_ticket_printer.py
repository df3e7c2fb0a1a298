"""A ticket sold at the window comes out of a printer that a bridge works.

Odoo, the bridge and the printer's TCP port are real; the paper is read by zxing-cpp.
"""

import asyncio
import importlib.util
import queue
import signal
import sys
import threading
import uuid
from types import ModuleType

import pytest
import zxingcpp
from bootstrap.paths import ROOT
from demo.lanes import Bridge, Simulator
from demo.park import wait_for


def module(path: str) -> ModuleType:
    """Load a test module of another part, which is no package here."""
    file = ROOT / path
    spec = importlib.util.spec_from_file_location(file.stem, file)
    # a dataclass looks its module up
    found = sys.modules[file.stem] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


ReceiptPrinter = module("scenic_gate_bridge/tests/ticket_printer.py").ReceiptPrinter
paper_tools = module("scenic_ticket_pos/tests/epos_printer.py")


@pytest.fixture
def printer():
    """A receipt printer; its port lives in a thread of its own."""
    paper = ReceiptPrinter()
    started = queue.Queue()

    async def work():
        async with paper:
            end = asyncio.Event()
            started.put((asyncio.get_running_loop(), end))
            await end.wait()

    thread = threading.Thread(target=asyncio.run, args=(work(),))
    thread.start()
    loop, end = started.get(timeout=30)
    yield paper
    paper.rows = None
    loop.call_soon_threadsafe(end.set)
    thread.join()


@pytest.fixture
def bridge(park, manager, printer, window, tmp_path):
    """A bridge with a device of its own that works the printer, and no lane."""
    (site,) = manager.read("scenic.site", [["parent_id", "=", False]], ["id"], limit=1)
    name = f"window-{uuid.uuid4().hex[:8]}"
    [device] = manager.call(
        "scenic.device", "create", [{"name": name, "site_id": site["id"]}]
    )
    action = manager.call("scenic.device", "action_generate_key", [device])
    [printer_id] = manager.call(
        "scenic.printer",
        "create",
        [{"name": name, "code": name, "site_id": site["id"], "device_id": device}],
    )
    config = window.config["id"]
    manager.call("pos.config", "write", [config], {"scenic_printer_id": printer_id})
    bridge = Bridge(
        tmp_path / "bridge",
        Simulator(tmp_path / "ports", {}, "none"),
        {},
        name="window",
        server_url=park.server.url,
        database=park.database,
        device_key=action["context"]["scenic_device_key"],
    )
    bridge.config.write_text(
        bridge.config.read_text() + f'[[printers]]\ncode = "{name}"\n'
        f'host = "127.0.0.1"\nport = {printer.port}\ntimeout = 5.0\n'
    )
    bridge.check_config()
    bridge.start()
    yield bridge
    bridge.stop()
    manager.call("pos.config", "write", [config], {"scenic_printer_id": False})


@pytest.fixture
def state(window):
    """Ask what the window asks of an order's print."""

    def state(order):
        return window.client.call("pos.order", "scenic_print_state", [order["id"]])

    return state


def print_order(window, order):
    window.client.call("pos.order", "scenic_count_ticket_print", [order["id"]])


def test_tickets_come_out(window, bridge, printer, state):
    order = window.sell(("成人票", 2, 120.0))
    print_order(window, order)
    wait_for(lambda: state(order)["printed"] == 2, "both tickets are printed")
    assert state(order)["message"] is False
    assert len(printer.papers) == 2
    for ticket, paper in zip(order["tickets"], printer.papers, strict=True):
        [qr_code], [barcode] = paper_tools.read_codes(paper)
        assert qr_code.text == ticket["pos_qr_token"]
        assert barcode.text == ticket["pos_barcode_number"]
        assert paper_tools.qr_module(paper, qr_code) >= 6
        assert paper_tools.bar_module(paper, barcode) >= 3
    assert printer.stray == b""


def test_no_paper_is_said(window, bridge, printer, state):
    printer.rows = 0
    order = window.sell(("成人票", 1, 120.0))
    print_order(window, order)
    wait_for(lambda: "缺纸" in (state(order)["message"] or ""), "no paper is said")
    printer.rows = None
    wait_for(lambda: state(order)["printed"] == 1, "the ticket is printed")


def test_bridge_is_killed_within_a_ticket(window, bridge, printer, state):
    """Nobody knows whether it came out: the cashier is asked to look."""
    printer.rows = 100
    order = window.sell(("成人票", 2, 120.0))
    print_order(window, order)
    wait_for(lambda: printer.rows == 0, "the printer stands still")
    bridge.stop(signal.SIGKILL)
    printer.rows = None
    bridge.start()
    wait_for(lambda: state(order)["open"] == 0, "nothing is open")
    found = state(order)
    assert (found["printed"], found["missing"]) == (1, 1)
    first, second = order["tickets"]
    assert first["name"] in found["message"]
    assert second["name"] not in found["message"]
    found = window.client.call("pos.order", "scenic_print_missing", [order["id"]])
    assert found["open"] == 1
    wait_for(lambda: state(order)["printed"] == 2, "both tickets are printed")
    texts = [
        code.text
        for paper in printer.papers
        for code in zxingcpp.read_barcodes(paper)
        if code.format == zxingcpp.BarcodeFormat.QRCode
    ]
    assert texts[-1] == first["pos_qr_token"]
    assert texts.count(second["pos_qr_token"]) == 1
