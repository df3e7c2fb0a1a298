"""Run in ``odoo shell``: time and queries of confirming bookings; prints JSON.

``BENCH_SIZES``: how many tickets, ``BENCH_ROUNDS``: how often. The sizes take turns,
so that the machine's mood falls on each alike.
"""

import json
import os
import time
from datetime import timedelta

from odoo import fields

sizes = [int(size) for size in os.environ["BENCH_SIZES"].split()]
rounds = int(os.environ["BENCH_ROUNDS"])
product = env.ref("scenic_ticket_base.ticket_adult").product_variant_id  # noqa: F821
env["scenic.capacity.pool"].search([]).capacity = 10**6  # noqa: F821
bookings = env["scenic.booking"]  # noqa: F821
today = fields.Date.context_today(product.with_context(tz=product.scenic_site_id.tz))
times = {size: [] for size in sizes}
queries = {size: [] for size in sizes}
for number in range(rounds + 1):
    for size in sizes:
        line = {
            "product_id": product.id,
            "quantity": size,
            "visit_date": today + timedelta(days=30 + number),
        }
        booking = bookings._hold("web", f"confirm-{number}-{size}", [line])
        env.cr.commit()  # noqa: F821
        env.invalidate_all()  # noqa: F821
        before = env.cr.sql_log_count  # noqa: F821
        start = time.perf_counter()
        tickets = booking._confirm()
        env.cr.commit()  # noqa: F821
        elapsed = time.perf_counter() - start
        assert len(tickets) == size
        # the first round warms the caches
        if number:
            times[size].append(elapsed * 1000)
            queries[size].append(env.cr.sql_log_count - before)  # noqa: F821
print(json.dumps({"times": times, "queries": queries}))
