from odoo import fields, models


class ScenicRevenueEntry(models.Model):
    _inherit = "scenic.revenue.entry"

    pass_event_id = fields.Many2one(
        "scenic.pass.event",
        readonly=True,
        ondelete="restrict",
        help="The pass that earned this revenue.",
    )

    _pass_event_unique = models.UniqueIndex(
        "(pass_event_id) WHERE pass_event_id IS NOT NULL",
        "The revenue of this pass was recognised already.",
    )
