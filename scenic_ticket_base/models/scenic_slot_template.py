from datetime import datetime, time, timedelta
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..tools.window import local_day

UTC = ZoneInfo("UTC")
MAX_DAYS_AHEAD = 400


class ScenicSlotTemplate(models.Model):
    """A line of the weekly timetable; dated slots are made of it some days ahead."""

    _name = "scenic.slot.template"
    _description = "Slot Template"
    _inherit = ["scenic.audited", "scenic.days.mixin"]
    _order = "site_id, hour_from, id"

    name = fields.Char(required=True, translate=True)
    site_id = fields.Many2one(
        "scenic.site", required=True, index=True, ondelete="cascade"
    )
    company_id = fields.Many2one(related="site_id.company_id", store=True, index=True)
    hour_from = fields.Float(string="Begins", required=True, default=9.0)
    hour_to = fields.Float(
        string="Ends",
        required=True,
        default=17.0,
        help="After midnight count on: 25:00 is 1:00 of the next day.",
    )
    slot_minutes = fields.Integer(
        string="Minutes per Slot",
        required=True,
        default=60,
        help="The time from begin to end is cut into slots of so many minutes. "
        "0: one slot.",
    )
    capacity = fields.Integer(
        required=True, default=0, help="Places per slot. 0: as the capacity pool says."
    )
    days_ahead = fields.Integer(
        required=True,
        default=60,
        help="How many days ahead slots are made and can be booked.",
    )
    active = fields.Boolean(default=True)

    _hours = models.Constraint(
        "CHECK (hour_from >= 0 AND hour_from < 24 AND hour_to > hour_from "
        "AND hour_to <= hour_from + 24)",
        "A timetable line begins at 0:00 to 23:59 and ends later, within 24 hours.",
    )
    _slot_minutes_range = models.Constraint(
        "CHECK (slot_minutes = 0 OR slot_minutes BETWEEN 5 AND 1440)",
        "A slot takes at least 5 minutes.",
    )
    _capacity_positive = models.Constraint(
        "CHECK (capacity >= 0)", "A capacity cannot be negative."
    )
    _days_ahead_range = models.Constraint(
        "CHECK (days_ahead BETWEEN 0 AND 400)", "Slots are made up to 400 days ahead."
    )

    @api.constrains("hour_from", "hour_to", "slot_minutes")
    def _check_fits(self):
        for template in self:
            if not template._local_windows(fields.Date.today()):
                raise ValidationError(
                    self.env._(
                        "“%(name)s”: not even one slot of %(minutes)s minutes fits in.",
                        name=template.name,
                        minutes=template.slot_minutes,
                    )
                )

    def action_generate(self):
        """Make the dated slots now, as the nightly job does."""
        self.check_access("write")
        self._generate()
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "scenic_ticket_base.scenic_slot_action"
            ),
            "domain": [("template_id", "in", self.ids)],
        }

    @api.model
    def _cron_generate(self):
        """Make the slots of the coming days."""
        self.search([])._generate()  # pylint: disable=no-search-all

    def _generate(self, date_from=None, date_to=None):
        """Make the dated slots of these templates that are missing.

        Future slots of a template that its timetable has no more are deleted, unless
        somebody has booked them or closed them by hand: those stay as they are.

        :param date date_from: by default today at the site
        :param date date_to: last day, by default ``days_ahead`` of the template
        :return: the slots made
        """
        now = fields.Datetime.now()
        made = self.env["scenic.slot"]
        for template in self:
            zone = ZoneInfo(template.site_id.tz)
            today = local_day(now, zone)
            first = max(date_from or today, today)
            last = date_to or today + timedelta(days=template.days_ahead)
            last = min(last, today + timedelta(days=MAX_DAYS_AHEAD))
            wanted = {}
            for offset in range((last - first).days + 1):
                day = first + timedelta(days=offset)
                if template.active and template._covers(day):
                    for window in template._windows(day, zone):
                        wanted[window] = day
            slots = template.env["scenic.slot"].search(
                [
                    ("site_id", "=", template.site_id.id),
                    ("date", ">=", first),
                    ("date", "<=", last),
                ]
            )
            there = {(slot.start, slot.end) for slot in slots}
            made += made.create(
                [
                    {
                        "site_id": template.site_id.id,
                        "template_id": template.id,
                        "date": day,
                        "start": start,
                        "end": end,
                        "capacity": template.capacity,
                    }
                    for (start, end), day in wanted.items()
                    if (start, end) not in there and end > now
                ]
            )
            slots.filtered(
                lambda slot, template=template, wanted=wanted: (
                    slot.template_id == template
                    and slot.start > now
                    and not slot.closed
                    and (slot.start, slot.end) not in wanted
                )
            )._unlink_unused()
        return made

    def _local_windows(self, day):
        """Return ``[(start, end)]`` of a day as naive wall clock times."""
        self.ensure_one()
        midnight = datetime.combine(day, time.min)
        start = midnight + timedelta(minutes=round(self.hour_from * 60))
        end = midnight + timedelta(minutes=round(self.hour_to * 60))
        step = timedelta(minutes=self.slot_minutes) or end - start
        windows = []
        while start + step <= end:
            windows.append((start, start + step))
            start += step
        return windows

    def _windows(self, day, zone):
        """Return ``[(start, end)]`` of a day in naive UTC.

        When the clock is put forward an hour does not exist: slots of it are left
        out, since nobody could come then.
        """
        windows = []
        for local_start, local_end in self._local_windows(day):
            start, end = (
                moment.replace(tzinfo=zone).astimezone(UTC)
                for moment in (local_start, local_end)
            )
            if start < end and start.astimezone(zone).replace(tzinfo=None) == (
                local_start
            ):
                windows.append((start.replace(tzinfo=None), end.replace(tzinfo=None)))
        return windows
