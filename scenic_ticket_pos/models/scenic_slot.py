from odoo import api, fields, models


class ScenicSlot(models.Model):
    _name = "scenic.slot"
    _inherit = ["scenic.slot", "pos.load.mixin"]

    pos_hours = fields.Char(
        string="Hours",
        compute="_compute_pos_hours",
        compute_sudo=True,
        help="From and to by the clock of the site, as printed on the ticket.",
    )

    @api.depends("start", "end", "site_id.tz")
    def _compute_pos_hours(self):
        for slot in self:
            slot.pos_hours = slot._hours_text()

    # ------------------------------------------------------------
    # POINT OF SALE
    # ------------------------------------------------------------

    @api.model
    def _load_pos_data_domain(self, data, config):
        # The slots of open orders; the others come with places and orders.
        lines = data.get("pos.order.line", [])
        slot_ids = {line["scenic_slot_id"] for line in lines} - {False}
        return [("id", "in", sorted(slot_ids))]

    @api.model
    def _load_pos_data_fields(self, config):
        return ["name", "date", "pos_hours", "write_date"]
