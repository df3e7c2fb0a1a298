"""Run in ``odoo shell``: times of quotes in two databases, in turns; prints JSON.

``BENCH_SMALL``: the other database, ``BENCH_ROUNDS``: how often.
"""

import json
import os
import time
from datetime import timedelta

from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry

rounds = int(os.environ["BENCH_ROUNDS"])
databases = {"small": os.environ["BENCH_SMALL"], "big": env.cr.dbname}  # noqa: F821


def quote(env, product, day):
    [line] = env["scenic.booking"]._quote(
        "web", [{"product_id": product.id, "quantity": 2, "visit_date": day}]
    )["lines"]
    assert line["free"] is not None


def month(env, product, day):
    pools = env["scenic.capacity.pool"]
    assert len(pools._availability(product, "web", day, day + timedelta(30))) >= 31


times = {
    name: {key: [] for key in databases} for name in ("quote", "places of a month")
}
for number in range(rounds + 5):
    for key, name in databases.items():
        with Registry(name).cursor() as cr:
            other = api.Environment(cr, SUPERUSER_ID, {})
            product = other.ref("scenic_ticket_base.ticket_adult").product_variant_id
            today = fields.Date.context_today(other["scenic.site"])
            day = today + timedelta(days=number % 60)
            for label, call in (("quote", quote), ("places of a month", month)):
                other.invalidate_all()
                start = time.perf_counter()
                call(other, product, day)
                # the first rounds warm the caches
                if number >= 5:
                    times[label][key].append((time.perf_counter() - start) * 1000)
print(json.dumps(times))
