from odoo import api, fields, models
from odoo.tools import SQL


class ScenicCapacityPool(models.Model):
    _inherit = "scenic.capacity.pool"

    @api.model_create_multi
    def create(self, vals_list):
        pools = super().create(vals_list)
        pools._start_count()
        self.env["scenic.gate"]._update_counted()
        return pools

    def write(self, vals):
        res = super().write(vals)
        if vals.keys() & {"kind", "site_id"}:
            # sudo: nobody may remove a count; the pool counts somewhere else now
            self.env["scenic.headcount"].sudo().search(
                [("pool_id", "in", self.ids)]
            ).unlink()
            self._start_count()
            self.env["scenic.gate"]._update_counted()
        return res

    def unlink(self):
        res = super().unlink()
        self.env["scenic.gate"]._update_counted()
        return res

    def _start_count(self):
        """Count the people inside from now on, with those who came in today."""
        pools = self.filtered(lambda pool: pool.kind == "instant")
        if pools:
            self.env.flush_all()
            self.env.execute_query(
                SQL(
                    "SELECT scenic_gate_lock_counts(%s, %s)",
                    pools.ids,
                    fields.Datetime.now(),
                )
            )

    def _inside(self):
        """Return how many people are inside the site, by the passes of today."""
        self.ensure_one()
        self.flush_recordset(["site_id"])
        [[inside]] = self.env.execute_query(
            SQL(
                "SELECT GREATEST(0, scenic_gate_inside(%s, "
                "date_trunc('day', now() AT TIME ZONE %s) "
                "AT TIME ZONE %s AT TIME ZONE 'UTC'))",
                self.id,
                self.site_id.tz,
                self.site_id.tz,
            )
        )
        return inside
