from odoo import api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.tools import SQL, file_open

from odoo.addons.scenic_ticket_base.tools.guard import check_groups, check_reason

OPERATOR = "scenic_ticket_base.group_scenic_gate_operator"

MODES = [
    ("controlled", "Controlled"),
    ("exit", "Free Exit"),
    ("free", "Free Passage"),
    ("locked", "Locked"),
    ("emergency", "Emergency"),
]
# Whose barrier is driven: weather makes it fail, it may close on somebody, and a second
# person fits in behind the first.
INDOOR = ("flap", "swing", "door")
ATTENDED = ("flap", "swing")


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
            ("push_bar_exit", "Push-bar Exit"),
            ("infrared_exit", "Infrared Exit"),
            ("door", "Electronic Door"),
            ("handheld", "Handheld Reader"),
            ("manual", "Manual Check"),
        ],
        required=True,
        default="tripod",
    )
    outdoor = fields.Boolean(help="The lane stands in the open, without a roof.")
    indoor_only = fields.Boolean(
        compute="_compute_advice",
        help="Built for indoor use: rain, dust and wind make it fail or open.",
    )
    attendant_advised = fields.Boolean(
        compute="_compute_advice",
        help="Somebody should stand by: the barrier may close on a visitor, or a "
        "second person may follow the first.",
    )
    direction = fields.Selection(
        [("in", "In"), ("out", "Out"), ("both", "Both")], required=True, default="in"
    )
    # How it works now
    mode = fields.Selection(
        MODES,
        string="Mode Chosen",
        required=True,
        readonly=True,
        default="controlled",
        copy=False,
        tracking=True,
        help="What a person chose. It holds until the next change by the schedule of "
        "the lane; an emergency, until a person ends it.",
    )
    mode_at = fields.Datetime(
        string="Chosen on",
        readonly=True,
        copy=False,
        help="Empty: the lane follows its schedule.",
    )
    schedule_ids = fields.One2many("scenic.lane.schedule", "lane_id")
    scheduled = fields.Boolean(
        string="Has a Schedule", compute="_compute_scheduled", store=True
    )
    current_mode = fields.Selection(
        MODES,
        string="Mode",
        compute="_compute_current_mode",
        search="_search_current_mode",
        help="Controlled: one admission, one pass. Exit: people leave freely and are "
        "counted, nobody enters. Free: the lane stands open. Locked: nobody passes. "
        "Emergency: the lane stands open both ways, whatever else is asked for.",
    )
    active = fields.Boolean(default=True)
    # What the device says of it
    link = fields.Selection([("up", "Up"), ("down", "Down")], readonly=True, copy=False)
    reported_mode = fields.Selection(
        MODES,
        readonly=True,
        copy=False,
        help="In which mode the lane works, by what the device says.",
    )
    reported_fire = fields.Boolean(
        string="Fire Alarm",
        readonly=True,
        copy=False,
        help="The fire alarm opened the lane.",
    )
    reported_emergency = fields.Boolean(
        string="Emergency at the Lane",
        readonly=True,
        copy=False,
        help="Somebody declared an emergency at the device.",
    )
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

    def init(self):
        # the functions take rows of gates and devices
        if self.pool.ready:
            self._init_mode()
        else:
            self.pool.post_init(self._init_mode)

    @api.model
    def _init_mode(self):
        with file_open("scenic_ticket_gate/sql/lane_mode.sql") as file:
            self.env.cr.execute(file.read())

    @api.depends("kind")
    def _compute_advice(self):
        for lane in self:
            lane.indoor_only = lane.kind in INDOOR
            lane.attendant_advised = lane.kind in ATTENDED

    @api.depends("schedule_ids")
    def _compute_scheduled(self):
        for lane in self:
            lane.scheduled = bool(lane.schedule_ids)

    @api.depends(
        *("mode", "mode_at", "active", "gate_id.active", "device_id.enabled"),
        *("schedule_ids.time_from", "schedule_ids.time_to", "schedule_ids.mode"),
    )
    def _compute_current_mode(self):
        self.env.flush_all()
        modes = dict(
            self.env.execute_query(
                SQL("%s WHERE l.id IN %s", self._mode_query(), tuple(self.ids) or (0,))
            )
        )
        for lane in self:
            lane.current_mode = modes.get(lane._origin.id, lane.mode)

    def _search_current_mode(self, operator, value):
        if operator != "in":
            return NotImplemented
        self.env.flush_all()
        query = SQL(
            "SELECT m.id FROM (%s) m WHERE m.mode IN %s",
            self._mode_query(),
            tuple(value) or (None,),
        )
        return [("id", "in", [row[0] for row in self.env.execute_query(query)])]

    @api.model
    def _mode_query(self):
        return SQL(
            """
            SELECT l.id, scenic_lane_mode(
                       l, g, d, clock_timestamp() AT TIME ZONE 'UTC'
                   ) AS mode
              FROM scenic_lane l
              JOIN scenic_gate g ON g.id = l.gate_id
              JOIN scenic_device d ON d.id = l.device_id
            """
        )

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

    @api.model_create_multi
    def create(self, vals_list):
        for vals in vals_list:
            if vals.get("mode", "controlled") != "controlled":
                self._check_switched_by_button()
        return super().create(vals_list)

    def write(self, vals):
        if vals.keys() & {"mode", "mode_at"}:
            self.check_access("write")
            self._check_switched_by_button()
        return super().write(vals)

    def _check_switched_by_button(self):
        if not self.env.su:
            raise UserError(
                self.env._(
                    "A lane is switched by its buttons, so that it is known who did it."
                )
            )

    # ------------------------------------------------------------------
    # Switching
    # ------------------------------------------------------------------

    def action_controlled(self):
        """Let one visitor pass for each admission."""
        self._switch("controlled")

    def action_exit(self):
        """Let people leave freely by these lanes, and nobody enter."""
        self._switch("exit")

    def action_follow_schedule(self):
        """Let these lanes work as their schedule says, whatever was chosen before."""
        self._switch(None)

    def action_locked(self):
        """Ask for a reason, then let nobody pass."""
        return self._open_switch("locked")

    def action_free(self):
        """Ask for a reason, then let everybody pass."""
        return self._open_switch("free")

    def action_emergency(self):
        """Ask for a reason, then let everybody out, and in, until it is over."""
        return self._open_switch("emergency")

    def action_end_emergency(self):
        """Ask for a reason, then let these lanes work again."""
        return self._open_switch("controlled", default_ends_emergency=True)

    def _open_switch(self, mode, **context):
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Switch Lanes"),
            "res_model": "scenic.lane.switch",
            "view_mode": "form",
            "target": "new",
            "context": {
                "default_lane_ids": self.ids,
                "default_mode": mode,
                **context,
            },
        }

    def _switch(self, mode, reason=None, ends_emergency=False):
        """Switch lanes for a gate operator, who may change nothing else of them.

        :param str mode: until the next change by schedule; None: follow the schedule
        :param str reason: asked for, except to control a lane, make it an exit or let
            it follow its schedule
        :param bool ends_emergency: the lanes may be in an emergency
        :raise AccessError: the user is no gate operator
        :raise UserError: a lane is in an emergency, or has no schedule; nothing changed
        """
        self.check_access("read")
        check_groups(
            self.env, [OPERATOR], self.env._("Only a gate operator may switch a lane.")
        )
        if ends_emergency or mode not in ("controlled", "exit", None):
            check_reason(self.env, reason)
        in_emergency = self.filtered(lambda lane: lane.mode == "emergency")
        if in_emergency and not ends_emergency and mode != "emergency":
            raise UserError(
                self.env._(
                    "Lane “%(lane)s” is open because of an emergency. Please end the "
                    "emergency first.",
                    lane=in_emergency[0].display_name,
                )
            )
        if mode is None and not all(self.mapped("scheduled")):
            raise UserError(
                self.env._(
                    "Lane “%(lane)s” has no schedule that it could follow.",
                    lane=self.filtered(lambda lane: not lane.scheduled)[0].display_name,
                )
            )
        before = {lane.id: {"mode": lane.current_mode} for lane in self}
        # sudo: the mode is all that an operator may change
        lanes_sudo = self.sudo()
        if reason:
            lanes_sudo._track_set_log_message(reason)
        lanes_sudo.write(
            {
                "mode": mode or "controlled",
                "mode_at": mode and fields.Datetime.now(),
            }
        )
        self.env["scenic.audit"]._log(
            "lane_mode",
            self,
            reason=reason,
            before=before,
            after={lane.id: {"mode": lane.current_mode} for lane in self},
        )

    def _forget_old_choice(self):
        """Let what a person chose before the last change by schedule stay in the past.

        Called before a schedule changes: by another one the same choice might hold
        again.
        """
        for lane in self:
            if (
                lane.mode_at
                and lane.mode != "emergency"
                and lane._scheduled_mode() is not None
            ):
                # sudo: nobody chooses a mode here
                lane.sudo().write({"mode": "controlled", "mode_at": False})

    def _scheduled_mode(self):
        """Return the mode that the schedule asks for now, or None: see the function."""
        self.ensure_one()
        self.env.flush_all()
        [[mode]] = self.env.execute_query(
            SQL(
                "SELECT scenic_lane_scheduled(%s, %s, "
                "clock_timestamp() AT TIME ZONE 'UTC')",
                self.id,
                self.mode_at or None,
            )
        )
        return mode

    def action_view_events(self):
        """Open the events of these lanes."""
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_gate.scenic_pass_event_action"
        )
        return {**action, "domain": [("lane_id", "in", self.ids)], "context": {}}
