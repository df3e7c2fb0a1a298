from odoo.tests import HttpCase, tagged

from odoo.addons.scenic_ticket_base.tests.rights import (
    ANYBODY,
    FACT,
    MANAGER,
    MONEY,
    SETTING,
    Right,
    RightsMixin,
    wizard,
)

from .common import GateCommon, GateMixin

EVENT_READERS = (
    "supervisor",
    "gate_operator",
    "customer_service",
    "finance",
    "manager",
    "auditor",
)
OPERATORS = ("gate_operator", "manager")
SUPERVISORS = ("supervisor", "manager")


@tagged("post_install", "-at_install")
class TestAccessTable(RightsMixin, GateMixin, HttpCase):
    """F1: who may do what with the models of this add-on."""

    rights_module = "scenic_ticket_gate"
    rights = {
        "scenic.zone": SETTING,
        "scenic.gate": SETTING,
        "scenic.lane": SETTING,
        "scenic.lane.schedule": SETTING,
        "scenic.device": SETTING,
        "scenic.pass.event": Right(read=EVENT_READERS),
        "scenic.admission.report": Right(read=EVENT_READERS),
        "scenic.headcount": FACT,
        "scenic.device.key": wizard("manager"),
        "scenic.device.switch": wizard(*OPERATORS),
        "scenic.lane.count": wizard(*OPERATORS),
        "scenic.lane.switch": wizard(*OPERATORS),
        "scenic.pass.review": wizard(*SUPERVISORS),
        "scenic.staff.lanes": wizard("manager"),
    }
    rights_methods = {
        ("scenic.device", "action_generate_key"): (MANAGER, []),
        ("scenic.device", "action_rotate_key"): (MANAGER, []),
        ("scenic.device", "action_revoke"): (MANAGER, []),
        ("scenic.lane", "action_controlled"): (OPERATORS, []),
        ("scenic.lane", "action_exit"): (OPERATORS, []),
        ("scenic.lane", "action_follow_schedule"): (OPERATORS, []),
        ("scenic.lane", "action_free"): (ANYBODY, []),
        ("scenic.lane", "action_emergency"): (ANYBODY, []),
        ("scenic.lane", "action_end_emergency"): (ANYBODY, []),
        ("scenic.lane", "action_locked"): (ANYBODY, []),
        ("scenic.lane", "action_count_one"): (OPERATORS, []),
        ("scenic.lane", "action_count_five"): (OPERATORS, []),
        ("scenic.lane", "action_count_group"): (ANYBODY, []),
        ("scenic.lane", "action_uncount"): (OPERATORS, []),
        ("scenic.lane.count", "action_confirm"): (OPERATORS, []),
        ("scenic.lane.switch", "action_confirm"): (OPERATORS, []),
        ("scenic.device", "action_disable"): (ANYBODY, []),
        ("scenic.device", "action_enable"): (ANYBODY, []),
        ("scenic.device.switch", "action_confirm"): (OPERATORS, []),
        ("scenic.lane", "action_view_events"): (ANYBODY, []),
        ("scenic.admission.report", "action_open_event"): (EVENT_READERS, []),
        ("scenic.pass.event", "action_both_passes"): (EVENT_READERS, []),
        ("scenic.pass.event", "action_recognise_revenue"): (MONEY, ()),
        ("scenic.pass.event", "action_review"): (ANYBODY, []),
        ("scenic.pass.review", "action_confirm"): (SUPERVISORS, []),
        ("scenic.staff.card", "action_set_lanes"): (MANAGER, []),
        ("scenic.staff.lanes", "action_apply"): (MANAGER, []),
    }
    # facts of the gates say so to everybody
    rights_refusals = (
        "odoo.exceptions.AccessError",
        "odoo.exceptions.UserError",
    )

    # the plain calls of a device
    _validate = GateCommon._validate
    _report = GateCommon._report
    _admit = GateCommon._admit
    _pass = GateCommon._pass
    _find = GateCommon._find

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        pool = cls.env["scenic.capacity.pool"].create(
            {
                "name": "Sample",
                "site_id": cls.scenic_area.id,
                "kind": "instant",
                "capacity": 100,
            }
        )
        # an exit where somebody counts
        cls.lane.write({"kind": "manual", "direction": "both"})
        cls._rights_setup(
            {
                "scenic.zone": cls.zone,
                "scenic.gate": cls.gate,
                "scenic.lane": cls.lane,
                "scenic.lane.schedule": cls.env["scenic.lane.schedule"].create(
                    {
                        "lane_id": cls.lane.id,
                        "time_from": 17,
                        "time_to": 19,
                        "mode": "controlled",
                    }
                ),
                "scenic.device": cls.device,
                "scenic.staff.card": cls.env["scenic.staff.card"].create(
                    {
                        "name": "S-SAMPLE",
                        "holder_name": "Sample",
                        "product_id": cls.scenic_individual.id,
                        "site_id": cls.scenic_area.id,
                        "company_id": cls.scenic_area.company_id.id,
                        "date_from": cls.visit_date,
                        "date_to": cls.visit_date,
                    }
                ),
                # a pool of people inside has its headcount
                "scenic.headcount": cls.env["scenic.headcount"].search(
                    [("pool_id", "=", pool.id)]
                ),
            }
        )

    def setUp(self):
        super().setUp()
        event = self._pass(self._today_ticket(), assumed=True)
        review = self.env["scenic.pass.review"].create(
            {"event_ids": event.ids, "reason": "Sample"}
        )
        self.samples = {
            **self.samples,
            "scenic.pass.event": event,
            "scenic.pass.review": review,
            "scenic.device.key": self.env["scenic.device.key"].create({}),
            "scenic.device.switch": self.env["scenic.device.switch"].create(
                {"device_ids": self.device.ids, "enabled": True, "reason": "Sample"}
            ),
            "scenic.lane.count": self.env["scenic.lane.count"].create(
                {"lane_id": self.lane.id, "people": 3}
            ),
            "scenic.lane.switch": self.env["scenic.lane.switch"].create(
                {
                    "lane_ids": self.lane.ids,
                    "mode": "controlled",
                    "reason": "Sample",
                }
            ),
            "scenic.staff.lanes": self.env["scenic.staff.lanes"].create(
                {"card_ids": [], "reason": "Sample"}
            ),
        }
