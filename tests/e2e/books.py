"""What Odoo's tables say, for the reconciliation with journals and steel."""

import sqlite3
from collections import Counter
from contextlib import closing

from scenic_gate_bridge.simulator.books import (
    ServerAdmission,
    ServerBooks,
    ServerTicket,
    digest,
)

#: What Odoo itself must never have: each query names what is wrong, a line each.
TROUBLES = {
    "entries and events disagree": """
        SELECT 'right ' || e.id || ': ' || e.entries_reserved || ' reserved, '
               || e.entries_used || ' used, events say ' || p.reserved || ', ' || p.used
          FROM scenic_entitlement e
         CROSS JOIN LATERAL (
                   SELECT COALESCE(sum(x.reserved_delta), 0) AS reserved,
                          COALESCE(sum(x.used_delta), 0) AS used
                     FROM scenic_pass_event x WHERE x.entitlement_id = e.id
               ) p
         WHERE (e.entries_reserved, e.entries_used) <> (p.reserved, p.used)""",
    "more entries than were sold": """
        SELECT 'right ' || e.id FROM scenic_entitlement e
         WHERE e.unlimited IS NOT TRUE
           AND e.entries_used + e.entries_reserved + e.entries_refunded
               > e.entries_total""",
    "a request decided twice": """
        SELECT device_id || ' ' || uid FROM scenic_pass_event
         WHERE phase IN ('authorised', 'denied')
         GROUP BY device_id, uid HAVING count(*) > 1""",
    "an event kept twice": """
        SELECT device_id || ' ' || uid FROM scenic_pass_event
         WHERE phase NOT IN ('authorised', 'denied')
         GROUP BY device_id, uid HAVING count(*) > 1""",
    "people inside and events disagree": """
        SELECT 'pool ' || h.pool_id || ': ' || h.inside || ' counted, events say '
               || scenic_gate_inside(
                      h.pool_id,
                      h.day::timestamp AT TIME ZONE s.tz AT TIME ZONE 'UTC'
                  )
          FROM scenic_headcount h
          JOIN scenic_capacity_pool p ON p.id = h.pool_id
          JOIN scenic_site s ON s.id = p.site_id
         WHERE h.inside <> scenic_gate_inside(
                   h.pool_id, h.day::timestamp AT TIME ZONE s.tz AT TIME ZONE 'UTC'
               )""",
}


def troubles(sql):
    """Return what Odoo's tables contradict themselves in."""
    return [
        f"{name}: {line}"
        for name, query in TROUBLES.items()
        for line in sql(query).splitlines()
    ]


def server_books(sql, device, codes, told):
    """Return what Odoo has of a device.

    :param dict codes: ticket id → code of the tickets to look at
    :param dict told: request id → event id of what the device admitted by itself; Odoo
        keeps it under the first
    """
    names = {ticket: digest(code) for ticket, code in codes.items()}
    admissions, events = {}, {}
    passed, used, given_back = Counter(), Counter(), Counter()
    rows = sql(
        "SELECT uid, phase, lane_code, COALESCE(ticket_id, 0), passes, used_delta, "
        "COALESCE(conflict_persons, 0), mode IS NOT NULL, "
        "COALESCE((SELECT o.uid FROM scenic_pass_event o WHERE o.id = e.origin_id), '')"
        f" FROM scenic_pass_event e WHERE device_id = {device} ORDER BY id"
    )
    for row in rows.splitlines():
        uid, phase, lane, ticket, passes, entries, double, by_device, origin = (
            row.split("|")
        )
        if phase == "denied" and by_device == "t":
            events[uid] = "refused"
        elif phase in ("authorised", "denied"):
            name = names.get(int(ticket), f"ticket {ticket}")
            admissions[uid] = (lane, name, int(passes), int(double))
            if by_device == "t":
                events[told[uid]] = "admitted"
        else:
            events[uid] = phase
        if phase == "passed":
            passed[origin] += int(passes)
            used[origin] += int(entries)
        elif phase == "annulled":
            given_back[origin] += int(passes)
    tickets = {}
    if names:
        rights = sql(
            "SELECT ticket_id, sum(entries_total), sum(entries_used), "
            "sum(entries_reserved) FROM scenic_entitlement "
            f"WHERE ticket_id IN ({','.join(map(str, names))}) GROUP BY ticket_id"
        )
        for row in rights.splitlines():
            ticket, *numbers = map(int, row.split("|"))
            tickets[names[ticket]] = ServerTicket(*numbers)
    return ServerBooks(
        {
            uid: ServerAdmission(
                *about, passed[uid], given_back[uid], used[uid], double
            )
            for uid, (*about, double) in admissions.items()
        },
        events,
        tickets,
        troubles(sql),
    )


def told_admissions(journals):
    """Return request id → event id of what bridges admitted by themselves."""
    told = {}
    for journal in journals:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as con:
            told.update(
                con.execute(
                    "SELECT body ->> 'request_id', event_id FROM outbox "
                    "WHERE body ->> 'type' = 'admitted'"
                )
            )
    return told
