import re
import uuid
from collections import Counter, deque

from odoo.tests import tagged

from .common import GateCommon
from .test_inside import InsideCommon

#: A table in a plan.
TABLE = re.compile(r":rtekind 0 :relid (\d+)")
#: The lock of a check of a foreign key (FOR KEY SHARE); nothing else takes it here.
KEY_CHECK = re.compile(r"PLANROWMARK [^}]*:strength 1\b")

FUNCTIONS = (
    "scenic_gate_validate(integer, text, jsonb, timestamp)",
    "scenic_gate_room(integer[], integer, timestamp)",
)


@tagged("post_install", "-at_install")
class TestStatements(InsideCommon):
    """A scan costs at most five statements (the issue's promise)."""

    def _statements(self, *scans):
        """Return how often tables were read or written by which plan for some scans.

        PostgreSQL tells each plan that it makes; here it makes one for each execution.
        Checks of foreign keys and the log of changes for deciding devices are not
        counted: they belong to each write, by whomever it is made.
        """
        self.env.flush_all()
        cr = self.env.cr
        for name in FUNCTIONS:
            cr.execute(f"ALTER FUNCTION {name} RESET plan_cache_mode")
        cr.execute("SELECT oid FROM pg_class WHERE relname = 'scenic_gate_change'")
        [change_log] = cr.fetchone()
        self.device.sudo().fetch(["key_hash"])  # what the test itself reads
        notices = cr._cnx.notices
        # of a list psycopg2 keeps the last fifty only
        cr._cnx.notices = deque()
        cr.execute(
            "SET LOCAL plan_cache_mode = force_custom_plan; "
            "SET LOCAL debug_pretty_print = off; SET LOCAL debug_print_plan = on; "
            "SET LOCAL client_min_messages = log"
        )
        try:
            results = self._validate(*scans)
        finally:
            cr.execute("SET LOCAL debug_print_plan = off")
            cr.execute("SET LOCAL client_min_messages = warning")
            told, cr._cnx.notices = cr._cnx.notices, notices
        plans = Counter()
        for plan in (" ".join(notice.split()) for notice in told):
            tables = {int(oid) for oid in TABLE.findall(plan)} - {change_log}
            if tables and not KEY_CHECK.search(plan):
                cr.execute(
                    "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
                    "WHERE oid = ANY (%s)",
                    [list(tables)],
                )
                plans[cr.fetchone()[0]] += 1
        return results, plans

    def test_counted_gate(self):
        self._set_capacity(1000)
        self.assertTrue(self.gate.into_pools)
        scan = self._scan(self._today_ticket()._qr_token())
        [result], plans = self._statements(scan)
        self.assertEqual(result["code"], "ADMIT")
        self.assertLessEqual(sum(plans.values()), 5, plans)

    def test_gate_that_is_not_counted(self):
        self.pool.unlink()
        self.assertFalse(self.gate.into_pools)
        scan = self._scan(self._today_ticket()._qr_token())
        [result], plans = self._statements(scan)
        self.assertEqual(result["code"], "ADMIT")
        self.assertLessEqual(sum(plans.values()), 4, plans)

    def test_the_count_counts(self):
        """A second scan of a list adds statements; a refusal explains itself."""
        scans = [self._scan(self._today_ticket()._qr_token()) for _number in range(2)]
        results, plans = self._statements(*scans)
        self.assertEqual([result["code"] for result in results], ["ADMIT"] * 2)
        event = "scenic_entitlement scenic_headcount scenic_pass_event"
        self.assertEqual(plans[event], 2, plans)
        self.assertGreater(sum(plans.values()), 5, plans)


@tagged("post_install", "-at_install")
class TestReportReads(GateCommon):
    """An upload reads its own events, whatever its plans were made for."""

    def _upload(self):
        """Return an upload as a device sends it that decided by itself."""
        events = []
        for right in self._today_ticket(quantity=10).entitlement_ids.ids:
            request = str(uuid.uuid4())
            events += [
                self._event("admitted", request, count=1, right=right, mode="offline"),
                self._event("passed", request),
                self._event("refused", code="UNKNOWN", mode="offline"),
                self._event("exit"),
            ]
        return events

    def _read(self):
        """Return how many rows of pass events this transaction has read."""
        self.env.cr.execute(
            """
            SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables
             WHERE relname = 'scenic_pass_event'
            """
        )
        return self.env.cr.fetchone()[0]

    def test_plans_made_for_few_events(self):
        """As on a connection of a worker that has been there since the gates opened."""
        self.env.cr.execute("DISCARD PLANS")
        first = self._upload()
        self.assertEqual(set(self._report(*first)), {"OK"})
        self.env.cr.execute(
            """
            INSERT INTO scenic_pass_event (
                uid, phase, code, device_id, site_id, company_id, passes,
                reserved_delta, used_delta, assumed, device_time, event_time,
                received_time, epoch, seq, detail
            )
            SELECT gen_random_uuid(),
                   (ARRAY['denied', 'exit', 'authorised'])[n %% 3 + 1], 'OK',
                   %s, %s, %s, 0, 0, 0, false, now(), now(), now(), %s,
                   1000000 + n, '{}'
              FROM generate_series(1, 9000) n
            """,
            [
                self.device.id,
                self.device.site_id.id,
                self.device.company_id.id,
                self.device.epoch,
            ],
        )
        second = self._upload()
        before = self._read()
        self.assertEqual(set(self._report(*second)), {"OK"})
        self.assertLess(self._read() - before, 20 * len(second))
