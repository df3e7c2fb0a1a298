"""Run in ``odoo shell``: devices and live tickets to validate; prints JSON.

``BENCH_TICKETS``: how many day tickets, copies by SQL of one that was sold;
``BENCH_SCANNED``: how many of them get codes of their own that can be scanned;
``BENCH_GROUPS``: how many group codes of 100 persons; ``BENCH_CODES``: file for the
codes, one a line: credential look-up, QR text, id of the right.
"""

import hashlib
import json
import os

from odoo import fields

BATCH = 1000
PERSONS = 100
DEVICES = ("one", "list", "upload", "group", "pgbench")
tickets = int(os.environ["BENCH_TICKETS"])
scanned = int(os.environ["BENCH_SCANNED"])
groups = int(os.environ["BENCH_GROUPS"])
cr = env.cr  # noqa: F821
product = env.ref("scenic_ticket_base.ticket_adult").product_variant_id  # noqa: F821
group = env.ref("scenic_ticket_base.ticket_group").product_variant_id  # noqa: F821
site = product.product_tmpl_id.scenic_site_id
# more tickets of one day than the demo park has places; whoever decides about places
# looks at what is committed
env["scenic.capacity.pool"].search([]).capacity = 10**7  # noqa: F821
env["ir.config_parameter"].set_param(  # noqa: F821
    "scenic_ticket_gate.requests_per_second", "1000000"
)
cr.commit()
counted = env["scenic.gate"].search(  # noqa: F821
    [("to_zone_id.site_id", "=", site.id), ("from_zone_id", "=", False)], limit=1
)
assert counted.into_pools, "the demo park counts who comes in by its gate"
inner = env["scenic.zone"].create(  # noqa: F821
    {"name": "bench", "site_id": site.id}
)
plain = env["scenic.gate"].create(  # noqa: F821
    {"name": "bench", "from_zone_id": counted.to_zone_id.id, "to_zone_id": inner.id}
)
assert not plain.into_pools, "nobody is counted from zone to zone of one site"
devices = {}
for name in DEVICES:
    device = env["scenic.device"].create(  # noqa: F821
        {"name": f"bench-{name}", "site_id": site.id, "decides": "offline"}
    )
    for code, gate in (("PLAIN", plain), ("COUNTED", counted)):
        env["scenic.lane"].create(  # noqa: F821
            {
                "name": f"bench {code}",
                "code": code,
                "gate_id": gate.id,
                "device_id": device.id,
                "direction": "in",
                "kind": "tripod",
            }
        )
    key = device._generate_key()
    devices[name] = {
        "id": device.id,
        "key": key,
        "key_hash": hashlib.sha256(key.encode()).hexdigest(),
    }
user = env["res.users"].search([("login", "=", "bench")])  # noqa: F821
if not user:
    # its database never leaves this machine and is dropped afterwards
    env["res.users"].create(  # noqa: F821
        {
            "name": "bench",
            "login": "bench",
            "password": "bench",
            "group_ids": [(4, env.ref("base.group_system").id)],  # noqa: F821
        }
    )
day = fields.Date.context_today(product.with_context(tz=site.tz))


def sell(reference, variant, quantity):
    booking = env["scenic.booking"]._hold(  # noqa: F821
        "window",
        reference,
        [
            {
                "product_id": variant.id,
                "quantity": quantity,
                "visit_date": day,
                "price_unit": 80.0,
                "amount_untaxed": 80.0 * quantity,
                "amount_total": 80.0 * quantity,
            }
        ],
    )
    booking._confirm()
    cr.commit()
    env.invalidate_all()  # noqa: F821
    return booking


group_codes = [
    sell(f"bench-group-{number}", group, PERSONS).ticket_ids._qr_token()
    for number in range(groups)
]
first = sell("bench", product, 1).ticket_ids


def copy(table, template, rows, **values):
    """Copy a row so many times; ``values`` are SQL over ``g``, 1 to ``rows``."""
    cr.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = %s AND is_generated = 'NEVER'",
        [table],
    )
    names = [name for (name,) in cr.fetchall() if name != "id" or "id" in values]
    columns = ", ".join(f'"{name}"' for name in names)
    sources = ", ".join(values.get(name, f'o."{name}"') for name in names)
    cr.execute(
        f"INSERT INTO {table} ({columns}) SELECT {sources} "
        f"FROM {table} o, generate_series(1, {rows}) g WHERE o.id = {template}"
    )


cr.execute("SELECT max(id), max(number) FROM scenic_ticket")
last_id, last_number = cr.fetchone()
# copies of what was checked when it was sold; spares their foreign keys
cr.execute("SET session_replication_role = replica")
copy(
    "scenic_ticket",
    first.id,
    tickets,
    id=f"{last_id} + g",
    number=f"{last_number} + g",
    name=f"lpad(({last_number} + g)::text, 10, '0')",
    access_token="'bench' || g",
)
copy("scenic_entitlement", first.entitlement_ids.id, tickets, ticket_id=f"{last_id}+g")
for credential in first.credential_ids:
    copy(
        "scenic_credential",
        credential.id,
        tickets,
        ticket_id=f"{last_id} + g",
        lookup=f"md5('{credential.kind}' || g)",
    )
cr.execute("SET session_replication_role = origin")
cr.execute("SELECT setval('scenic_ticket_id_seq', max(id)) FROM scenic_ticket")
cr.execute("SELECT setval('scenic_ticket_number_seq', max(number)) FROM scenic_ticket")
cr.commit()
# spread over the whole table, as visitors of a day are over a season's sales
ids = [last_id + 1 + number * tickets // scanned for number in range(scanned)]
with open(os.environ["BENCH_CODES"], "w") as codes:
    credentials = env["scenic.credential"]  # noqa: F821
    for start in range(0, len(ids), BATCH):
        changed = []
        for ticket in env["scenic.ticket"].browse(ids[start : start + BATCH]):  # noqa: F821
            token = ticket._qr_token()
            lookup = credentials._lookup(token)
            changed.append((ticket.id, lookup))
            codes.write(f"{lookup} {token} {ticket.entitlement_ids.id}\n")
        cr.execute(
            "UPDATE scenic_credential c SET lookup = v.lookup "
            "FROM unnest(%s, %s) AS v (id, lookup) "
            "WHERE c.ticket_id = v.id AND c.kind = 'qr'",
            [[pair[0] for pair in changed], [pair[1] for pair in changed]],
        )
        env.invalidate_all()  # noqa: F821
cr.commit()
cr._cnx.autocommit = True
cr.execute("VACUUM ANALYZE")
print(json.dumps({"devices": devices, "groups": group_codes}))
