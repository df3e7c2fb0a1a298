from datetime import timedelta

from odoo.tests import tagged

from .test_entry_rules import MONDAY, EntryCommon


@tagged("post_install", "-at_install")
class TestAdmissionReport(EntryCommon):
    """A3: who came in by hour, slot, gate and ticket, from the facts of the lanes."""

    def setUp(self):
        super().setUp()
        self.slot = self.env["scenic.slot"].create(
            {
                "site_id": self.scenic_area.id,
                "date": MONDAY,
                "start": self._at(MONDAY, "09:00"),
                "end": self._at(MONDAY, "11:00"),
            }
        )
        self.group, self.single, self.combo = (
            self._scenic_sell(product, quantity=quantity, visit_date=MONDAY)
            for product, quantity in (
                (self.scenic_group, 12),
                (self.scenic_individual, 1),
                (self.scenic_combo, 1),
            )
        )
        self._set_ticket(self.group, slot_id=self.slot.id)

    def _rows(self, *groups, domain=()):
        found = self.env["scenic.admission.report"]._read_group(
            [("site_id", "child_of", self.scenic_area.id), *domain],
            groups,
            ["admitted:sum", "again:sum", "gone:sum", "refused:sum", "uncounted:sum"],
        )
        size = len(groups)
        return {row[:size]: row[size:] for row in found if any(row[size:])}

    def _move(self):
        first = self._enter_at(self.group, MONDAY, "09:00", count=7)
        later = self._event("passed", first.request_uid, count=3)
        self.assertEqual(self._report_at(self._at(MONDAY, "09:59"), later), ["OK"])
        self._enter_at(self.single, MONDAY, "10:00", lane="L2")
        self._enter_at(self.combo, MONDAY, "10:30")
        self._enter_at(self.combo, MONDAY, "11:00", lane="C1")
        self._leave_at(self.group, MONDAY, "12:00", count=2)
        self.assertEqual(self._code_at(self.single, MONDAY, "10:05"), "USED")

    def test_a3_sums_by_hour_gate_and_ticket(self):
        self._move()
        self.assertEqual(
            self._rows("hour"),
            {
                ("09:00",): (10, 0, 0, 0, 0),
                ("10:00",): (2, 0, 0, 1, 0),
                ("11:00",): (1, 0, 0, 0, 0),
                ("12:00",): (0, 0, 2, 0, 0),
            },
        )
        self.assertEqual(
            self._rows("gate_id", "product_id", domain=[("direction", "=", "in")]),
            {
                (self.gate, self.scenic_group): (10, 0, 0, 0, 0),
                (self.gate, self.scenic_individual): (1, 0, 0, 1, 0),
                (self.gate, self.scenic_combo): (1, 0, 0, 0, 0),
                (self.gate_cave, self.scenic_combo): (1, 0, 0, 0, 0),
            },
        )
        self.assertEqual(
            self._rows("slot_id"),
            {
                (self.slot,): (10, 0, 2, 0, 0),
                (self.env["scenic.slot"],): (3, 0, 0, 1, 0),
            },
        )
        passed = self.env["scenic.pass.event"].search(
            [
                ("phase", "=", "passed"),
                ("company_id", "=", self.scenic_area.company_id.id),
            ]
        )
        self.assertEqual(sum(r[0] for r in self._rows("hour").values()), 13)
        self.assertEqual(
            self.env["scenic.admission.report"]._read_group(
                [("company_id", "=", self.scenic_area.company_id.id)],
                [],
                ["admitted:sum"],
            ),
            [(sum(passed.mapped("passes")),)],
        )

    def test_a3_day_is_that_of_the_site(self):
        self.single.entitlement_ids.sudo().write(
            {
                "valid_from": self._at(MONDAY, "00:00"),
                "valid_to": self._at(MONDAY, "23:00"),
            }
        )
        # 00:30 in Shanghai is the day before in UTC
        self._enter_at(self.single, MONDAY, "00:30")
        [(day, admitted)] = [
            (row.day, row.admitted)
            for row in self.env["scenic.admission.report"].search(
                [("ticket_id", "=", self.single.id)]
            )
        ]
        self.assertEqual((day, admitted), (MONDAY, 1))
        event = self.env["scenic.pass.event"].search(
            [("ticket_id", "=", self.single.id), ("phase", "=", "passed")]
        )
        self.assertEqual(event.event_time.date(), MONDAY - timedelta(days=1))

    def test_row_opens_its_event(self):
        event = self._enter_at(self.single, MONDAY, "10:00")
        row = self.env["scenic.admission.report"].search(
            [("event_id", "=", event.id), ("admitted", ">", 0)]
        )
        self.assertEqual(row.action_open_event()["res_id"], event.id)
