"""The cashier's window without a browser: what Odoo's Point of Sale sends."""

import uuid
from datetime import UTC, datetime
from typing import Any

from .odoo_client import OdooClient


class Window:
    """An open session of the demo park's Point of Sale.

    :param client: the cashier
    """

    def __init__(self, client: OdooClient) -> None:
        self.client = client
        (self.config,) = client.read(
            "pos.config",
            [["name", "=", "南门售票窗口"]],
            ["pricelist_id", "company_id"],
        )
        found = client.read(
            "pos.session",
            [["config_id", "=", self.config["id"]], ["state", "!=", "closed"]],
            ["state"],
        )
        self.session_id: int = (
            found[0]["id"]
            if found
            else client.call("pos.session", "create", {"config_id": self.config["id"]})
        )
        client.call("pos.session", "set_opening_control", [self.session_id], 0, "")
        (session,) = client.call(
            "pos.session", "read", [self.session_id], ["payment_method_ids"]
        )
        (self.cash,) = client.read(
            "pos.payment.method",
            [["id", "in", session["payment_method_ids"]], ["is_cash_count", "=", True]],
            ["name"],
        )

    def sell(self, *items: tuple[str, int, float]) -> dict[str, Any]:
        """Sell ``(product name, persons, unit price with tax)`` for cash.

        :return: the paid order with ``tickets``, its tickets as the window gets them
        """
        return self._pay([self._line(*item) for item in items])

    def refund(self, order: dict[str, Any], name: str, persons: int) -> dict[str, Any]:
        """Pay some persons of a line back in cash.

        :raises OdooRefused: with the sentence that the cashier would read
        """
        (sold,) = self.client.read(
            "pos.order.line",
            [["id", "in", order["lines"]], ["full_product_name", "=", name]],
            ["price_unit"],
        )
        line = self._line(name, -persons, sold["price_unit"])
        return self._pay([{**line, "refunded_orderline_id": sold["id"]}])

    def _pay(self, lines: list[dict[str, Any]]) -> dict[str, Any]:
        total = round(sum(line["price_subtotal_incl"] for line in lines), 2)
        untaxed = round(sum(line["price_subtotal"] for line in lines), 2)
        now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")
        payment = {
            "uuid": str(uuid.uuid4()),
            "name": now,
            "amount": total,
            "payment_method_id": self.cash["id"],
        }
        order = {
            "uuid": str(uuid.uuid4()),
            "access_token": str(uuid.uuid4()),
            "session_id": self.session_id,
            "user_id": self.client.uid,
            "company_id": self.config["company_id"][0],
            "partner_id": False,
            "pricelist_id": self.config["pricelist_id"][0],
            "fiscal_position_id": False,
            "date_order": now,
            "pos_reference": f"{now[2:4]}-{self.session_id}-{uuid.uuid4().hex[:8]}",
            "tracking_number": f"{uuid.uuid4().int % 1000:03}",
            "sequence_number": 1,
            "last_order_preparation_change": "{}",
            "to_invoice": False,
            "is_refund": total < 0,
            "state": "paid",
            "amount_total": total,
            "amount_tax": round(total - untaxed, 2),
            "amount_paid": total,
            "amount_return": 0,
            "lines": [[0, 0, line] for line in lines],
            "payment_ids": [[0, 0, payment]],
        }
        answer = self.client.call("pos.order", "sync_from_ui", [order])
        # A refund comes back together with the order that it pays back.
        paid = next(row for row in answer["pos.order"] if row["uuid"] == order["uuid"])
        return {**paid, "tickets": answer["scenic.ticket"]}

    def _line(self, name: str, persons: int, price: float) -> dict[str, Any]:
        (product,) = self.client.read(
            "product.product", [["name", "=", name]], ["taxes_id"]
        )
        taxes = self.client.read(
            "account.tax", [["id", "in", product["taxes_id"]]], ["amount"]
        )
        share = sum(tax["amount"] for tax in taxes) / 100
        total = round(price * persons, 2)
        return {
            "uuid": str(uuid.uuid4()),
            "product_id": product["id"],
            "qty": persons,
            "price_unit": price,
            "discount": 0,
            "tax_ids": [[6, 0, product["taxes_id"]]],
            "full_product_name": name,
            "pack_lot_ids": [],
            "price_subtotal": round(total / (1 + share), 2),
            "price_subtotal_incl": total,
        }

    def close(self) -> None:
        """Close the session; the counted cash is what should be there."""
        figures = self.client.call(
            "pos.session", "get_closing_control_data", [self.session_id]
        )
        self.client.call(
            "pos.session",
            "post_closing_cash_details",
            [self.session_id],
            figures["default_cash_details"]["amount"],
        )
        self.client.call(
            "pos.session", "update_closing_control_state_session", [self.session_id], ""
        )
        self.client.call(
            "pos.session",
            "close_session_from_ui",
            [self.session_id],
            [
                [method["id"], method.get("amount", 0)]
                for method in figures["non_cash_payment_methods"]
            ],
        )
