from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import SQL


class ScenicGate(models.Model):
    _name = "scenic.gate"
    _description = "Gate"
    _inherit = ["scenic.audited"]
    _order = "site_id, name, id"

    name = fields.Char(required=True, translate=True)
    from_zone_id = fields.Many2one(
        "scenic.zone",
        string="From",
        index="btree_not_null",
        ondelete="restrict",
        help="The zone in front of the gate. Keep empty if that is outside.",
    )
    to_zone_id = fields.Many2one(
        "scenic.zone",
        string="Leads to",
        required=True,
        index=True,
        ondelete="restrict",
        help="The zone behind the gate, seen by a visitor who goes in.",
    )
    site_id = fields.Many2one(related="to_zone_id.site_id", store=True, index=True)
    company_id = fields.Many2one(
        related="to_zone_id.company_id", store=True, index=True
    )
    lane_ids = fields.One2many("scenic.lane", "gate_id", string="Lanes")
    active = fields.Boolean(
        default=True, help="The lanes of an archived gate admit nobody."
    )

    into_pools = fields.Json(
        readonly=True,
        copy=False,
        help="Ids of the pools that limit how many are inside at one moment and that "
        "people enter by this gate.",
    )

    def init(self):
        # pools may have been there before this module counted
        self.pool.post_init(self._update_counted)

    @api.model_create_multi
    def create(self, vals_list):
        gates = super().create(vals_list)
        self._update_counted()
        return gates

    def write(self, vals):
        res = super().write(vals)
        if vals.keys() & {"from_zone_id", "to_zone_id"}:
            self._update_counted()
        return res

    @api.model
    def _update_counted(self):
        """Note into which pools with a limit each gate leads.

        Called by whatever moves a gate, a zone, a site or a pool, which is seldom;
        a scan then knows without asking.
        """
        self.env.flush_all()
        self.env.cr.execute(
            SQL(
                """
                UPDATE scenic_gate g
                   SET into_pools = n.pools
                  FROM (
                        SELECT g.id, (
                                   SELECT jsonb_agg(c.pool_id ORDER BY c.pool_id)
                                     FROM scenic_gate_crossed(
                                              g.from_zone_id, g.to_zone_id
                                          ) c
                                    WHERE c.step = 1
                               ) AS pools
                          FROM scenic_gate g
                       ) n
                 WHERE n.id = g.id AND g.into_pools IS DISTINCT FROM n.pools
                """
            )
        )
        self.env["scenic.gate"].invalidate_model(["into_pools"])

    @api.constrains("from_zone_id", "to_zone_id")
    def _check_zones(self):
        for gate in self:
            if gate.from_zone_id == gate.to_zone_id:
                raise ValidationError(
                    self.env._(
                        "Gate “%(gate)s” must lead from one zone to another.",
                        gate=gate.name,
                    )
                )
            gate.with_context(active_test=False).lane_ids._check_device()
            company = gate.from_zone_id.company_id
            if company and company != gate.company_id:
                raise ValidationError(
                    self.env._(
                        "Both zones of gate “%(gate)s” must be of the same company.",
                        gate=gate.name,
                    )
                )
