"""What tickets cost the window: a sale against one without tickets, and the start.

A sale is the request that the window sends when the cashier takes the payment
(``sync_from_ui`` over HTTP), of one line of 1, 50 or 200 persons, in turns with the
same order of something that is no ticket. The start is ``load_data``, with 200 ticket
products, in turns with a server without our add-ons that has 200 services.
"""

import os
import statistics
import time
import uuid
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, date, datetime
from typing import Any

from bootstrap.console import say, step
from bootstrap.odoo_server import Odoo, OdooProcess
from bootstrap.paths import ADDONS
from bootstrap.postgres import Cluster, free_port
from databases import stock_template
from demo.odoo_client import OdooClient

from .in_odoo import BenchDatabase

PRODUCTS = 200
SIZES = (1, 50, 200)
ROUNDS = 15
#: A sale of so many tickets takes at most so many times the one without; and loading.
LIMITS = {1: 1.5, 200: 4.0}
LOAD_LIMIT = 1.2


class Shop:
    """A window of a running server, and a cashier before it."""

    def __init__(
        self, cluster: Cluster, odoo: Odoo, name: str, addons: tuple[str, ...]
    ) -> None:
        odoo.copy_database(stock_template(cluster, odoo), name)
        if addons:
            odoo.install(name, addons)
        self.facts: dict[str, Any] = BenchDatabase(cluster, odoo, name).shell(
            "window.py", BENCH_PRODUCTS=PRODUCTS
        )
        self.server = OdooProcess(odoo, name, free_port()).start()

    def open(self) -> None:
        """Log in and open the register."""
        client = OdooClient(
            self.server.url, self.server.database, "bench", self.facts["password"]
        )
        self.client = client
        self.session_id: int = client.call(
            "pos.session", "create", {"config_id": self.facts["config_id"]}
        )
        client.call("pos.session", "set_opening_control", [self.session_id], 0, "")

    def load(self) -> int:
        """Load the window; return how many products it got."""
        data = self.client.call("pos.session", "load_data", [self.session_id], [])
        return len(data["product.template"])

    def sell(self, product_id: int, persons: int) -> int:
        """Sell one line for cash; return how many tickets came back."""
        price = self.facts["price"]
        total = round(price * persons, 2)
        untaxed = round(total / 1.06, 2)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        line = {
            "uuid": str(uuid.uuid4()),
            "product_id": product_id,
            "qty": persons,
            "price_unit": price,
            "discount": 0,
            "tax_ids": [[6, 0, [self.facts["tax_id"]]]],
            "full_product_name": "门票",
            "pack_lot_ids": [],
            "price_subtotal": untaxed,
            "price_subtotal_incl": total,
        }
        payment = {
            "uuid": str(uuid.uuid4()),
            "name": now,
            "amount": total,
            "payment_method_id": self.facts["cash_id"],
        }
        order = {
            "uuid": str(uuid.uuid4()),
            "access_token": str(uuid.uuid4()),
            "session_id": self.session_id,
            "user_id": self.client.uid,
            "company_id": self.facts["company_id"],
            "partner_id": False,
            "pricelist_id": self.facts["pricelist_id"],
            "fiscal_position_id": False,
            "date_order": now,
            "pos_reference": f"{now[2:4]}-{self.session_id}-{uuid.uuid4().hex[:8]}",
            "tracking_number": f"{uuid.uuid4().int % 1000:03}",
            "sequence_number": 1,
            "last_order_preparation_change": "{}",
            "to_invoice": False,
            "is_refund": False,
            "state": "paid",
            "amount_total": total,
            "amount_tax": round(total - untaxed, 2),
            "amount_paid": total,
            "amount_return": 0,
            "lines": [[0, 0, line]],
            "payment_ids": [[0, 0, payment]],
        }
        answer = self.client.call(
            "pos.order",
            "sync_from_ui",
            [order],
            context={
                "lang": "zh_CN",
                "tz": "Asia/Shanghai",
                "config_id": self.facts["config_id"],
                "device_identifier": "bench",
            },
        )
        [row] = answer["pos.order"]
        if row["state"] != "paid":
            raise AssertionError(f"the order is {row['state']}")
        return len(answer.get("scenic.ticket", ()))


