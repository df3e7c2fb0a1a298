import uuid

from odoo import api, fields, models, tools
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..tools import gate_text

# What a person did about an event
DEALT_WITH = ("returned", "reviewed")
DECISIONS = "phase IN ('authorised', 'denied')"


class ScenicPassEvent(models.Model):
    """A fact told by a gate, kept for ever.

    Rows are made by the functions in ``sql/`` only. Nobody changes or removes one:
    triggers of the table refuse it, and this class refuses it with a clear text
    before. So no stored computed field may be added, and whoever adds a column
    with a value must do so in a migration that switches the triggers off. What
    passes earn stands in ``scenic_pass_event_revenue.py``.
    """

    _name = "scenic.pass.event"
    _description = "Pass Event"
    _order = "id desc"
    _rec_name = "uid"
    _log_access = False

    uid = fields.Char(string="Identifier", required=True, readonly=True)
    phase = fields.Selection(
        [
            ("authorised", "Admitted"),
            ("denied", "Refused"),
            ("passed", "Passed"),
            ("annulled", "Annulled"),
            ("exit", "Exit"),
            ("returned", "Given Back"),
            ("reviewed", "Reviewed"),
            ("forced", "Forced"),
            ("tailgating", "Tailgating"),
            ("wrong_direction", "Wrong Direction"),
            ("fault", "Fault"),
            ("fault_cleared", "Fault Cleared"),
            ("link_down", "Link Down"),
            ("link_up", "Link Up"),
            ("entry", "Entry without Ticket"),
            ("mode", "Mode Changed"),
            ("emergency", "Emergency"),
            ("emergency_over", "Emergency Over"),
            ("fire", "Fire Alarm"),
            ("fire_over", "Fire Alarm Over"),
            ("pinch", "Somebody Pinched"),
            ("muted", "Reader Muted"),
        ],
        string="Event",
        required=True,
        readonly=True,
    )
    code = fields.Selection(
        [
            ("ADMIT", "Admitted"),
            ("UNKNOWN", "Unknown Code"),
            ("FORGED", "Forged Code"),
            ("NOT_PAID", "Not Paid"),
            ("NOT_YET_VALID", "Not Yet Valid"),
            ("EXPIRED", "Expired"),
            ("WRONG_DAY", "Wrong Day of the Week"),
            ("TOO_EARLY", "Too Early in the Day"),
            ("TOO_LATE", "After the Last Admission"),
            ("BLACKOUT", "Blackout Date"),
            ("CLOSED_TODAY", "Closed Today"),
            ("SLOT_NOT_YET", "Before the Time Slot"),
            ("SLOT_OVER", "After the Time Slot"),
            ("USED", "Used Already"),
            ("IN_USE", "In Use at Another Lane"),
            ("DAILY_USED", "Entries of the Day Used"),
            ("TOO_SOON", "Too Soon after the Last Entry"),
            ("INSIDE", "Inside Already"),
            ("OUT_OF_SEQUENCE", "Out of Sequence"),
            ("CHOICE_USED", "Another Place Chosen"),
            ("FIRST_USE_OVER", "Time since First Use Over"),
            ("RESERVATION_NEEDED", "Reservation Needed"),
            ("PARK_FULL", "Park Full"),
            ("ENTRY_STOPPED", "Entry Stopped"),
            ("REFUNDED", "Refunded"),
            ("VOID", "Void"),
            ("FROZEN", "Frozen"),
            ("MEDIUM_FROZEN", "Lost Medium"),
            ("VISITOR_BLOCKED", "Visitor on the Blacklist"),
            ("WRONG_SITE", "For Another Place"),
            ("STAFF_LANE", "Lane Not Permitted to Staff"),
            ("STAFF_HOURS", "Outside Working Hours"),
            ("WRONG_DIRECTION", "Wrong Direction"),
            ("LANE_UNKNOWN", "Unknown Lane"),
            ("LANE_CLOSED", "Lane Closed"),
            ("SEQUENCE", "Out of Order"),
            ("OFFLINE", "Too Many Unknown Tickets Offline"),
            ("KIND_OFFLINE", "Medium Not Accepted Offline"),
            ("CLOCK", "Clock of the Device Wrong"),
            ("FINGER", "Finger Did Not Match"),
            ("OK", "OK"),
            ("CONFLICT", "Conflict"),
        ],
        string="Result",
        required=True,
        readonly=True,
    )
    origin_id = fields.Many2one(
        "scenic.pass.event",
        string="Follows",
        readonly=True,
        index="btree_not_null",
        ondelete="restrict",
        help="The admission of a pass, or the event that staff dealt with.",
    )
    follow_ids = fields.One2many("scenic.pass.event", "origin_id", readonly=True)
    request_uid = fields.Char(
        string="Request", readonly=True, help="The admission that the device named."
    )
    # Where
    device_id = fields.Many2one(
        "scenic.device", required=True, readonly=True, ondelete="restrict"
    )
    lane_id = fields.Many2one("scenic.lane", readonly=True, ondelete="restrict")
    lane_code = fields.Char(string="Lane as Told", readonly=True)
    gate_id = fields.Many2one("scenic.gate", readonly=True, ondelete="restrict")
    zone_from_id = fields.Many2one(
        "scenic.zone",
        string="Zone Left",
        readonly=True,
        ondelete="restrict",
        help="Visitors only: staff are not counted.",
    )
    zone_to_id = fields.Many2one(
        "scenic.zone",
        string="Zone Entered",
        readonly=True,
        ondelete="restrict",
        help="Visitors only: staff are not counted.",
    )
    site_id = fields.Many2one(
        "scenic.site", required=True, readonly=True, ondelete="restrict"
    )
    company_id = fields.Many2one(
        "res.company", required=True, readonly=True, ondelete="restrict"
    )
    direction = fields.Selection([("in", "In"), ("out", "Out")], readonly=True)
    # What
    credential_kind = fields.Selection(
        [
            ("qr", "Signed QR"),
            ("barcode", "1-D Number"),
            ("ic_card", "IC Card"),
            ("id_document", "ID Document"),
            ("staff_card", "Staff Card"),
            ("unknown", "Unknown"),
        ],
        string="Medium",
        readonly=True,
    )
    ticket_id = fields.Many2one(
        "scenic.ticket", readonly=True, index="btree_not_null", ondelete="restrict"
    )
    entitlement_id = fields.Many2one(
        "scenic.entitlement", readonly=True, ondelete="restrict"
    )
    passes = fields.Integer(string="People", readonly=True)
    reserved_delta = fields.Integer(
        string="Entries Reserved",
        readonly=True,
        help="By how much this event changed the reserved entries of the ticket.",
    )
    used_delta = fields.Integer(
        string="Entries Used",
        readonly=True,
        help="By how much this event changed the used entries of the ticket.",
    )
    free_delta = fields.Integer(
        string="Free Re-entries under Way",
        readonly=True,
        help="By how much this event changed the people who were admitted again "
        "without an entry and have not passed yet.",
    )
    reentry = fields.Boolean(
        string="Free Re-entry",
        readonly=True,
        help="The people entered before on the same day: no entry is used.",
    )
    staff = fields.Boolean(
        readonly=True, help="By a staff card: not a visitor, and earns nothing."
    )
    staff_card_id = fields.Many2one(
        "scenic.staff.card",
        compute="_compute_staff_card",
    )
    holder_name = fields.Char(string="Card Holder", compute="_compute_staff_card")
    employee_no = fields.Char(string="Employee No.", compute="_compute_staff_card")
    flag = fields.Selection(
        [("antipassback", "Inside Already")],
        readonly=True,
        help="Admitted all the same, but somebody should look at it.",
    )
    assumed = fields.Boolean(
        readonly=True, help="No sensor saw this pass; it is taken for granted."
    )
    mode = fields.Selection(
        [("offline", "Device, Offline"), ("site", "Site Server")],
        string="Decided by",
        readonly=True,
        help="The device decided by itself and told so later.",
    )
    conflict = fields.Selection(
        [
            ("DOUBLE_USE", "Double Use"),
            ("REFUNDED", "Refunded"),
            ("VOID", "Void"),
            ("FROZEN", "Frozen"),
            ("NOT_PAID", "Not Paid"),
            ("NOT_YET_VALID", "Not Yet Valid"),
            ("EXPIRED", "Expired"),
            ("VISITOR_BLOCKED", "Visitor on the Blacklist"),
            ("UNKNOWN", "Unknown Code"),
        ],
        readonly=True,
        help="Why the device should not have opened, as is known now.",
    )
    conflict_persons = fields.Integer(
        string="People in Conflict",
        readonly=True,
        help="How many entered without having an entry.",
    )
    currency_id = fields.Many2one(related="company_id.currency_id")
    conflict_value = fields.Monetary(
        string="Value in Conflict",
        readonly=True,
        help="What the entries that were not there would have cost, with tax.",
    )
    detail = fields.Json(readonly=True, help="The facts behind the decision.")
    has_photo = fields.Boolean(string="Picture", compute="_compute_photo")
    photo = fields.Char(
        string="Name of the Picture",
        compute="_compute_photo",
        help="Under which name the picture of this alarm lies on the gate bridge of "
        "the lane, if the camera gave one. The bridge shows it to who stands at it, "
        "and deletes it after some days.",
    )
    note = fields.Char(readonly=True)
    note_text = fields.Char(string="Remark", compute="_compute_note_text")
    user_id = fields.Many2one("res.users", readonly=True, ondelete="restrict")
    # When
    seq = fields.Integer(string="Message Number", readonly=True, aggregator=None)
    epoch = fields.Integer(
        string="Sequence",
        readonly=True,
        aggregator=None,
        help="In which sequence of its device the message number stands. Empty where "
        "the number was not new.",
    )
    event_time = fields.Datetime(
        string="Time",
        required=True,
        readonly=True,
        help="When it happened, by the device; never in the future and never before "
        "the admission.",
    )
    device_time = fields.Datetime(
        readonly=True, help="What the clock of the device said."
    )
    received_time = fields.Datetime(string="Received", required=True, readonly=True)
    # Follow-up
    to_review = fields.Boolean(
        compute="_compute_to_review",
        search="_search_to_review",
        help="A conflict, a flagged or an assumed pass that nobody has dealt with.",
    )

    _decision_unique = models.UniqueIndex(
        f"(device_id, uid) WHERE {DECISIONS}", "This request was decided already."
    )
    _report_unique = models.UniqueIndex(
        "(device_id, uid) WHERE phase NOT IN ('authorised', 'denied')",
        "This event was kept already.",
    )
    # lock: of two requests with one number at once the later one is refused
    _seq_unique = models.UniqueIndex(
        "(device_id, epoch, seq) WHERE epoch IS NOT NULL",
        "The device sent another message with this number.",
    )
    _lane_index = models.Index("(lane_id, id) WHERE lane_id IS NOT NULL")
    _right_index = models.Index(
        "(entitlement_id, event_time) WHERE entitlement_id IS NOT NULL"
    )
    _earned_index = models.Index("(id) WHERE phase = 'passed' AND used_delta > 0")
    _zone_to_index = models.Index(
        "(zone_to_id, event_time) WHERE zone_to_id IS NOT NULL"
    )
    _zone_from_index = models.Index(
        "(zone_from_id, event_time) WHERE zone_from_id IS NOT NULL"
    )
    _review_index = models.Index(
        "(id) WHERE code = 'CONFLICT' OR assumed "
        "OR (flag IS NOT NULL AND phase = 'passed')"
    )
    _staff_index = models.Index("(id) WHERE staff")
    _alarm_index = models.Index(
        "(event_time) WHERE phase IN ('forced', 'tailgating', 'wrong_direction', "
        "'pinch', 'muted', 'fault', 'link_down', 'fire', 'emergency')"
    )
    # a day out of years, at next to no cost for the insert
    _time_index = models.Index("USING brin (event_time)")

    def init(self):
        with tools.file_open("scenic_ticket_gate/sql/append_only.sql") as file:
            self.env.cr.execute(file.read())

    @api.depends("phase", "code", "lane_code")
    def _compute_display_name(self):
        phases = dict(self._fields["phase"]._description_selection(self.env))
        for event in self:
            event.display_name = self.env._(
                "%(event)s, lane %(lane)s",
                event=phases.get(event.phase, ""),
                lane=event.lane_code or "",
            )

    @api.depends("staff", "ticket_id")
    def _compute_staff_card(self):
        cards = self.env["scenic.staff.card"].search(
            [("ticket_id", "in", self.filtered("staff").ticket_id.ids)]
        )
        by_ticket = {card.ticket_id: card for card in cards}
        for event in self:
            card = by_ticket.get(event.ticket_id, cards.browse())
            event.staff_card_id = card
            event.holder_name = card.holder_name
            event.employee_no = card.employee_no

    @api.depends("detail")
    def _compute_photo(self):
        for event in self:
            event.photo = (event.detail or {}).get("photo")
            event.has_photo = bool(event.photo)

    @api.depends("note")
    @api.depends_context("lang")
    def _compute_note_text(self):
        """Put the words of the gate bridge into the reader's language."""
        words = {
            "timeout": self.env._("nobody walked in time"),
            "restart": self.env._("settled after a restart of the device"),
            "restart: no answer": self.env._("the device restarted before an answer"),
            "link lost": self.env._("the link was lost"),
            "shutdown": self.env._("the device was stopped"),
            "stopped": self.env._("the device was stopped"),
            "emergency": self.env._("emergency"),
            "fire": self.env._("fire alarm"),
            "mode": self.env._("the lane was switched"),
            "free lane": self.env._("the lane stood open"),
            "FINGER": self.env._("the finger did not match"),
        }
        port_lost = self.env._("the port was lost")
        mode_field = self.env["scenic.lane"]._fields["mode"]
        modes = dict(mode_field._description_selection(self.env))
        causes = {
            "server": self.env._("by the server"),
            "schedule": self.env._("by the schedule"),
            "local": self.env._("at the device"),
        }
        for event in self:
            mode, _by, cause = (event.note or "").partition(" by ")
            if mode in modes and cause in causes:
                event.note_text = f"{modes[mode]} · {causes[cause]}"
            elif (event.note or "").startswith("port lost: "):
                # then come the words of the device's operating system
                event.note_text = f"{port_lost} · {event.note.partition(': ')[2]}"
            else:
                event.note_text = words.get(event.note, event.note)

    @api.depends("code", "assumed", "flag", "phase", "follow_ids")
    def _compute_to_review(self):
        for event in self:
            event.to_review = (
                event.code == "CONFLICT"
                or event.assumed
                or (event.flag and event.phase == "passed")
            ) and not event.follow_ids.filtered(lambda f: f.phase in DEALT_WITH)

    def _search_to_review(self, operator, value):
        if operator != "in":
            return NotImplemented
        dealt_with = [("phase", "in", DEALT_WITH)]
        domain = fields.Domain("follow_ids", "not any", dealt_with) & (
            fields.Domain("code", "=", "CONFLICT")
            | fields.Domain("assumed", "=", True)
            | (
                fields.Domain("flag", "!=", False)
                & fields.Domain("phase", "=", "passed")
            )
        )
        return domain if True in value else ~domain

    # ------------------------------------------------------------------
    # Append-only: refused here with a clear text, and by triggers below
    # ------------------------------------------------------------------

    @api.model_create_multi
    def create(self, vals_list):  # pylint: disable=method-required-super
        raise UserError(self.env._("Pass events are made by the gates only."))

    def write(self, vals):  # pylint: disable=method-required-super
        raise UserError(
            self.env._("Pass events are facts: they cannot be changed, by anybody.")
        )

    def unlink(self):  # pylint: disable=method-required-super
        raise UserError(  # pylint: disable=no-raise-unlink
            self.env._("Pass events are facts: they cannot be deleted, by anybody.")
        )

    # ------------------------------------------------------------------
    # Review
    # ------------------------------------------------------------------

    def action_review(self):
        """Open the wizard that deals with these events."""
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Review"),
            "res_model": "scenic.pass.review",
            "view_mode": "form",
            "target": "new",
            "context": {"default_event_ids": self.ids},
        }

    def action_both_passes(self):
        """Open whose entries were used first, and this double use of them.

        Each is an admission with what followed; what was annulled used nothing.
        """
        self.ensure_one()
        admissions = self.search(
            [
                ("entitlement_id", "=", self.entitlement_id.id),
                ("phase", "=", "authorised"),
                ("reserved_delta", ">", 0),
                ("id", "!=", self.id),
            ]
        ).filtered(
            lambda event: (
                event.reserved_delta
                + sum(event.follow_ids.mapped("reserved_delta"))
                + sum(event.follow_ids.mapped("used_delta"))
            )
        )
        events = admissions | self
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Both Passes: %(ticket)s", ticket=self.ticket_id.name),
            "res_model": "scenic.pass.event",
            "view_mode": "list,form",
            "domain": [("id", "in", (events | events.follow_ids).ids)],
        }

    def _refusal_texts(self):
        """Return why a lane refused and what to do, as its display said it.

        Where a device decided by itself it keeps the code, and not always the facts
        that the sentence names.

        :return: ``(text, remedy)`` in Chinese or English, as the user reads
        """
        self.ensure_one()
        lang = "zh" if (self.env.lang or "").startswith("zh") else "en"
        try:
            text, remedy = gate_text.describe(self.code, self.passes, self.detail or {})
        except KeyError:
            codes = dict(self._fields["code"]._description_selection(self.env))
            return codes.get(self.code, self.code), ""
        return text[lang], remedy[lang]

    def _give_back(self, reason):
        """Give one used entry of a pass back, or what an admission still holds.

        Recorded as a new event. Refused once the pass is revenue: money that was
        earned is corrected by a document, not by a gate.

        :raise UserError: nothing changed
        """
        self.ensure_one()
        code = self._follow_up(reason, give=True)
        if code == "REVENUE_RECOGNISED":
            raise UserError(
                self.env._(
                    "The revenue of this pass was recognised already, so its entry "
                    "cannot be given back here. Ask finance."
                )
            )
        if code == "NOTHING_TO_GIVE_BACK":
            raise UserError(
                self.env._("This event holds no entry that could be given back.")
            )

    def _mark_reviewed(self, reason):
        """Record that somebody looked at these events and leaves them as they are."""
        for event in self:
            event._follow_up(reason, give=False)

    def _follow_up(self, reason, give):
        self.check_access("read")
        if not self.env.user.has_group("scenic_ticket_base.group_scenic_supervisor"):
            raise AccessError(
                self.env._("Only a supervisor may deal with pass events.")
            )
        reason = (reason or "").strip()
        if not reason:
            raise UserError(self.env._("Please give a reason."))
        self.env.flush_all()
        [[result]] = self.env.execute_query(
            SQL(
                "SELECT scenic_gate_give_back(%s, %s, %s, %s, %s)",
                self.id,
                self.env.uid,
                str(uuid.uuid4()),
                reason,
                give,
            )
        )
        self.env.invalidate_all()
        if result["code"] == "OK":
            self.env["scenic.audit"]._log(
                "pass_give_back" if give else "pass_review", self, reason=reason
            )
        return result["code"]
