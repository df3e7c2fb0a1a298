from collections import defaultdict

from markupsafe import Markup

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_duration

from odoo.addons.scenic_ticket_base.models.scenic_weekday_mixin import WEEKDAYS

from .scenic_lane import MODES

DAY = 24 * 60
WEEK = 7 * DAY


class ScenicLaneSchedule(models.Model):
    """Hours of a lane in which it works in another mode; see ``sql/lane_mode.sql``."""

    _name = "scenic.lane.schedule"
    _description = "Lane Schedule"
    _inherit = ["scenic.audited", "scenic.weekday.mixin"]
    _order = "lane_id, time_from, id"

    lane_id = fields.Many2one(
        "scenic.lane", required=True, index=True, ondelete="cascade"
    )
    site_id = fields.Many2one(related="lane_id.site_id", store=True, index=True)
    company_id = fields.Many2one(related="lane_id.company_id", store=True, index=True)
    time_from = fields.Float(
        string="Starts at", required=True, help="By the clock of the site."
    )
    time_to = fields.Float(
        string="Ends at",
        required=True,
        help="By the clock of the site, exclusive. Not later than the beginning: it is "
        "the day after.",
    )
    mode = fields.Selection(
        [mode for mode in MODES if mode[0] != "emergency"],
        required=True,
        default="exit",
        help="Between the hours of its schedule a lane is controlled.",
    )

    @api.depends("weekday_text", "time_from", "time_to", "mode")
    @api.depends_context("lang")
    def _compute_display_name(self):
        for hours in self:
            hours.display_name = hours._words()

    def _words(self):
        self.ensure_one()
        modes = dict(self._fields["mode"]._description_selection(self.env))
        return self.env._(
            "%(days)s %(start)s–%(stop)s: %(mode)s",
            days=self.weekday_text,
            start=format_duration(self.time_from),
            stop=format_duration(self.time_to),
            mode=modes.get(self.mode, ""),
        )

    @api.constrains("time_from", "time_to", *WEEKDAYS)
    def _check_times(self):
        for hours in self:
            start, stop = hours._minutes()
            if not (0 <= start < DAY and 0 <= stop <= DAY) or start == stop:
                raise ValidationError(
                    self.env._(
                        "Lane “%(lane)s”: the hours of a schedule begin between 00:00 "
                        "and 23:59, end between 00:00 and 24:00, and do not end when "
                        "they begin. For a whole day choose 00:00 to 24:00.",
                        lane=hours.lane_id.display_name,
                    )
                )
            if not hours._weekday_mask():
                raise ValidationError(
                    self.env._(
                        "Lane “%(lane)s”: please choose at least one day of the week.",
                        lane=hours.lane_id.display_name,
                    )
                )

    @api.constrains("lane_id", "time_from", "time_to", *WEEKDAYS)
    def _check_overlap(self):
        for lane in self.lane_id:
            pieces = sorted(
                [
                    (start, stop, hours)
                    for hours in lane.schedule_ids
                    for start, stop in hours._pieces()
                ],
                key=lambda piece: piece[:2],
            )
            for (_s, stop, hours), (start, _e, others) in zip(
                pieces, pieces[1:], strict=False
            ):
                if start < stop:
                    raise ValidationError(
                        self.env._(
                            "Lane “%(lane)s” can have one mode at a time, but these "
                            "hours overlap: “%(one)s” and “%(other)s”. Please change "
                            "one of them.",
                            lane=lane.display_name,
                            one=hours._words(),
                            other=others._words(),
                        )
                    )

    def _minutes(self):
        """Return beginning and end as minutes of the day."""
        self.ensure_one()
        return round(self.time_from * 60), round(self.time_to * 60)

    def _pieces(self):
        """Yield ``(from, to)`` in minutes of the week, cut where a week ends."""
        start, stop = self._minutes()
        length = (stop - start) % DAY or DAY
        for day, name in enumerate(WEEKDAYS):
            if self[name]:
                begin = day * DAY + start
                end = begin + length
                yield begin, min(end, WEEK)
                if end > WEEK:
                    yield 0, end - WEEK

    @api.model_create_multi
    def create(self, vals_list):
        lanes = self.env["scenic.lane"].browse(
            [vals["lane_id"] for vals in vals_list if vals.get("lane_id")]
        )
        lanes._forget_old_choice()
        schedule = super().create(vals_list)
        schedule._tell_lanes({}, schedule._told())
        return schedule

    def write(self, vals):
        lanes = self.lane_id
        if "lane_id" in vals:
            lanes |= lanes.browse(vals["lane_id"])
        lanes._forget_old_choice()
        before = self._told()
        res = super().write(vals)
        self._tell_lanes(before, self._told())
        return res

    def unlink(self):
        self.lane_id._forget_old_choice()
        before = self._told()
        res = super().unlink()
        self._tell_lanes(before, {})
        return res

    def _told(self):
        """Return ``{(lane, id of the hours): their words}``."""
        return {(hours.lane_id, hours.id): hours._words() for hours in self}

    @api.model
    def _tell_lanes(self, before, after):
        """Tell in the chatter of the lanes who changed which hours, and into what."""
        lines = defaultdict(list)
        for lane, hours in {**before, **after}:
            old, new = before.get((lane, hours)), after.get((lane, hours))
            if old == new:
                continue
            if not old:
                text = self.env._("Schedule: %(hours)s added", hours=new)
            elif not new:
                text = self.env._("Schedule: %(hours)s removed", hours=old)
            else:
                text = self.env._(
                    "Schedule: %(before)s is now %(after)s", before=old, after=new
                )
            lines[lane.id].append(text)
        self.env["scenic.lane"].browse(lines)._message_log_batch(
            bodies={lane: Markup("<br/>").join(texts) for lane, texts in lines.items()}
        )
