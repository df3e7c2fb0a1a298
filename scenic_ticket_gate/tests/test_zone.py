from odoo.tests import tagged

from .common import GateCommon


@tagged("post_install", "-at_install")
class TestZone(GateCommon):
    def _headcounts(self):
        zones = self.zone | self.zone_cave
        zones.invalidate_recordset()
        return zones.mapped("headcount")

    def test_in_minus_out(self):
        self.assertEqual(self._headcounts(), [0, 0])
        group = self._today_ticket(self.scenic_group, 8)
        self._pass(group, count=5)
        self.assertEqual(self._headcounts(), [5, 0])
        self._report(self._event("exit", lane="X1", count=2))
        self.assertEqual(self._headcounts(), [3, 0])

    def test_going_on_into_a_spot(self):
        ticket = self._today_ticket(self.scenic_combo)
        self._pass(ticket)
        result = self._admit(ticket, lane="C1")
        self._report(self._event("passed", result["request_id"], lane="C1"))
        self.assertEqual(self._headcounts(), [0, 1])
        self._report(self._event("exit", lane="C1"))
        self.assertEqual(self._headcounts(), [1, 0])

    def test_never_below_zero(self):
        self._report(self._event("exit", lane="X1", count=9))
        self.assertEqual(self._headcounts(), [0, 0])

    def test_admission_alone_counts_nobody(self):
        self._admit(self._today_ticket())
        self.assertEqual(self._headcounts(), [0, 0])

    def test_yesterday_does_not_count(self):
        self._report(self._event("exit", lane="L1", direction="in", count=4))
        self.assertEqual(self._headcounts(), [4, 0])
        self._report(
            self._event("exit", lane="L1", direction="in", at=self._now(days=-1))
        )
        self.assertEqual(self._headcounts(), [4, 0])

    def test_given_back_counts_out(self):
        event = self._pass(self._today_ticket(), assumed=True)
        self.assertEqual(self._headcounts(), [1, 0])
        event._give_back("did not go in")
        self.assertEqual(self._headcounts(), [0, 0])

    def test_one_query(self):
        zones = self.zone | self.zone_cave
        zones.invalidate_recordset()
        with self.assertQueryCount(1):
            zones.mapped("headcount")
