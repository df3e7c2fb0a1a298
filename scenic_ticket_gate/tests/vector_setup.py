"""Builds what a shared test vector describes, as an office and its tills would.

docs/gate-vectors/README.md tells the form of a vector. Everything here goes through
the methods that the screens use, but for states that only time brings about.
"""

import base64
import hashlib
import json
from contextlib import contextmanager
from datetime import datetime, timezone
from unittest.mock import patch

from freezegun import api as freezer
from freezegun import freeze_time

from odoo import Command

WEEKDAYS = (
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
)
#: The vectors name their tickets' codes, so numbers do not come from the sequence.
FIRST_NUMBER = 2000000001
FIRST_CLASS_CODE = 65001


def secret(name):
    """Return 32 bytes that everybody knows: the keys of the vectors."""
    return base64.b64encode(
        hashlib.sha256(f"scenic gate vectors: {name}".encode()).digest()
    ).decode("ascii")


def write_key_file(path):
    """Write the key file with which the codes of the vectors are signed."""
    path.write_text(
        json.dumps(
            {
                "version": 2,
                "private_keys": {"0": secret("private key 0")},
                "barcode_secret": secret("barcode"),
                "lookup_secret": secret("lookup"),
                "data_keys": {"1": secret("data")},
            }
        )
    )
    path.chmod(0o600)


def moment(text):
    """Return naive UTC of an ISO time with offset."""
    return datetime.fromisoformat(text).astimezone(timezone.utc).replace(tzinfo=None)


def _astimezone(self, tz=None):
    local = freezer.real_datetime.astimezone(self, tz)
    return freezer.datetime_to_fakedatetime(local).replace(fold=local.fold)


@contextmanager
def clock(text):
    """Let Python's clock stand at a moment of a vector."""
    with (
        freeze_time(moment(text)),
        # freezegun's own forgets which of two equal hours of a night it is
        patch.object(freezer.FakeDatetime, "astimezone", _astimezone),
    ):
        yield


