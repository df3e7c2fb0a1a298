from odoo import fields, models

#: Who may read pass events; a cashier below the supervisor may not.
EVENT_READERS = ",".join(
    f"scenic_ticket_base.group_scenic_{role}"
    for role in (
        "supervisor",
        "gate_operator",
        "customer_service",
        "finance",
        "auditor",
    )
)


class ScenicTicket(models.Model):
    _inherit = "scenic.ticket"

    pass_event_ids = fields.One2many(
        "scenic.pass.event",
        "ticket_id",
        string="Pass Events",
        readonly=True,
        groups=EVENT_READERS,
    )
    lane_ids = fields.Many2many(
        "scenic.lane",
        "scenic_ticket_lane_rel",
        "ticket_id",
        "lane_id",
        string="Permitted Lanes",
        readonly=True,
        copy=False,
        help="Where this staff card opens, of the lanes that its product permits. "
        "Empty: all of them.",
    )
