from odoo import api, fields, models
from odoo.exceptions import AccessError, ValidationError
from odoo.tools import SQL

MODES = [
    ("controlled", "Controlled"),
    ("exit", "Exit"),
    ("free", "Free Passage"),
    ("locked", "Locked"),
    ("emergency", "Emergency"),
]


class ScenicLane(models.Model):
    _name = "scenic.lane"
    _description = "Lane"
    _inherit = ["scenic.audited", "mail.thread"]
    _order = "gate_id, code, id"

    name = fields.Char(required=True, translate=True)
    code = fields.Char(
        required=True,
        help="How the device names this lane, for example L1.",
    )
    gate_id = fields.Many2one(
        "scenic.gate", required=True, index=True, ondelete="restrict"
    )
    device_id = fields.Many2one(
        "scenic.device",
        required=True,
        index=True,
        ondelete="restrict",
    )
    site_id = fields.Many2one(related="gate_id.site_id", store=True, index=True)
    company_id = fields.Many2one(related="gate_id.company_id", store=True, index=True)
    # What it is
    kind = fields.Selection(
        [
            ("tripod", "Tripod Turnstile"),
            ("flap", "Flap Barrier"),
            ("swing", "Swing Gate"),
            ("infrared_exit", "Infrared Exit"),
            ("handheld", "Handheld Reader"),
            ("manual", "Manual Check"),
        ],
        required=True,
        default="tripod",
    )
    outdoor = fields.Boolean(help="The lane stands in the open, without a roof.")
    outdoor_unfit = fields.Boolean(
        compute="_compute_outdoor_unfit",
        help="Flap barriers and swing gates are built for indoor use.",
    )
    direction = fields.Selection(
        [("in", "In"), ("out", "Out"), ("both", "Both")], required=True, default="in"
    )
    mode = fields.Selection(
        MODES,
        required=True,
        default="controlled",
        tracking=True,
        help="Controlled: one admission, one pass. Exit: people leave freely and are "
        "counted, nobody enters. Free: the lane stands open. Locked: nobody passes. "
        "Emergency: the lane stands open both ways, whatever else is asked for.",
    )
    active = fields.Boolean(default=True)
    # What the device says of it
    link = fields.Selection([("up", "Up"), ("down", "Down")], readonly=True, copy=False)
    reported_mode = fields.Selection(MODES, readonly=True, copy=False)
    granted = fields.Integer(readonly=True, copy=False)
    completed = fields.Integer(readonly=True, copy=False)
    timed_out = fields.Integer(readonly=True, copy=False)
    revoked = fields.Integer(string="Withdrawn", readonly=True, copy=False)
    outstanding = fields.Integer(
        readonly=True, copy=False, help="Granted and not finished yet."
    )
    last_event_id = fields.Many2one("scenic.pass.event", compute="_compute_last_event")
    last_event_time = fields.Datetime(compute="_compute_last_event")
    last_event_phase = fields.Selection(
        selection=lambda self: (
            self.env["scenic.pass.event"]
            ._fields["phase"]
            ._description_selection(self.env)
        ),
        string="Last Event Kind",
        compute="_compute_last_event",
    )

    _code_unique = models.Constraint(
        "UNIQUE (device_id, code)", "The device has a lane with this code already."
    )
    _code_shape = models.Constraint(
        "CHECK (length(code) BETWEEN 1 AND 32)", "A lane code has 1 to 32 characters."
    )

    @api.depends("kind", "outdoor")
    def _compute_outdoor_unfit(self):
        for lane in self:
            lane.outdoor_unfit = lane.outdoor and lane.kind in ("flap", "swing")

    def _compute_last_event(self):
        last = dict(
            self.env.execute_query(
                SQL(
                    """
                    SELECT l.id, e.id
                      FROM scenic_lane l
                     CROSS JOIN LATERAL (
                               SELECT p.id FROM scenic_pass_event p
                                WHERE p.lane_id = l.id ORDER BY p.id DESC LIMIT 1
                           ) e
                     WHERE l.id IN %s
                    """,
                    tuple(self.ids) or (0,),
                )
            )
        )
        for lane in self:
            event = self.env["scenic.pass.event"].browse(last.get(lane._origin.id))
            lane.last_event_id = event
            lane.last_event_time = event.event_time
            lane.last_event_phase = event.phase

    @api.constrains("gate_id", "device_id")
    def _check_device(self):
        for lane in self:
            if lane.device_id.company_id != lane.company_id:
                raise ValidationError(
                    self.env._(
                        "Lane “%(lane)s”: its device and its gate must be of the same "
                        "company.",
                        lane=lane.name,
                    )
                )

    def action_controlled(self):
        """Let one visitor pass for each admission."""
        self._set_mode("controlled")

    def action_locked(self):
        """Let nobody pass."""
        self._set_mode("locked")

    def action_free(self):
        """Let everybody pass, for example when a building is cleared."""
        self._set_mode("free")

    def action_exit(self):
        """Let people leave freely by this lane, and nobody enter."""
        self._set_mode("exit")

    def action_emergency(self):
        """Let everybody out, and in, until the lane is controlled again."""
        self._set_mode("emergency")

    def action_view_events(self):
        """Open the events of these lanes."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_gate.scenic_pass_event_action"
        )
        return {**action, "domain": [("lane_id", "in", self.ids)], "context": {}}

    def _set_mode(self, mode):
        """Switch lanes for a gate operator, who may change nothing else of them."""
        self.check_access("read")
        if not self.env.user.has_group("scenic_ticket_base.group_scenic_gate_operator"):
            raise AccessError(self.env._("Only a gate operator may switch a lane."))
        # sudo: the mode is all that an operator may change; the chatter keeps who did
        self.sudo().mode = mode
