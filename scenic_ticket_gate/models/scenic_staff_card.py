from odoo import fields, models

from odoo.addons.scenic_ticket_base.exceptions import MembershipError


class ScenicStaffCard(models.Model):
    _inherit = "scenic.staff.card"

    lane_ids = fields.Many2many(
        related="ticket_id.lane_ids",
        string="Permitted Lanes",
        help="Empty: all lanes that the product permits.",
    )

    def _set_lanes(self, lanes, reason):
        """Say where cards open; no lanes: wherever their product does.

        :raise MembershipError: a lane leads to a place that the card is not for
        :raise ReasonMissingError: no reason was given
        """
        # sudo: no user has the right to write tickets; callers answer for it
        tickets_sudo = self.sudo().ticket_id._lock_for_change(reason)
        for ticket_sudo in tickets_sudo:
            wrong = lanes.filtered(
                lambda lane, ticket=ticket_sudo: (
                    lane.site_id not in ticket.entitlement_ids.site_id
                )
            )
            if wrong:
                raise MembershipError(
                    self.env._(
                        "Lane “%(lane)s” leads to “%(site)s”, which this staff card is "
                        "not for.",
                        lane=wrong[0].name,
                        site=wrong[0].site_id.name,
                    ),
                    code="STAFF_LANE",
                )
        before = {card.id: {"lane_ids": card.lane_ids.mapped("name")} for card in self}
        tickets_sudo.with_context(tracking_disable=True).write(
            {"lane_ids": [fields.Command.set(lanes.ids)]}
        )
        self.env["scenic.audit"]._log(
            "ticket_change",
            self,
            reason=reason,
            before=before,
            after={"lane_ids": lanes.mapped("name")},
        )

    def action_set_lanes(self, lane_ids=None, reason=None):
        """Say where cards open; asks for the lanes if there is no reason.

        :raise AccessError: only a ticketing manager may do this
        """
        self._check_manager()
        if reason is not None:
            lanes = self.env["scenic.lane"].browse(lane_ids or ())
            lanes.check_access("read")
            return self._set_lanes(lanes, reason)
        return {
            **self.env["ir.actions.act_window"]._for_xml_id(
                "scenic_ticket_gate.scenic_staff_lanes_action"
            ),
            "context": {
                "default_card_ids": self.ids,
                "default_lane_ids": self[:1].lane_ids.ids,
            },
        }
