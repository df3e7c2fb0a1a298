"""Run in ``odoo shell``: expire tickets in batches, each committed; prints JSON.

``BENCH_COUNT``: how many tickets are over, ``BENCH_BATCH``: tickets a batch,
``BENCH_KILL``: after so many batches the process kills itself in the middle of the
next one; 0: never. ``BENCH_MARK``: whether to let tickets be over first.
"""

import json
import os
import signal
import time

count = int(os.environ["BENCH_COUNT"])
batch = int(os.environ["BENCH_BATCH"])
kill = int(os.environ["BENCH_KILL"])
cr = env.cr  # noqa: F821
tickets = env["scenic.ticket"]  # noqa: F821
if int(os.environ["BENCH_MARK"]):
    terms = env["scenic.refund.policy"]._terms()  # noqa: F821
    terms["at_expiry"] = "breakage"
    cr.execute("UPDATE scenic_booking_line SET refund_terms = %s", [json.dumps(terms)])
    cr.execute("UPDATE scenic_entitlement SET valid_to = '2999-01-01'")
    cr.execute(
        "UPDATE scenic_entitlement SET valid_from = '2026-01-01', "
        "valid_to = '2026-01-02' WHERE ticket_id IN (SELECT id FROM scenic_ticket "
        "WHERE state = 'valid' ORDER BY id LIMIT %s)",
        [count],
    )
    cr.commit()
    cr.execute("ANALYZE scenic_ticket")
    cr.execute("ANALYZE scenic_entitlement")
    cr.commit()
seconds, done = 0.0, 0
start = time.perf_counter()
for step in (tickets._expire_batch, tickets._lapse_batch):
    while step(batch):
        if kill and done == kill:
            os.kill(os.getpid(), signal.SIGKILL)
        cr.commit()
        env.invalidate_all()  # noqa: F821
        done += 1
seconds = time.perf_counter() - start
cr.execute(
    "SELECT count(*) FILTER (WHERE t.state = 'expired'), "
    "count(*) FILTER (WHERE t.state = 'expired' AND t.amount_open <> 0), "
    "COALESCE(sum(t.amount_untaxed) FILTER (WHERE t.state = 'expired'), 0) "
    "FROM scenic_ticket t"
)
expired, still_open, price = cr.fetchone()
cr.execute(
    "SELECT count(*), count(DISTINCT entitlement_id), COALESCE(sum(amount), 0) "
    "FROM scenic_revenue_entry WHERE trigger = 'breakage'"
)
entries, rights, earned = cr.fetchone()
print(
    json.dumps(
        {
            "seconds": seconds,
            "batches": done,
            "expired": expired,
            "open": still_open,
            "twice": entries - rights,
            "difference": float(price - earned),
        }
    )
)
