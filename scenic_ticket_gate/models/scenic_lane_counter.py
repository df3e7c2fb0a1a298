"""Lanes without a barrier: somebody stands at the exit and counts who leaves."""

import uuid

from odoo import fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, file_open

from odoo.addons.scenic_ticket_base.tools.guard import check_groups

from .scenic_lane import OPERATOR

MOST_PEOPLE = 1000


class ScenicLane(models.Model):
    _inherit = "scenic.lane"

    left_today = fields.Integer(
        compute="_compute_left_today",
        help="People who left by this lane today, by the clock of the site.",
    )

    def init(self):
        super().init()
        with file_open("scenic_ticket_gate/sql/count_people.sql") as file:
            self.env.cr.execute(file.read())

    def _compute_left_today(self):
        counts = dict(
            self.env.execute_query(
                SQL(
                    """
                    SELECT l.id, sum(CASE e.phase WHEN 'exit' THEN e.passes
                                                  ELSE -e.passes END)
                      FROM scenic_lane l
                      JOIN scenic_site s ON s.id = l.site_id
                      JOIN scenic_pass_event e ON e.lane_id = l.id
                      LEFT JOIN scenic_pass_event o ON o.id = e.origin_id
                     WHERE l.id IN %s
                       AND (e.phase = 'exit'
                            OR e.phase = 'returned' AND o.phase = 'exit')
                       AND e.event_time >= date_trunc('day', now() AT TIME ZONE s.tz)
                           AT TIME ZONE s.tz AT TIME ZONE 'UTC'
                     GROUP BY l.id
                    """,
                    tuple(self.ids) or (0,),
                )
            )
        )
        for lane in self:
            lane.left_today = counts.get(lane._origin.id, 0)

    def action_count_one(self):
        """Count one person who left."""
        self._count_people(1)

    def action_count_five(self):
        """Count five people who left."""
        self._count_people(5)

    def action_count_group(self):
        """Ask how many people left together."""
        self.ensure_one()
        return {
            "type": "ir.actions.act_window",
            "name": self.env._("Count a Group"),
            "res_model": "scenic.lane.count",
            "view_mode": "form",
            "target": "new",
            "context": {"default_lane_id": self.id},
        }

    def action_uncount(self):
        """Take the user's last count back, if it is of the last minute.

        :raise UserError: there is none
        """
        self._check_counted_by_hand()
        [[count]] = self.env.execute_query(
            SQL(
                "SELECT scenic_gate_uncount_people(%s, %s, %s, %s)",
                self.id,
                self.env.uid,
                self.env.user.name,
                str(uuid.uuid4()),
            )
        )
        if count is None:
            raise UserError(
                self.env._(
                    "You counted nobody here within the last minute. A wrong count "
                    "that is older stays as it is."
                )
            )
        self.env.invalidate_all()

    def _count_people(self, count):
        """Count people who left by this lane, in the name of the user.

        :raise UserError: nobody counts at this lane, or not so many at a time
        """
        self._check_counted_by_hand()
        if not 1 <= count <= MOST_PEOPLE:
            raise UserError(
                self.env._(
                    "Please count 1 to %(most)s people at a time.", most=MOST_PEOPLE
                )
            )
        self.env.flush_all()
        self.env.execute_query(
            SQL(
                "SELECT scenic_gate_count_people(%s, %s, %s, %s, %s)",
                self.id,
                count,
                self.env.uid,
                self.env.user.name,
                str(uuid.uuid4()),
            )
        )
        self.env.invalidate_all()

    def _check_counted_by_hand(self):
        self.ensure_one()
        self.check_access("read")
        check_groups(
            self.env, [OPERATOR], self.env._("Only a gate operator may count people.")
        )
        if self.kind != "manual" or self.direction == "in":
            raise UserError(
                self.env._(
                    "Lane “%(lane)s” is no exit where somebody counts: choose a lane "
                    "of the kind “Manual Check” whose direction is out or both.",
                    lane=self.display_name,
                )
            )
