"""A combo ticket at the window: one line, with its parts."""

from odoo import api, fields, models


class ProductTemplate(models.Model):
    _inherit = "product.template"

    scenic_parts = fields.Char(
        string="Parts",
        compute="_compute_scenic_parts",
        compute_sudo=True,
        help="Where a ticket for several places admits, and how often.",
    )

    @api.depends(
        "scenic_component_ids.name",
        "scenic_component_ids.entries",
        "scenic_component_ids.unlimited",
        "scenic_component_ids.choice_group",
    )
    @api.depends_context("lang")
    def _compute_scenic_parts(self):
        for template in self:
            components = template.scenic_component_ids
            template.scenic_parts = len(components) > 1 and template._pos_parts_text()

    def _pos_parts_text(self):
        """Return the parts: ``Hill · Cave ×2 · Skywalk or Boat``."""
        self.ensure_one()
        texts, choices = [], {}
        for component in self.scenic_component_ids:
            text = component.name or component.site_id.name
            if not component.unlimited and component.entries > 1:
                text = f"{text} ×{component.entries}"
            group = component.choice_group
            if group and group in choices:
                texts[choices[group]] = self.env._(
                    "%(first)s or %(second)s", first=texts[choices[group]], second=text
                )
                continue
            if group:
                choices[group] = len(texts)
            texts.append(text)
        return " · ".join(texts)

    @api.model
    def _load_pos_data_fields(self, config):
        return super()._load_pos_data_fields(config) + ["scenic_parts"]
