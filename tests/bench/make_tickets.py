"""Run in ``odoo shell``: a device and live tickets to validate; prints JSON.

The environment says how many (``BENCH_TICKETS``) and where to write the codes
(``BENCH_CODES``), one a line: credential look-up and QR text.
"""

import hashlib
import json
import os

from odoo import fields

BATCH = 1000
wanted = int(os.environ["BENCH_TICKETS"])
product = env.ref("scenic_ticket_base.ticket_adult").product_variant_id  # noqa: F821
site = product.product_tmpl_id.scenic_site_id
# more tickets of one day than the demo park has places; whoever decides about places
# looks at what is committed
env["scenic.capacity.pool"].search([]).capacity = 10**7  # noqa: F821
env.cr.commit()  # noqa: F821
device = env["scenic.device"].search([("name", "=", "bench")], limit=1)  # noqa: F821
if not device:
    gate = env["scenic.gate"].search(  # noqa: F821
        [("to_zone_id.site_id", "=", site.id)], limit=1
    )
    device = env["scenic.device"].create(  # noqa: F821
        {"name": "bench", "site_id": site.id}
    )
    env["scenic.lane"].create(  # noqa: F821
        {
            "name": "bench",
            "code": "B1",
            "gate_id": gate.id,
            "device_id": device.id,
            "direction": "in",
            "kind": "tripod",
        }
    )
key = device._generate_key()
bookings = env["scenic.booking"]  # noqa: F821
domain = [("booking_id.external_ref", "=like", "bench-%"), ("state", "=", "valid")]
tickets = env["scenic.ticket"]  # noqa: F821
have = tickets.search_count(domain)
day = fields.Date.context_today(product.with_context(tz=site.tz))
while have < wanted:
    booking = bookings._hold(
        "window",
        f"bench-{day}-{have}",
        [
            {
                "product_id": product.id,
                "quantity": BATCH,
                "visit_date": day,
                "price_unit": 80.0,
                "amount_untaxed": 80.0 * BATCH,
                "amount_total": 80.0 * BATCH,
            }
        ],
    )
    booking._confirm()
    env.cr.commit()  # noqa: F821
    env.invalidate_all()  # noqa: F821
    have += BATCH
with open(os.environ["BENCH_CODES"], "w") as codes:
    ids = tickets.search(domain, limit=wanted, order="id").ids
    for start in range(0, len(ids), BATCH):
        for ticket in tickets.browse(ids[start : start + BATCH]):
            token = ticket._qr_token()
            codes.write(f"{env['scenic.credential']._lookup(token)} {token}\n")  # noqa: F821
        env.invalidate_all()  # noqa: F821
env.cr.commit()  # noqa: F821
print(
    json.dumps(
        {
            "device": device.id,
            "key": key,
            "key_hash": hashlib.sha256(key.encode()).hexdigest(),
        }
    )
)
