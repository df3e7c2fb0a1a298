"""Run in ``odoo shell``: sold tickets by SQL, copies of one that the API sold.

``BENCH_SOLD``: how many, four a booking, over 200 days around today and the channels.
Credentials are left out: nothing that is measured here reads them.
"""

import json
import os

import psycopg2.errors

from odoo import fields

PER_LINE = 4
DAYS = 200
sold = int(os.environ["BENCH_SOLD"])
cr = env.cr  # noqa: F821
product = env.ref("scenic_ticket_base.ticket_adult").product_variant_id  # noqa: F821
env["scenic.capacity.pool"].search([]).capacity = 10**6  # noqa: F821
bookings = env["scenic.booking"]  # noqa: F821
today = fields.Date.context_today(product.with_context(tz=product.scenic_site_id.tz))
reference = f"fill-{sold}"
booking = bookings._hold(
    "web",
    reference,
    [{"product_id": product.id, "quantity": PER_LINE, "visit_date": today}],
)
booking._confirm()
env.flush_all()  # noqa: F821
line = booking.line_ids
count = sold // PER_LINE
first = {}
for table in ("booking", "booking_line", "ticket", "entitlement"):
    cr.execute(f"SELECT max(id) FROM scenic_{table}")
    first[table] = cr.fetchone()[0]
cr.execute("SELECT max(number) FROM scenic_ticket")
[last_number] = cr.fetchone()
cr.execute("SELECT array_agg(id ORDER BY id) FROM scenic_channel")
[channels] = cr.fetchone()
day = f"DATE '{today}' - {DAYS // 2} + (%s %% {DAYS})"
channel = f"(ARRAY{channels})[1 + %s %% {len(channels)}]"


def triggers(on):
    """Spare the foreign keys of a million copies, where PostgreSQL lets us."""
    try:
        with cr.savepoint(flush=False):
            cr.execute(
                f"SET LOCAL session_replication_role = {'origin' if on else 'replica'}",
                log_exceptions=False,
            )
    except psycopg2.errors.InsufficientPrivilege:
        pass


def copy(table, template, rows, **values):
    """Copy a row so many times; ``values`` are SQL over ``g``, 1 to ``rows``."""
    cr.execute(
        "SELECT column_name FROM information_schema.columns "
        "WHERE table_name = %s AND is_generated = 'NEVER'",
        [f"scenic_{table}"],
    )
    names = [name for (name,) in cr.fetchall() if name != "id" or "id" in values]
    columns = ", ".join(f'"{name}"' for name in names)
    sources = ", ".join(values.get(name, f'o."{name}"') for name in names)
    cr.execute(
        f"INSERT INTO scenic_{table} ({columns}) SELECT {sources} "
        f"FROM scenic_{table} o, generate_series(1, {rows}) g WHERE o.id = {template}"
    )
    if "id" in values:
        cr.execute(
            f"SELECT setval('scenic_{table}_id_seq', max(id)) FROM scenic_{table}"
        )


def of_line(text):
    return text % f"((g - 1) / {PER_LINE} + 1)"


triggers(False)
copy(
    "booking",
    booking.id,
    count,
    id=f"{first['booking']} + g",
    name=f"'{reference}-' || g",
    external_ref=f"'{reference}-' || g",
    channel_id=channel % "g",
)
copy(
    "booking_line",
    line.id,
    count,
    id=f"{first['booking_line']} + g",
    booking_id=f"{first['booking']} + g",
    visit_date=day % "g",
)
copy(
    "ticket",
    booking.ticket_ids[0].id,
    count * PER_LINE,
    id=f"{first['ticket']} + g",
    number=f"{last_number} + g",
    name=f"lpad(({last_number} + g)::text, 10, '0')",
    booking_id=of_line(f"{first['booking']} + %s"),
    booking_line_id=of_line(f"{first['booking_line']} + %s"),
    channel_id=of_line(channel),
    visit_date=of_line(day),
    date_first=of_line(day),
    access_token="'fill' || g",
)
copy(
    "entitlement",
    booking.ticket_ids[0].entitlement_ids.id,
    count * PER_LINE,
    ticket_id=f"{first['ticket']} + g",
)
# each copy of a hold counts, as if it had been sold
triggers(True)
for hold in line.hold_ids:
    copy(
        "capacity_hold",
        hold.id,
        count,
        booking_line_id=f"{first['booking_line']} + g",
        date=day % "g",
        channel_id=channel % "g",
    )
cr.execute("SELECT setval('scenic_ticket_number_seq', max(number)) FROM scenic_ticket")
cr.commit()
env["scenic.capacity.pool"]._fold()  # noqa: F821
cr.commit()
cr._cnx.autocommit = True
cr.execute("VACUUM ANALYZE")
print(json.dumps({"sold": count * PER_LINE}))
