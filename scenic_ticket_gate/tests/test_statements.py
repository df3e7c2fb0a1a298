import re
from collections import Counter

from odoo.tests import tagged

from .test_inside import InsideCommon

#: What a node of a plan says of a table that it reads or writes.
TABLE = re.compile(r"\{(?:RTE|RANGETBLENTRY)[^{}]*?:rtekind 0 :relid (\d+)", re.DOTALL)
#: The lock of a check of a foreign key (FOR KEY SHARE); nothing else takes it here.
KEY_CHECK = re.compile(r"\{PLANROWMARK[^}]*?:strength 1\b")


class Statements(list):
    """Takes the place of psycopg2's list of notices, which forgets the older ones."""


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
        for name in ("validate(integer, text, jsonb, timestamp)",):
            cr.execute(f"ALTER FUNCTION scenic_gate_{name} RESET plan_cache_mode")
        cr.execute(
            "ALTER FUNCTION scenic_gate_room(integer[], integer, timestamp) "
            "RESET plan_cache_mode"
        )
        cr.execute("SELECT oid FROM pg_class WHERE relname = 'scenic_gate_change'")
        [change_log] = cr.fetchone()
        notices = cr._cnx.notices
        cr._cnx.notices = Statements()
        cr.execute(
            "SET LOCAL plan_cache_mode = force_custom_plan; "
            "SET LOCAL debug_pretty_print = off; SET LOCAL debug_print_plan = on; "
            "SET LOCAL client_min_messages = log"
        )
        try:
            results = self._validate(*scans)
        finally:
            cr.execute(
                "SET LOCAL client_min_messages = warning; SET LOCAL debug_print_plan = off"
            )
            told, cr._cnx.notices = cr._cnx.notices, notices
        plans = Counter()
        for plan in told:
            tables = {int(oid) for oid in TABLE.findall(plan)} - {change_log}
            if tables and not KEY_CHECK.search(plan):
                cr.execute(
                    "SELECT string_agg(relname, ' ' ORDER BY relname) FROM pg_class "
                    "WHERE oid = ANY (%s)",
                    [list(tables)],
                )
                plans[cr.fetchone()[0]] += 1
        return results, plans

    def test_a_ticket_of_a_day(self):
        self._set_capacity(1000)
        [result], plans = self._statements(
            self._scan(self._today_ticket()._qr_token())
        )
        self.assertEqual(result["code"], "ADMIT")
        self.assertTrue(self.gate.into_pools)
        print("PLANS", plans)
        self.assertLessEqual(sum(plans.values()), 5, plans)
