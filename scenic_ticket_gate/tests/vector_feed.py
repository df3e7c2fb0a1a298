"""What a device's copy holds of the records of a test vector, with small stable ids.

The rows are those of ``sync`` and ``config`` of docs/gate-api.md.
"""

import base64
from datetime import datetime, time, timedelta

import pytz

from .vector_setup import moment


def utc(value):
    """Return a naive UTC datetime as the API writes it."""
    return f"{value:%Y-%m-%dT%H:%M:%S}Z" if value else None


def texts(record, field):
    """Return a translated field in both languages."""
    return {
        "en": record.with_context(lang="en_US")[field],
        "zh": record.with_context(lang="zh_CN")[field],
    }


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


# ----------------------------------------------------------------------
# Sync
# ----------------------------------------------------------------------


def sync_rows(setup, device, born, now):
    """Return the tickets of a full copy.

    :param device: for whom; what itself did since it was born is not counted
    :param datetime born, now: naive UTC
    """
    sites = device.lane_ids.site_id
    return [
        _ticket(ticket, device, born, now)
        for ticket in setup.tickets.values()
        if any(
            right.site_id in sites and right.valid_to > now - timedelta(days=1)
            for right in ticket.entitlement_ids
        )
    ]


def _ticket(ticket, device, born, now):
    holder = ticket.visitor_id
    return {
        "id": ticket.id,
        "name": ticket.name,
        "kind": ticket.kind,
        "state": ticket.state,
        "persons": ticket.persons - ticket.persons_refunded,
        "product": ticket.product_id.with_context(lang="zh_CN").name,
        "booking": ticket.booking_id.id,
        "visit_date": ticket.visit_date and ticket.visit_date.isoformat() or None,
        "slotted": bool(ticket.slot_id),
        "first_day": ticket.date_first.isoformat(),
        "span": ticket.span_days,
        "first_entry_at": utc(ticket.first_entry_at),
        "blocked": {
            "from": holder.blocked_from.isoformat(),
            "until": holder.blocked_until and holder.blocked_until.isoformat() or None,
        }
        if holder.blocked_from
        else None,
        "staff_lanes": sorted(ticket.lane_ids.mapped("code")) or None,
        "media": [
            [
                medium.lookup,
                "ic_card" if medium.kind == "staff_card" else medium.kind,
                medium.state,
            ]
            for medium in ticket.credential_ids.sorted("id")
        ],
        "rights": [
            _right(right, device, born, now)
            for right in ticket.entitlement_ids.sorted("id")
        ],
        "reservations": [
            {
                "site": hold.site_id.id,
                "day": hold.date.isoformat(),
                "from": utc(hold.slot_id.start),
                "to": utc(hold.slot_id.end),
            }
            for hold in ticket._reservations().sorted("id")
        ],
    }


def _right(right, device, born, now):
    events = right.env["scenic.pass.event"].search(
        [("entitlement_id", "=", right.id)], order="id"
    )
    others = events.filtered(lambda e: e.device_id != device or e.received_time < born)
    zone = pytz.timezone(right.site_id.tz)
    day = pytz.utc.localize(now).astimezone(zone).date()
    ticket = right.ticket_id
    total = ticket.amount_total / (ticket.amount_untaxed or 1) * right.amount
    return {
        "id": right.id,
        "site": right.site_id.id,
        "component": right.component_id.id,
        "rule": right.validity_rule_id.id or None,
        "total": right.entries_total,
        "refunded": right.entries_refunded,
        "unlimited": right.unlimited,
        "daily": right.daily_entries,
        "from": utc(right.valid_from),
        "to": utc(right.valid_to),
        "weekdays": right.weekdays,
        "minute_from": right.minute_from,
        "minute_to": right.minute_to,
        "value": f"{total / right.entries_total:.2f}",
        "used": sum(others.mapped("used_delta")),
        "held": sum(others.mapped("reserved_delta")),
        "again_held": sum(others.mapped("free_delta")),
        "today": _today(others, zone, day),
    }


def _today(events, zone, day):
    start = zone.localize(datetime.combine(day, time.min))
    start = start.astimezone(pytz.utc).replace(tzinfo=None)
    today = events.filtered(
        lambda e: e.event_time >= start and e.phase in ("passed", "exit")
    )
    passed = today.filtered(lambda e: e.phase == "passed")
    if not today:
        return None
    return {
        "day": day.isoformat(),
        "used": sum(passed.mapped("used_delta")),
        "entered": sum(passed.mapped("passes")),
        "gone": sum((today - passed).mapped("passes")),
        "last": utc(max(passed.mapped("event_time"), default=None)),
    }


