"""Run in ``odoo shell``: shred visitors whose tickets are over; prints JSON.

``BENCH_SIZES``: how many visitors, one figure after the other. A thousand come through
the booking service; more are copies of their rows under other keys.
"""

import json
import logging
import os
import time
from datetime import timedelta
from unittest.mock import patch

from odoo import Command, fields

BASE = 1000
env = globals()["env"]
cr = env.cr
site = env["scenic.site"].search([("company_id", "=", env.company.id)], limit=1)
env["scenic.capacity.pool"].search([]).capacity = 10**6
product = env["product.product"].create(
    {
        "name": "bench",
        "type": "service",
        "service_tracking": "scenic_ticket",
        "scenic_site_id": site.id,
        "scenic_real_name": "visitor",
        "scenic_validity_rule_id": env["scenic.validity.rule"]
        .create({"name": "bench", "days": 1})
        .id,
        "property_account_income_id": env["account.account"]
        .search([("account_type", "=", "income")], limit=1)
        .id,
        "scenic_component_ids": [Command.create({"name": "bench", "site_id": site.id})],
    }
)
people = env["scenic.visitor"]
today = fields.Date.context_today(people)
cron = env.ref("scenic_ticket_base.ir_cron_shred_visitors")


def sell(number):
    """Sell a thousand tickets with real names."""
    line = {
        "product_id": product.id,
        "quantity": BASE,
        "visit_date": today + timedelta(days=number + 1),
        "price_unit": 1.0,
        "amount_untaxed": 1000.0,
        "amount_total": 1000.0,
        "visitors": [
            {
                "name": f"游客{i}",
                "doc_kind": "taiwan_permit",
                "doc_number": f"{number:02d}{i:06d}",
                "phone": f"138{number:02d}{i:06d}",
            }
            for i in range(BASE)
        ],
    }
    return env["scenic.booking"]._hold("web", f"shred-{number}", [line])._confirm()


def copy(table, ids, changes):
    """Copy rows under new ids, kept in ``map_<table>``; ``changes`` is SQL."""
    cr.execute(f"DROP TABLE IF EXISTS map_{table}")
    cr.execute(
        f"CREATE TEMP TABLE map_{table} AS SELECT id AS old, "
        f"nextval('{table}_id_seq')::integer AS new FROM {table} WHERE id = ANY(%s)",
        [ids],
    )
    cr.execute(f"CREATE INDEX ON map_{table} (old)")
    cr.execute(f"ANALYZE map_{table}")
    cr.execute(
        f"INSERT INTO {table} SELECT c.* "
        f"FROM {table} r JOIN map_{table} m ON m.old = r.id, "
        f"jsonb_populate_record(r, jsonb_build_object('id', m.new, {changes})) c"
    )


def multiply(tickets, times):
    """Add copies of tickets with all that belongs to their visitors."""
    ids = {
        "scenic_visitor": tickets.visitor_id.ids,
        "scenic_ticket": tickets.ids,
        "scenic_ticket_holder": tickets.holder_ids.ids,
        "scenic_credential": tickets.credential_ids.ids,
    }
    visitor = "(SELECT v.new FROM map_scenic_visitor v WHERE v.old = r.visitor_id)"
    ticket = "(SELECT t.new FROM map_scenic_ticket t WHERE t.old = r.ticket_id)"
    # the hash of a document is the same on the visitor and on the credential
    lookup = (
        "CASE WHEN r.kind = 'id_document' THEN (SELECT md5(v.new::text) "
        "FROM map_scenic_visitor v WHERE v.old = (SELECT t.visitor_id "
        "FROM scenic_ticket t WHERE t.id = r.ticket_id)) ELSE 'x' || m.new END"
    )
    for _turn in range(times):
        copy("scenic_visitor", ids["scenic_visitor"], "'doc_lookup', md5(m.new::text)")
        copy(
            "scenic_ticket",
            ids["scenic_ticket"],
            f"'number', nextval('scenic_ticket_number_seq'), 'visitor_id', {visitor}",
        )
        copy(
            "scenic_ticket_holder",
            ids["scenic_ticket_holder"],
            f"'visitor_id', {visitor}, 'ticket_id', {ticket}",
        )
        copy(
            "scenic_credential",
            ids["scenic_credential"],
            f"'lookup', {lookup}, 'ticket_id', {ticket}",
        )


def due():
    """Return how many visitors have data that are due."""
    cr.commit()  # the job has a transaction of its own
    cr.execute(
        "SELECT count(*) FROM scenic_visitor v WHERE v.shredded IS NOT TRUE "
        "AND v.shred_on <= %s",
        [today],
    )
    return cr.fetchone()[0]


def prepare(number, size):
    tickets = sell(number)
    env.flush_all()
    multiply(tickets, size // BASE - 1)
    cr.execute(
        "UPDATE scenic_ticket SET state = 'expired', date_first = %s "
        "WHERE product_id = %s",
        [today - timedelta(days=90), product.id],
    )
    cr.execute("UPDATE scenic_ticket_holder SET visit_date = NULL")
    cr.execute(
        "UPDATE scenic_visitor SET shred_on = %s WHERE shredded IS NOT TRUE",
        [today - timedelta(days=1)],
    )
    cr.commit()
    env.invalidate_all()
    # as autovacuum would, before the night in which the job runs
    cr._cnx.autocommit = True
    for table in ("visitor", "ticket", "ticket_holder", "credential"):
        cr.execute(f"VACUUM ANALYZE scenic_{table}")
    cr._cnx.autocommit = False
    found = due()
    assert found == size, f"{found} visitors, not {size}"


def run():
    """Let the job run until nobody is left; return seconds and turns."""
    start, turns = time.perf_counter(), 0
    while due() and turns < 1000:
        turns += 1
        cron.method_direct_trigger()
    return {"seconds": time.perf_counter() - start, "turns": turns}


def break_off():
    """Let one turn fail from its third batch on; return how many stay done."""
    before, original, calls = due(), type(people)._shred, []

    def shred(self, log=False):
        calls.append(len(self))
        original(self, log)
        # the job tries again at once: it must go on failing
        if len(calls) >= 3:
            raise RuntimeError("broken off by the bench")

    logging.getLogger("odoo.addons.base.models.ir_cron").setLevel(logging.CRITICAL)
    with patch.object(type(people), "_shred", shred):
        try:
            cron.method_direct_trigger()
        except Exception as error:  # the job's own report of it
            cr.rollback()
            print(f"the turn failed: {error!r}")
    return before - due()


rows = []
for number, size in enumerate(map(int, os.environ["BENCH_SIZES"].split())):
    prepare(number, size)
    rows.append({"visitors": size, **run()})
prepare(50, 5 * BASE)
kept = break_off()
run()
print(json.dumps({"rows": rows, "kept": kept, "left": due()}))
