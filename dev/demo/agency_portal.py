"""A travel agency in its portal, as its browser would do it."""

import re
from datetime import date
from typing import Any

from lxml import html

from .odoo_client import OdooClient


class AgencyPortal:
    """One logged-in user of an agency."""

    def __init__(self, client: OdooClient) -> None:
        self.client = client

    def order(self, day: date, quantities: dict[str, int]) -> int:
        """Fill in the order form and send it; returns the order's id.

        :param quantities: product name → persons
        :raises ValueError: with the form's own words when it is refused
        """
        page = html.fromstring(self.client.get("/my/tickets").content)
        (form,) = page.xpath("//form[contains(@action, '/my/tickets/order')]")
        fields: dict[str, Any] = {
            field.get("name"): field.get("value", "")
            for field in form.xpath(".//input[@name]")
        }
        fields.pop("expected_total", None)
        fields["visit_date"] = day.isoformat()
        for name, persons in quantities.items():
            fields[f"qty_{self._product_id(form, name)}"] = persons
        answer = self.client.session.post(
            f"{self.client.url}/my/tickets/order", data=fields, timeout=60
        )
        found = re.search(r"/my/tickets/orders/(\d+)", answer.url)
        if not found:
            words = html.fromstring(answer.content).xpath(
                "//*[@id='scenic_form_error']//li//text()"
            )
            raise ValueError(" ".join(" ".join(words).split()) or answer.status_code)
        return int(found[1])

    def tickets_pdf(self, order_id: int) -> bytes:
        """Return the PDF with all tickets of an order."""
        page = self.client.get(f"/my/tickets/orders/{order_id}").text
        link = re.search(r"/scenic/booking/\d+/pdf[^\"']*", page)
        if not link:
            raise ValueError("the order page has no link to the tickets")
        return self.client.get(link[0].replace("&amp;", "&")).content

    def _product_id(self, form: Any, name: str) -> str:
        for field in form.xpath(".//input[starts-with(@name, 'qty_')]"):
            row = field.xpath("ancestor::*[contains(., $name)][1]", name=name)
            if row:
                inside = row[0].xpath(".//input[starts-with(@name, 'qty_')]")
                if inside == [field]:
                    return str(field.get("name")).removeprefix("qty_")
        raise ValueError(f"{name} is not on the order form")
