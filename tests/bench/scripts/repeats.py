"""Run in ``odoo shell``: buyers who send the same request at once; prints JSON.

``BENCH_BUYERS``: how many, ``BENCH_ROUNDS``: how often.
"""

import json
import logging
import os
import threading
import time
from datetime import timedelta
from functools import partial

from odoo import SUPERUSER_ID, api, fields
from odoo.modules.registry import Registry
from odoo.service.model import retrying

buyers = int(os.environ["BENCH_BUYERS"])
rounds = int(os.environ["BENCH_ROUNDS"])
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


def buy(key, env):
    line = {"product_id": product_id, "quantity": 2, "visit_date": day}
    booking = env["scenic.booking"]._hold("web", key, [line], key=f"hold {key}")
    return tuple(booking._confirm(key=f"confirm {key}").ids)


def ask(key, barrier, answers):
    barrier.wait()
    start = time.perf_counter()
    with registry.cursor() as cr:
        other = api.Environment(cr, SUPERUSER_ID, {})
        answer = retrying(partial(buy, key, other), other)
    answers.append(((time.perf_counter() - start) * 1000, answer))


def at_once(key, count):
    """Return what the slowest one waited; all must get the same tickets."""
    barrier, answers = threading.Barrier(count), []
    threads = [
        threading.Thread(target=ask, args=(key, barrier, answers)) for _ in range(count)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == count, answers
    assert len({answer for _ms, answer in answers}) == 1, answers
    return max(ms for ms, _answer in answers)


at_once("warm", 1)
alone, together = [], []
for turn in range(rounds):
    alone.append(at_once(f"alone-{turn}", 1))
    together.append(at_once(f"together-{turn}", buyers))
print(json.dumps({"alone": alone, "together": together, "retries": len(retries)}))
