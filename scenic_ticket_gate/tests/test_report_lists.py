import uuid
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from odoo import fields
from odoo.tests import tagged

from .test_inside import InsideCommon

STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ("admitted", "again", "passed", "annulled", "all back", "refused", "exit")
            + ("entry", "forced", "repeat")
        ),
        st.integers(0, 3),  # which ticket
        st.integers(0, 3),  # which admission of it
        st.integers(1, 3),  # how many people
    ),
    min_size=1,
    max_size=10,
)


@tagged("post_install", "-at_install")
class TestReportLists(InsideCommon):
    """What is kept by one statement for a list is kept as it is one by one."""

    @classmethod
    def _scenic_setup(cls):
        super()._scenic_setup()
        cls.tickets = [
            cls._today_ticket(),
            cls._today_ticket(cls.scenic_group, 4),
            cls._today_ticket(cls.scenic_group, 9),
            cls._today_ticket(),
        ]
        cls.tickets[3].sudo().state = "frozen"
        cls.pool.capacity = 1000
        cls.env.flush_all()
        cls.now = fields.Datetime.now() + timedelta(hours=1)

    def _events(self, steps):
        """Return the events of a device that decided by itself."""
        admissions = {}
        events = []
        for kind, which, number, count in steps:
            ticket = self.tickets[which]
            made = admissions.setdefault(which, [])
            own = [*made, str(uuid.uuid4())]
            request = own[min(number, len(own) - 1)]
            if kind in ("admitted", "again"):
                made.append(own[-1])
                event = self._event(
                    "admitted",
                    own[-1],
                    right=ticket.entitlement_ids.id,
                    count=count,
                    mode="offline",
                    again=kind == "again",
                )
            elif kind == "all back":
                event = self._event("annulled", request, count=None)
            elif kind == "refused":
                event = self._event(
                    "refused", right=ticket.entitlement_ids.id, code="USED"
                )
            elif kind in ("exit", "entry", "forced"):
                event = self._event(kind, count=count, lane="X1" if number else "L1")
            elif kind == "repeat" and events:
                event = events[number % len(events)]
            else:
                event = self._event("passed", request, count=count)
            events.append(event)
        return events

    def _facts(self, events):
        """Return what the database says after some events."""
        self.env.invalidate_all()
        uids = [event["event_id"] for event in events]
        uids += [event["request_id"] for event in events if event["request_id"]]
        kept = self.env["scenic.pass.event"].search(
            [("uid", "in", uids), ("device_id", "=", self.device.id)]
        )
        names = ("phase", "code", "passes", "reserved_delta", "used_delta")
        names += ("free_delta", "reentry", "staff", "direction", "request_uid", "mode")
        names += ("conflict", "conflict_persons", "seq", "note", "event_time")
        return {
            "events": sorted(
                (
                    *(str(event[name] or "") for name in ("uid", *names)),
                    event.origin_id.uid or "",
                    event.ticket_id.id,
                    event.entitlement_id.id,
                    event.zone_from_id.id,
                    event.zone_to_id.id,
                )
                for event in kept
            ),
            "tickets": [
                (t.state, bool(t.first_entry_at), self._counts(t)) for t in self.tickets
            ],
            "free": [t.entitlement_ids.reentries_reserved for t in self.tickets],
            "inside": self._people(),
        }

    def _after(self, *calls):
        """Return codes and facts after some calls, and forget them."""
        savepoint = self.env.cr.savepoint(flush=False)
        try:
            codes = [
                code for events in calls for code in self._report(*events, now=self.now)
            ]
            return codes, self._facts([event for events in calls for event in events])
        finally:
            savepoint.close(rollback=True)
            self.env.invalidate_all()

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(STEPS)
    def test_list_is_worth_its_events(self, steps):
        events = self._events(steps)
        codes, facts = self._after(events)
        singly = self._after(*([event] for event in events))
        self.assertEqual((codes, facts), singly)

    @settings(
        max_examples=15,
        deadline=None,
        suppress_health_check=[HealthCheck.differing_executors],
    )
    @given(STEPS)
    def test_list_is_worth_the_loop(self, steps):
        """After an exit that reads a code each event goes one by one."""
        events = self._events(steps)
        code = {"kind": "qr", "value": self.tickets[3]._qr_token()}
        first = self._event("exit", lane="X1", credential=code)
        codes, facts = self._after([first], events)
        self.assertEqual(self._after([first, *events]), (codes, facts))

    def test_order_is_kept(self):
        """Ids rise with the list, whichever way an event was kept."""
        right, frozen = (self.tickets[i].entitlement_ids.id for i in (2, 3))
        events = [
            self._event("admitted", str(uuid.uuid4()), right=r, count=1, mode="site")
            for r in (right, frozen, right)
        ]
        self.assertEqual(self._report(*events), ["OK", "CONFLICT", "OK"])
        kept = self.env["scenic.pass.event"].search(
            [("uid", "in", [event["request_id"] for event in events])], order="id"
        )
        self.assertEqual(kept.mapped("uid"), [event["request_id"] for event in events])