class VectorSetup:
    """The records of one vector, by the names that it gives them."""

    def __init__(self, env, vector, account):
        self.env = env
        self.setup = vector["setup"]
        self.tz = vector["tz"]
        self.account = account
        self.sites = {}
        self.gates = {}
        self.lanes = {}
        self.devices = {}
        self.pools = {}
        self.rules = {}
        self.products = {}
        self.slots = {}
        self.visitors = {}
        self.tickets = {}
        with clock(self.setup["sold_at"]):
            self._build_places()
            self._build_products()
            self._build_people()
            self._sell()
        env.flush_all()

    def _text(self, record, field, text):
        """Write a text in English and in Chinese."""
        record[field] = text["en"]
        record.with_context(lang="zh_CN")[field] = text["zh"]

    # ------------------------------------------------------------------
    # Places
    # ------------------------------------------------------------------

    def _build_places(self):
        for values in self.setup["sites"]:
            site = self.env["scenic.site"].create(
                {
                    "name": values["name"]["en"],
                    "code": values["code"],
                    "tz": self.tz,
                    "parent_id": self.sites[values["part_of"]].id
                    if "part_of" in values
                    else False,
                    "opening_hours_ids": [
                        Command.create(self._hours(hours))
                        for hours in values.get("hours", ())
                    ],
                }
            )
            self._text(site, "name", values["name"])
            self.sites[values["key"]] = site
            for rule in values.get("reservation", ()):
                self.env["scenic.reservation.rule"].create(
                    {"name": rule["level"], "site_id": site.id, **rule}
                )
        self._build_gates()
        for values in self.setup.get("pools", ()):
            scheme = self.env["scenic.capacity.scheme"]
            if "levels" in values:
                scheme = scheme.create(
                    {
                        "name": values["key"],
                        "level_ids": [
                            Command.create({**level, "name": level["name"]["en"]})
                            for level in values["levels"]
                        ],
                    }
                )
                for level, texts in zip(
                    scheme.level_ids.sorted("percent"), values["levels"], strict=True
                ):
                    self._text(level, "name", texts["name"])
            self.pools[values["key"]] = self.env["scenic.capacity.pool"].create(
                {
                    "name": values["key"],
                    "site_id": self.sites[values["site"]].id,
                    "kind": "instant",
                    "capacity": values["capacity"],
                    **({"scheme_id": scheme.id} if scheme else {}),
                }
            )

    def _build_gates(self):
        zones = {
            key: self.env["scenic.zone"].create({"name": key, "site_id": site.id})
            for key, site in self.sites.items()
        }
        for values in self.setup["gates"]:
            self.gates[values["key"]] = self.env["scenic.gate"].create(
                {
                    "name": values["key"],
                    "from_zone_id": zones[values["from"]].id
                    if "from" in values
                    else False,
                    "to_zone_id": zones[values["to"]].id,
                }
            )
        for values in self.setup["lanes"]:
            name = values.get("device", "main")
            if name not in self.devices:
                self.devices[name] = self.env["scenic.device"].create(
                    {
                        "name": name,
                        "site_id": next(iter(self.sites.values())).id,
                        "decides": "site",
                    }
                )
                self.devices[name]._generate_key()
            self.lanes[values["lane"]] = self.env["scenic.lane"].create(
                {
                    "code": values["lane"],
                    "name": values["lane"],
                    "kind": "tripod",
                    "gate_id": self.gates[values["gate"]].id,
                    "device_id": self.devices[name].id,
                    "direction": values.get("direction", "in"),
                }
            )

    def _hours(self, values):
        return {
            "name": "Hours",
            "special": values.get("special", False),
            "closed": values.get("closed", False),
            "yearly": values.get("yearly", False),
            "date_from": values.get("from", False),
            "date_to": values.get("to", False),
            "time_open": values.get("open", 0) / 60,
            "time_close": values.get("close", 1440) / 60,
            "last_admission": values.get("last_admission", 0),
        }

    # ------------------------------------------------------------------
    # Products
    # ------------------------------------------------------------------

    def _build_products(self):
        for values in self.setup["rules"]:
            values = dict(values)
            key = values.pop("key")
            weekdays = values.pop("weekdays", 127)
            blackout = values.pop("blackout", ())
            minutes = values.pop("minutes", (0, 1440))
            rule = self.env["scenic.validity.rule"].create(
                {
                    "name": key,
                    "time_from": minutes[0] / 60,
                    "time_to": minutes[1] / 60,
                    "blackout_ids": [
                        Command.create(
                            {
                                "name": item["reason"]["en"],
                                "reason": item["reason"]["en"],
                                "date_from": item["from"],
                                "date_to": item["to"],
                            }
                        )
                        for item in blackout
                    ],
                    **{
                        day: bool(weekdays >> number & 1)
                        for number, day in enumerate(WEEKDAYS)
                    },
                    **values,
                }
            )
            for record, item in zip(rule.blackout_ids, blackout, strict=True):
                self._text(record, "reason", item["reason"])
            self.rules[key] = rule
        for number, values in enumerate(self.setup["products"]):
            self._build_product(values, FIRST_CLASS_CODE + number)

    def _build_product(self, values, class_code):
        first_site = next(iter(self.sites))
        components = values.get("components", [{}])
        product = self.env["product.product"].create(
            {
                "name": values["name"]["en"],
                "type": "service",
                "service_tracking": "scenic_ticket",
                "list_price": values.get("price", 80),
                "taxes_id": [],
                "property_account_income_id": self.account.id,
                "company_id": self.env.company.id,
                "sale_ok": values["kind"] != "staff",
                "scenic_class_code": class_code,
                "scenic_site_id": self.sites[first_site].id,
                "scenic_ticket_kind": values["kind"],
                "scenic_validity_rule_id": self.rules[values["rule"]].id,
                "scenic_in_sequence": values.get("in_sequence", False),
                "scenic_minutes_from_first": values.get("minutes_from_first", 0),
                "scenic_grace_early": values.get("grace_early", 0),
                "scenic_grace_late": values.get("grace_late", 0),
                "scenic_component_ids": [
                    Command.create(self._component(component, 10 * number))
                    for number, component in enumerate(components, 1)
                ],
                **(
                    {"scenic_revenue_trigger": "straight_line"}
                    if values["kind"] in ("member", "staff")
                    else {}
                ),
                **(
                    {"scenic_real_name": "visitor", "scenic_id_scope": "none"}
                    if values["kind"] == "member"
                    else {}
                ),
            }
        )
        self._text(product, "name", values["name"])
        for record, component in zip(
            product.scenic_component_ids, components, strict=True
        ):
            self._text(record, "name", self._site_name(component))
        self.products[values["key"]] = product

    def _site_name(self, component):
        key = component.get("site")
        [site] = [s for s in self.setup["sites"] if key in (None, s["key"])][:1]
        return site["name"]

    def _component(self, values, sequence):
        values = dict(values)
        site = self.sites[values.pop("site", next(iter(self.sites)))]
        lanes = values.pop("lanes", ())
        rule = values.pop("rule", None)
        return {
            "name": site.name,
            "site_id": site.id,
            "sequence": sequence,
            "lane_ids": [Command.set([self.lanes[lane].id for lane in lanes])],
            "validity_rule_id": self.rules[rule].id if rule else False,
            **values,
        }

    # ------------------------------------------------------------------
    # Sales
    # ------------------------------------------------------------------

    def _build_people(self):
        for values in self.setup.get("slots", ()):
            self.slots[values["key"]] = self.env["scenic.slot"].create(
                {
                    "site_id": self.sites[values["site"]].id,
                    "start": moment(values["start"]),
                    "end": moment(values["end"]),
                }
            )
        for values in self.setup.get("visitors", ()):
            self.visitors[values["key"]] = self.env["scenic.visitor"]._find_or_create(
                self._visitor(values), self.env.company
            )

    def _visitor(self, values):
        return {
            "name": values["key"],
            "doc_kind": "cn_id",
            "doc_number": values["document"],
        }

    def _sell(self):
        numbers = iter(range(FIRST_NUMBER, FIRST_NUMBER + 1000))
        with patch.object(
            type(self.env["scenic.ticket"]),
            "_next_numbers",
            lambda tickets, count: [next(numbers) for _number in range(count)],
        ):
            for number, order in enumerate(self.setup["orders"], 1):
                if "staff" in order:
                    self._issue_staff(order, number)
                else:
                    self._sell_order(order, number)
        for values in self.setup.get("visitors", ()):
            for key in values.get("holds", ()):
                # sudo: what the registration of a holder writes
                self.tickets[key].sudo().visitor_id = self.visitors[values["key"]]
        for values in self.setup.get("media", ()):
            tickets = self.env["scenic.ticket"].union(
                *[self.tickets[key] for key in values["tickets"]]
            )
            tickets._add_medium(values["kind"], values["value"])

    def _sell_order(self, order, number):
        product = self.products[order["product"]]
        names = order["tickets"]
        quantity = order.get("persons", len(names))
        people = {v["key"]: v for v in self.setup.get("visitors", ())}
        booking = self.env["scenic.booking"]._hold(
            "window",
            f"VECTOR-{number}",
            [
                {
                    "product_id": product.id,
                    "quantity": quantity,
                    "visit_date": order.get("visit_date"),
                    "slot_id": self.slots[order["slot"]].id
                    if "slot" in order
                    else None,
                    "price_unit": product.list_price,
                    "amount_untaxed": product.list_price * quantity,
                    "amount_total": product.list_price * quantity,
                    **(
                        {"visitors": [self._visitor(people[order["member"]])]}
                        if "member" in order
                        else {}
                    ),
                }
            ],
        )
        tickets = booking._confirm().sorted("number")
        self.tickets.update(zip(names, tickets, strict=True))

    def _issue_staff(self, order, number):
        card = self.env["scenic.staff.card"]._issue(
            self.products[order["product"]],
            {
                "holder_name": "王五",
                "employee_no": f"{number:04d}",
                "date_from": datetime.fromisoformat(order["staff"]["from"]).date(),
                "date_to": datetime.fromisoformat(order["staff"]["to"]).date(),
                "weekdays": order["staff"].get("weekdays", 127),
                "minute_from": order["staff"].get("minute_from", 0),
                "minute_to": order["staff"].get("minute_to", 1440),
            },
            medium={"kind": "staff_card", "number": order["staff"]["card"]},
        )
        [name] = order["tickets"]
        self.tickets[name] = card.ticket_id
        if "lanes" in order["staff"]:
            card._set_lanes(
                self.env["scenic.lane"].union(
                    *[self.lanes[lane] for lane in order["staff"]["lanes"]]
                ),
                "as told",
            )

    # ------------------------------------------------------------------
    # What happens between the scans
    # ------------------------------------------------------------------

    def change(self, values):
        """Change a ticket, a medium, a visitor, a lane or a pool; the office does."""
        match values:
            case {"ticket": key, "state": "void"}:
                self.tickets[key]._void("misprint")
            case {"ticket": key, "state": "frozen"}:
                self.tickets[key]._freeze("dispute")
            case {"ticket": key, "state": "unfrozen"}:
                self.tickets[key]._unfreeze("settled")
            case {"ticket": key, "state": state}:
                # sudo: what payment, refund and time write
                self.tickets[key].sudo().state = state
            case {"ticket": key, "refunded": persons}:
                ticket_sudo = self.tickets[key].sudo()  # sudo: what a refund writes
                ticket_sudo.persons_refunded += persons
                for right in ticket_sudo.entitlement_ids:
                    right.entries_refunded += (
                        right.entries_total // ticket_sudo.persons * persons
                    )
            case {"medium": number, "state": state}:
                media = self._media(number)
                if state == "frozen":
                    media._freeze("lost")
                else:
                    media._unfreeze("found")
            case {"medium": number, "replaced_by": other}:
                self._media(number)._replace("lost", number=other)
            case {"reissue": key}:
                self.tickets[key]._reissue("lost")
            case {"visitor": key, "blocked": {"from": first, "until": last}}:
                self.env["scenic.blacklist"]._block(
                    self.visitors[key],
                    "vandalism",
                    date_from=datetime.fromisoformat(first).date(),
                    date_until=datetime.fromisoformat(last).date(),
                )
            case {"reserve": key, "day": day, **rest}:
                self.tickets[key]._reserve(
                    datetime.fromisoformat(day).date(),
                    self.slots[rest["slot"]] if "slot" in rest else None,
                )
            case {"lane": lane, "mode": mode}:
                self.lanes[lane]._switch(mode, "as told")
            case _:
                raise ValueError(f"no such change: {values}")
        self.env.flush_all()

    def _media(self, number):
        media = self.env["scenic.ticket"].union(*self.tickets.values()).credential_ids
        return media.filtered(
            lambda c: c.active and c.last_four and number.endswith(c.last_four)
        )