# ----------------------------------------------------------------------
# Config
# ----------------------------------------------------------------------


def config_answer(setup, device, now):
    """Return the whole config answer of a device.

    :param datetime now: naive UTC; the days of the sites begin the day before
    """
    env = device.env
    lanes = device.lane_ids.sorted("code")
    keys = env["scenic.signing.key"]
    components = [
        component
        for product in setup.products.values()
        for component in product.scenic_component_ids
    ]
    return {
        "version": "",
        "unchanged": False,
        "server_time": utc(now),
        "device": device.name,
        "decides": "site",
        "public_keys": [
            {"kid": key.kid, "key": key.public_key} for key in keys.search([])
        ],
        "site_codes": sorted(site.code for site in setup.sites.values()),
        "lookup_key": _lookup_key(keys),
        "offline": {
            "max_age_hours": 24,
            "admit_unsynced": True,
            "max_unsynced": 100,
            "kinds": ["qr", "barcode", "ic_card", "id_document"],
        },
        "sites": [_site(site, now) for site in setup.sites.values()],
        "rules": [
            {
                "id": rule.id,
                "days_from_first": rule.days_from_first_use
                if rule.mode == "days_from_first_use"
                else None,
                "blackout": [
                    {
                        "from": blackout.date_from.isoformat(),
                        "to": blackout.date_to.isoformat(),
                        "reason": texts(blackout, "reason"),
                    }
                    for blackout in rule.blackout_ids
                ],
            }
            for rule in setup.rules.values()
        ],
        "components": [_component(component) for component in components],
        "lanes": [_lane(lane) for lane in lanes],
        "pools": [_pool(pool) for pool in setup.pools.values()],
    }


def _lookup_key(keys):
    return base64.b64encode(keys._data().lookup_secret).decode("ascii")


def _site(site, now):
    today = pytz.utc.localize(now).astimezone(pytz.timezone(site.tz)).date()
    days = [today + timedelta(days=number) for number in range(-1, 14)]
    site.env.flush_all()
    result = {}
    for day in days:
        site.env.cr.execute(
            "SELECT minute_from, minute_to FROM scenic_gate_opening(%s, %s)",
            [site.id, day],
        )
        row = site.env.cr.fetchone()
        if row is None:
            hours = None
        else:
            hours = [] if row[0] is None else list(row)
        result[day.isoformat()] = {
            "open": hours,
            "reservation": site._reservation_level(day),
        }
    return {
        "id": site.id,
        "code": site.code,
        "name": texts(site, "name"),
        "tz": site.tz,
        "days": result,
    }


def _component(component):
    template = component.product_tmpl_id
    return {
        "id": component.id,
        "site": component.site_id.id,
        "product_class": template.scenic_class_code,
        "name": texts(component, "name"),
        "gate_name": component.gate_name,
        "sequence": component.sequence,
        "choice": component.choice_group,
        "in_sequence": template.scenic_in_sequence,
        "reentry": component.reentry,
        "reentry_minutes": component.reentry_minutes,
        "antipassback": component.antipassback,
        "minutes_from_first": template.scenic_minutes_from_first,
        "grace_early": template.scenic_grace_early,
        "grace_late": template.scenic_grace_late,
        "has_rules": component.has_entry_rules,
        "staff_lanes": sorted(component.lane_ids.mapped("code")) or None,
    }


def _lane(lane):
    gate = lane.gate_id
    lane.env.cr.execute(
        "SELECT pool_id, step FROM scenic_gate_crossed(%s, %s)",
        [gate.from_zone_id.id or None, gate.to_zone_id.id],
    )
    steps = lane.env.cr.fetchall()
    return {
        "lane": lane.code,
        "name": lane.name,
        "site": gate.site_id.id,
        "gate": {"id": gate.id, "name": gate.name},
        "direction": lane.direction,
        "into": [pool for pool, step in steps if step > 0],
        "out_of": [pool for pool, step in steps if step < 0],
        "counted": bool(gate.into_pools),
        "kind": lane.kind,
    }


def _pool(pool):
    stop = pool.scheme_id.level_ids.filtered("stops_entry").sorted("percent")[:1]
    return {
        "id": pool.id,
        "name": pool.name,
        "capacity": pool.capacity,
        "stop_at": -(-pool.capacity * stop.percent // 100) if stop else None,
        "level": texts(stop, "name") if stop else None,
        "site": pool.site_id.id,
    }


# ----------------------------------------------------------------------
# Days and times
# ----------------------------------------------------------------------


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