def main(*, tickets: int, seconds: float) -> int:
    """Print the tables and the ratios; 0 if every goal was reached.

    Neither the number of live tickets nor a time applies to this measurement.
    """
    with Cluster("bench") as cluster, ExitStack() as stack:
        odoo = Odoo(cluster, "bench")
        shops = []
        for name, addons in (("window", ADDONS), ("window_stock", ())):
            database = f"scenic_bench_{name}"
            odoo.drop_database(database)
            stack.callback(odoo.drop_database, database)
            with step(f"a shop {'with' if addons else 'without'} our add-ons"):
                shop = Shop(cluster, odoo, database, addons)
            stack.callback(shop.server.stop)
            shop.open()
            shops.append(shop)
        ours, stock = shops
        before = os.getloadavg()[0]
        with step(f"{ROUNDS} sales of each kind in turns"):
            sales = _sales(ours)
        with step(f"{ROUNDS} starts of each window in turns"):
            loads = _loads(ours, stock)
        return _print(sales, loads, before)


def _sales(shop: Shop) -> dict[tuple[int, bool], list[float]]:
    found: dict[tuple[int, bool], list[float]] = {}
    for number in range(ROUNDS + 1):
        for size in SIZES:
            for is_ticket in (True, False):
                product = shop.facts["ticket_id" if is_ticket else "plain_id"]
                elapsed, came = _timed(lambda p=product, s=size: shop.sell(p, s))
                if came != size * is_ticket:
                    raise AssertionError(f"{came} tickets for {size} persons")
                if number:  # the first round warms the caches
                    found.setdefault((size, is_ticket), []).append(elapsed)
    return found


def _loads(ours: Shop, stock: Shop) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"ours": [], "stock": []}
    for number in range(ROUNDS + 1):
        for name, shop in (("ours", ours), ("stock", stock)):
            elapsed, came = _timed(shop.load)
            if came < PRODUCTS:
                raise AssertionError(f"{came} products of {PRODUCTS}")
            if number:
                found[name].append(elapsed)
    return found


def _timed(call: Callable[[], int]) -> tuple[float, int]:
    start = time.perf_counter()
    answer = call()
    return (time.perf_counter() - start) * 1000, answer


def _print(
    sales: dict[tuple[int, bool], list[float]],
    loads: dict[str, list[float]],
    before: float,
) -> int:
    say("")
    say(f"window on {date.today()}: threaded server, {os.cpu_count()} cores, load")
    say(f"{before:.1f} before and {os.getloadavg()[0]:.1f} after; {ROUNDS} rounds")
    say(f"{'p50 ms (fastest)':<20}{'tickets':>18}{'none':>18}{'ratio':>8}{'goal':>6}")
    missed = []
    for size in SIZES:
        rows = sales[size, True], sales[size, False]
        missed += _row(f"sale of {size}", *rows, LIMITS.get(size))
    missed += _row("start of the window", *loads.values(), LOAD_LIMIT)
    say("")
    for name in missed:
        say(f"✗ {name}: goal missed")
    return 1 if missed else 0


def _row(
    name: str, with_tickets: list[float], without: list[float], limit: float | None
) -> list[str]:
    """Print a row of the table; return its name if the goal is missed."""
    ratio = statistics.median(with_tickets) / statistics.median(without)
    cells = "".join(
        f"{f'{statistics.median(times):.1f} ({min(times):.1f})':>18}"
        for times in (with_tickets, without)
    )
    goal = f"{limit:g}" if limit else ""
    say(f"{name:<20}{cells}{ratio:>8.2f}{goal:>6}")
    return [name] if limit and ratio > limit else []
