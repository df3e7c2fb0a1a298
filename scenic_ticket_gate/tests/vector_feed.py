"""What Odoo tells a device of the records of a test vector, with small stable ids.

The answers are those of ``sync`` and ``config`` of docs/gate-api.md.
"""

import json

import pytz

from odoo.addons.scenic_ticket_gate.tools import gate_schema

from .vector_setup import moment

#: A page of the copy: small, so that a copy of a few tickets has several.
PAGE = 2


class Numbers:
    """Small ids, in the order in which the vector names its things."""

    def __init__(self, setup):
        tickets = list(setup.tickets.values())
        templates = [p.product_tmpl_id for p in setup.products.values()]
        self.of = {
            kind: {record.id: number for number, record in enumerate(records, 1)}
            for kind, records in {
                "site": setup.sites.values(),
                "gate": setup.gates.values(),
                "pool": setup.pools.values(),
                "rule": setup.rules.values(),
                "component": [
                    component
                    for template in templates
                    for component in template.scenic_component_ids.sorted(
                        lambda c: (c.sequence, c.id)
                    )
                ],
                "ticket": tickets,
                "booking": dict.fromkeys(t.booking_id for t in tickets),
                "right": [
                    right
                    for ticket in tickets
                    for right in ticket.entitlement_ids.sorted("id")
                ],
            }.items()
        }

    def feed(self, rows):
        """Return the tickets of a sync answer, by these ids."""
        of = self.of
        result = []
        for row in rows:
            rights = [
                {
                    **right,
                    "id": of["right"][right["id"]],
                    "site": of["site"][right["site"]],
                    "component": of["component"][right["component"]],
                    "rule": of["rule"].get(right["rule"]),
                }
                for right in row["rights"]
            ]
            result.append(
                {
                    **row,
                    "id": of["ticket"][row["id"]],
                    "booking": of["booking"][row["booking"]],
                    "rights": sorted(rights, key=lambda r: r["id"]),
                    "reservations": [
                        {**r, "site": of["site"][r["site"]]}
                        for r in row["reservations"]
                    ],
                }
            )
        return sorted(result, key=lambda row: row["id"])

    def config(self, answer):
        """Return a config answer by these ids, without what changes each time."""
        of = self.of

        def rows(name, kind, **links):
            found = []
            for row in answer[name]:
                if kind == "rule" and row["id"] not in of["rule"]:
                    continue  # rules belong to no company: another test's or the demo's
                row = dict(row)
                if kind:
                    row["id"] = of[kind][row["id"]]
                for field, other in links.items():
                    row[field] = of[other][row[field]]
                found.append(row)
            return sorted(found, key=lambda row: row.get("id") or row["lane"])

        lanes = rows("lanes", None, site="site")
        for lane in lanes:
            lane["gate"] = {**lane["gate"], "id": of["gate"][lane["gate"]["id"]]}
            for field in ("into", "out_of"):
                lane[field] = sorted(of["pool"][pool] for pool in lane[field])
        volatile = ("version", "unchanged", "server_time")
        return {
            **{k: v for k, v in answer.items() if k not in volatile},
            "sites": rows("sites", "site"),
            "rules": rows("rules", "rule"),
            "components": rows("components", "component", site="site"),
            "lanes": lanes,
            "pools": rows("pools", "pool", site="site"),
        }


def sync_rows(device, born, now):
    """Return the tickets of a full copy, page by page as a device asks for them.

    :param device: for whom; what itself did since it was born is not counted
    :param datetime born, now: naive UTC
    """
    tickets = {}
    cursor, more = None, True
    while more:
        values = gate_schema.check_sync(
            {"cursor": cursor, "limit": PAGE, "born": f"{born.isoformat()}Z"}
        )
        answer = json.loads(device._gate_sync(device.key_hash, values, now=now))
        tickets.update({row["id"]: row for row in answer["tickets"]})
        for ticket_id in answer["gone"]:
            tickets.pop(ticket_id, None)
        cursor, more = answer["cursor"], answer["more"]
    return list(tickets.values())


def config_answer(device, now):
    """Return the whole config answer of a device.

    :param datetime now: naive UTC; the days of the sites begin the day before
    """
    values = gate_schema.check_config({"version": None})
    return json.loads(device._gate_config(device.key_hash, values, now=now))


def step_days(vector):
    """Return ``{day: moment}`` of the days on which steps happen, by their clock.

    The moment is that of the day's first step, naive UTC.
    """
    zone = pytz.timezone(vector["tz"])
    days = {}
    for step in vector["steps"]:
        now = moment(step["at"])
        days.setdefault(pytz.utc.localize(now).astimezone(zone).date().isoformat(), now)
    return days
