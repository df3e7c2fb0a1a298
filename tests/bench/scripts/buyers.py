"""Run in ``odoo shell``: parallel buyers of one day; prints JSON.

``BENCH_BUYERS``: how many, ``BENCH_SECONDS``: for how long.
"""

import json
import logging
import os
import statistics
import threading
import time
from datetime import timedelta
from functools import partial

from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry
from odoo.service.model import retrying

buyers = int(os.environ["BENCH_BUYERS"])
seconds = float(os.environ["BENCH_SECONDS"])
registry = Registry(env.cr.dbname)  # noqa: F821
product = env.ref("scenic_ticket_base.ticket_adult").product_variant_id  # noqa: F821
product_id = product.id
day = fields.Date.context_today(env["scenic.site"]) + timedelta(days=20)  # noqa: F821
env.cr.commit()  # noqa: F821
retries = []


class RetryLog(logging.Handler):
    def emit(self, record):
        retries.append(record.getMessage())


logger = logging.getLogger("odoo.service.model")
logger.addHandler(RetryLog())
logger.setLevel(logging.INFO)
logger.propagate = False


def buy(reference, env):
    line = {"product_id": product_id, "quantity": 2, "visit_date": day}
    return len(env["scenic.booking"]._hold("web", reference, [line])._confirm())


def run(label, number, until, times):
    turn = 0
    while time.monotonic() < until:
        turn += 1
        start = time.perf_counter()
        with registry.cursor() as cr:
            other = api.Environment(cr, SUPERUSER_ID, {})
            reference = f"buyer-{label}-{number}-{turn}"
            assert retrying(partial(buy, reference, other), other) == 2
        times.append((time.perf_counter() - start) * 1000)


def at_once(label, count):
    times, until = [], time.monotonic() + seconds
    threads = [
        threading.Thread(target=run, args=(label, number, until, times))
        for number in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(times)


at_once("warm", 1)
alone = at_once("alone", 1)
del retries[:]
together = at_once("together", buyers)
print(
    json.dumps(
        {
            "bought": len(together),
            "rate": len(together) / seconds,
            "p50": statistics.median(together),
            "p95": together[int(len(together) * 0.95)],
            "retries": len(retries),
            "alone_rate": len(alone) / seconds,
            "alone_p50": statistics.median(alone),
        }
    )
)
