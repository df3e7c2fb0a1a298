"""A ticket in words: the clauses that say what it allows."""

from odoo import fields, models
from odoo.tools import format_list


class ProductTemplate(models.Model):
    _inherit = "product.template"

    def _scenic_texts(self):
        """Return the clauses that say what the ticket allows.

        Each one stands for itself, so that any language can put them in a row.
        """
        self.ensure_one()
        return [
            *self._scenic_kind_texts(),
            *self.scenic_validity_rule_id._texts(),
            *self._scenic_place_texts(),
            *self._scenic_who_texts(),
            *self._scenic_refund_texts(),
        ]

    def _scenic_kind_texts(self):
        match self.scenic_ticket_kind:
            case "group":
                texts = [
                    self.env._("one code for each person of a group")
                    if self.scenic_group_codes == "each"
                    else self.env._("one code for the whole group")
                ]
                if self.scenic_min_persons:
                    texts.append(
                        self.env._(
                            "%(count)s persons or more", count=self.scenic_min_persons
                        )
                    )
                if self.scenic_guide_per:
                    texts.append(
                        self.env._(
                            "one guide free for every %(count)s persons",
                            count=self.scenic_guide_per,
                        )
                    )
                return texts
            case "member":
                return [self.env._("a card for one person")]
            case "staff":
                return [self.env._("a staff card, not counted as a visitor")]
        return []

    def _scenic_place_texts(self):
        """Return the clauses of what is admitted to, in which order and how fast."""
        components = self.scenic_component_ids
        texts = [c._text() for c in components.filtered(lambda c: not c.choice_group)]
        for _number, group in (
            components.filtered("choice_group").grouped("choice_group").items()
        ):
            places = format_list(self.env, [c._text() for c in group], style="or")
            texts.append(self.env._("only one of: %(places)s", places=places))
        if self.scenic_in_sequence and len(components) > 1:
            texts.append(self.env._("only in this order"))
        if self.scenic_minutes_from_first:
            texts.append(
                self.env._(
                    "all within %(minutes)s minutes of the first entry",
                    minutes=self.scenic_minutes_from_first,
                )
            )
        if self._scenic_has_slots():
            texts.append(
                self.env._(
                    "from %(early)s minutes before to %(late)s minutes after the time "
                    "slot",
                    early=self.scenic_grace_early,
                    late=self.scenic_grace_late,
                )
            )
        return texts

    def _scenic_has_slots(self):
        """Tell whether a site of this ticket has time slots from today on."""
        return bool(
            self.env["scenic.slot"].search_count(
                [
                    ("site_id", "in", self.scenic_component_ids.site_id.ids),
                    ("date", ">=", fields.Date.context_today(self)),
                ],
                limit=1,
            )
        )

    def _scenic_who_texts(self):
        texts = []
        if self.scenic_eligibility_ids:
            names = [rule.name or "" for rule in self.scenic_eligibility_ids]
            texts.append(
                self.env._(
                    "only for: %(names)s",
                    names=format_list(self.env, names, style="or"),
                )
            )
        if self.scenic_real_name == "order":
            texts.append(self.env._("real name of one person per order"))
        elif self.scenic_real_name == "visitor":
            texts.append(self.env._("real name of every visitor"))
        if self.scenic_real_name == "visitor" and self.scenic_id_scope != "none":
            texts.append(
                {
                    "day": self.env._("one ticket per document, site and day"),
                    "slot": self.env._("one ticket per document, site and time slot"),
                    "type": self.env._("one ticket of this type per document and day"),
                }[self.scenic_id_scope or "day"]
            )
        return texts

    def _scenic_refund_texts(self):
        if self.scenic_ticket_kind == "staff":
            return []
        return [self.scenic_refund_policy_id._text()]
