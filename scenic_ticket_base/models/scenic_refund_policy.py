import copy

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_list

from ..tools import refund_terms


class ScenicRefundPolicy(models.Model):
    _name = "scenic.refund.policy"
    _description = "Refund Policy"
    _inherit = ["scenic.audited"]
    _order = "name, id"

    name = fields.Char(required=True, translate=True)
    active = fields.Boolean(default=True)
    line_ids = fields.One2many(
        "scenic.refund.policy.line", "policy_id", string="Lines", copy=True
    )
    # Parts
    allow_partial = fields.Boolean(
        string="Parts May Be Refunded",
        help="Unused persons of a group and unused components of a combo can be "
        "refunded while the rest stays valid or was used.",
    )
    # Changes
    changes_limited = fields.Boolean(string="Changes Are Limited")
    changes_max = fields.Integer(
        string="Changes Allowed",
        help="How often date and time slot can be changed. 0: never.",
    )
    change_fee = fields.Float(
        digits="Product Price",
        help="For each person and change, tax included.",
    )
    change_limited = fields.Boolean(string="Changes Have a Cut-off")
    change_hours = fields.Float(
        string="Change until (Hours before the Visit)",
        help="Below zero: so many hours after the visit has begun.",
    )
    # Cards
    cooling_days = fields.Integer(
        string="Cooling Period (Days)",
        help="An unused card is paid back in full for so many days after the sale.",
    )
    pro_rata = fields.Boolean(
        string="Cards by Days Left",
        help="After the cooling period a card is paid back for the days that are "
        "left, less its uses at the price of a single visit.",
    )
    single_price = fields.Float(
        string="Price of a Single Visit",
        digits="Product Price",
        help="Tax included. What each use of a card takes off its refund.",
    )
    # End
    at_expiry = fields.Selection(
        [
            ("breakage", "Becomes revenue"),
            ("refund", "Is due to the customer"),
            ("keep", "Waits for a decision"),
        ],
        string="Unused at Expiry",
        required=True,
        default="breakage",
        help="What happens to the price of what was not used. It becomes revenue once "
        "nobody can ask for it any more.",
    )
    override = fields.Selection(
        [
            ("supervisor", "Two persons, one of them shift supervisor"),
            ("manager", "Two persons, one of them ticketing manager"),
            ("none", "Nobody"),
        ],
        string="Exceptions by",
        required=True,
        default="supervisor",
        help="Who can agree to a refund that these rules do not grant.",
    )
    text = fields.Char(string="In Words", compute="_compute_text")

    _numbers = models.Constraint(
        "CHECK (changes_max >= 0 AND change_fee >= 0 AND cooling_days >= 0 "
        "AND single_price >= 0)",
        "Numbers and fees of a refund policy cannot be negative.",
    )

    @api.depends(
        "line_ids.state",
        "line_ids.hours",
        "line_ids.unlimited",
        "line_ids.allowed",
        "line_ids.percent",
        "line_ids.fixed",
        "allow_partial",
        "cooling_days",
        "pro_rata",
        "at_expiry",
    )
    @api.depends_context("lang")
    def _compute_text(self):
        for policy in self:
            policy.text = policy._text()

    @api.constrains("line_ids")
    def _check_lines(self):
        messages = {
            "FEE_RANGE": self.env._(
                "A fee is 0 to 100 percent, and an amount of zero or more."
            ),
            "LINE_TWICE": self.env._("Two lines of one state end at the same moment."),
            "LATER_IS_CHEAPER": self.env._(
                "Whoever asks later cannot get more: please sort the fees."
            ),
        }
        for policy in self:
            try:
                refund_terms.check_terms(policy._terms())
            except refund_terms.TermsError as error:
                raise ValidationError(
                    self.env._(
                        "“%(policy)s”: %(problem)s",
                        policy=policy.name,
                        problem=messages[error.code],
                    )
                ) from error

    def _terms(self, company=None):
        """Return the terms to freeze with a sale; JSON can hold them.

        Without a policy: refundable in full until the first use. Amounts are whole
        cents of the company's currency.
        """
        terms = copy.deepcopy(refund_terms.DEFAULT_TERMS)
        if not self:
            return terms
        self.ensure_one()
        currency = (company or self.env.company).currency_id

        def units(amount):
            return round(amount / currency.rounding)

        terms.update(
            {
                "policy_id": self.id,
                "lines": [
                    {
                        "state": line.state,
                        "hours": None if line.unlimited else line.hours,
                        "allowed": line.allowed,
                        "percent": line.percent,
                        "fixed": units(line.fixed),
                    }
                    for line in self.line_ids
                ],
                "allow_partial": self.allow_partial,
                "changes_max": self.changes_max if self.changes_limited else None,
                "change_fee": units(self.change_fee),
                "change_hours": self.change_hours if self.change_limited else None,
                "cooling_days": self.cooling_days,
                "pro_rata": self.pro_rata,
                "single_price": units(self.single_price),
                "at_expiry": self.at_expiry,
                "override": self.override,
            }
        )
        terms["lapse_hours"] = refund_terms.lapse_hours(terms)
        return terms

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

    def _text(self):
        """Return the policy as one clause, for the preview of a product.

        An empty recordset gives the clause of what holds without a policy.
        """
        if not self:
            return self.env._("refundable in full until first use")
        self.ensure_one()
        parts = []
        if self.cooling_days:
            parts.append(
                self.env._(
                    "cards in full for %(days)s days after the sale",
                    days=self.cooling_days,
                )
            )
        if self.pro_rata:
            parts.append(self.env._("cards by days left"))
        for state in refund_terms.LINE_STATES:
            lines = self.line_ids.filtered(
                lambda line, state=state: line.state == state and line.allowed
            )
            parts += [line._text() for line in lines._sorted_by_end()]
        if not parts:
            return self.env._("not refundable")
        return self.env._(
            "refundable %(terms)s", terms=format_list(self.env, parts, "unit")
        )
