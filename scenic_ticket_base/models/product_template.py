"""A product that is sold as tickets: its fields, their defaults and its prices.

Beside it: ``product_template_check`` (what cannot be sold), ``_account``, ``_visit``
(when and by whom a ticket may be used) and ``_text`` (the ticket in words).
"""

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain

from ..exceptions import AccountMissingError, BookingError
from ..tools.clauses import join_clauses
from .res_partner import READERS
from .scenic_validity_rule import CARD_MODES

# What fits the one byte of a signed code, for one code of a whole group.
MAX_PERSONS = 255

TICKET_KINDS = [
    ("individual", "Individual"),
    ("group", "Group"),
    ("member", "Member Card"),
    ("staff", "Staff Card"),
]

REVENUE_TRIGGERS = [
    ("admission", "Passed admission"),
    ("visit_date", "Visit date"),
    ("straight_line", "Day by day over the validity"),
]

# In the context while a product is saved with its components: they are judged together,
# at the end. An object, so that no client can send it.
WHOLE_PRODUCT = object()

# Of other models, which only those who work with tickets may read.
TICKET_PARTS = {"scenic_component_ids", "scenic_eligibility_ids"}

# Beside the fields of this module: what decides on price, tax and sale of a ticket.
AUDITED_FIELDS = {
    "active",
    "list_price",
    "name",
    "property_account_income_id",
    "sale_ok",
    "service_tracking",
    "taxes_id",
}


class ProductTemplate(models.Model):
    _name = "product.template"
    _inherit = ["product.template", "scenic.audited"]

    service_tracking = fields.Selection(
        selection_add=[("scenic_ticket", "Scenic Ticket")],
        ondelete={"scenic_ticket": "set default"},
    )
    scenic_site_id = fields.Many2one(
        "scenic.site",
        string="Issuing Site",
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
        help="The site whose code the tickets are signed with.",
    )
    scenic_ticket_kind = fields.Selection(
        TICKET_KINDS,
        string="Ticket Kind",
        default="individual",
        tracking=True,
        help="Individual: one ticket per person. Group: many persons on one order. "
        "Member: a card for a period. Staff: a card for employees, who are never "
        "counted as visitors.",
    )
    scenic_group_codes = fields.Selection(
        [("one", "One code for the whole group"), ("each", "One code per person")],
        string="Group Codes",
        default="one",
        tracking=True,
    )
    scenic_min_persons = fields.Integer(string="Minimum Group Size", tracking=True)
    scenic_guide_per = fields.Integer(
        string="One Free Guide per",
        tracking=True,
        help="For every so many paying persons one guide enters free. 0: none.",
    )
    scenic_real_name = fields.Selection(
        [
            ("none", "No names"),
            ("order", "One person per order"),
            ("visitor", "Every visitor"),
        ],
        string="Real Names",
        default="none",
        tracking=True,
    )
    scenic_id_scope = fields.Selection(
        [
            ("none", "As many tickets as wanted"),
            ("day", "One ticket per site and day"),
            ("slot", "One ticket per site and time slot"),
            ("type", "One ticket of this type per day"),
        ],
        string="One Document Buys",
        default="day",
        tracking=True,
    )
    scenic_visitor_change = fields.Boolean(
        string="Visitor Can Change",
        default=True,
        tracking=True,
        help="Until its first use the ticket can be handed on to another person.",
    )
    scenic_in_sequence = fields.Boolean(
        string="In Sequence",
        tracking=True,
        help="The components can only be used in their order.",
    )
    scenic_minutes_from_first = fields.Integer(
        string="Minutes from First Use",
        tracking=True,
        help="All components must be used within so many minutes of the first "
        "entry. 0: no limit.",
    )
    scenic_grace_early = fields.Integer(
        string="Minutes Early",
        default=15,
        tracking=True,
        help="How long before the time slot the gate admits.",
    )
    scenic_grace_late = fields.Integer(
        string="Minutes Late",
        default=30,
        tracking=True,
        help="How long after the end of the time slot the gate admits.",
    )
    scenic_refund_policy_id = fields.Many2one(
        "scenic.refund.policy",
        string="Refund Policy",
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
    )
    scenic_revenue_trigger = fields.Selection(
        REVENUE_TRIGGERS,
        string="Revenue Earned by",
        default="admission",
        tracking=True,
    )
    scenic_freeze_days = fields.Integer(
        string="Days a Freeze May Add",
        tracking=True,
        help="By how many days in all the end of a period moves for days on which "
        "the card was frozen. 0: frozen days are lost.",
    )
    scenic_renew_before_days = fields.Integer(
        string="Renewal from (Days before the End)",
        tracking=True,
        help="How early a card can be renewed with this product. 0: at any time.",
    )
    scenic_renew_after_days = fields.Integer(
        string="Renewal until (Days after the End)",
        tracking=True,
        help="How long after its end a card can be renewed with this product. "
        "0: at any time.",
    )
    scenic_replacement_product_id = fields.Many2one(
        "product.product",
        string="Replacement Fee",
        domain="[('service_tracking', '!=', 'scenic_ticket')]",
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
        help="What is sold when a card of this product is replaced. Keep empty if "
        "replacing costs nothing.",
    )
    scenic_component_ids = fields.One2many(
        "scenic.ticket.component",
        "product_tmpl_id",
        string="Ticket Components",
        copy=True,
        groups=READERS,
    )
    scenic_validity_rule_id = fields.Many2one(
        "scenic.validity.rule",
        string="Validity Rule",
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
    )
    scenic_eligibility_ids = fields.Many2many(
        "scenic.eligibility",
        "product_template_scenic_eligibility_rel",
        "product_tmpl_id",
        "eligibility_id",
        string="Concessions",
        tracking=True,
        groups=READERS,
        help="Only visitors with one of these concessions may buy the ticket. Keep "
        "empty for a ticket that everybody may buy.",
    )
    # stored, for each sale asks
    scenic_is_concession = fields.Boolean(
        string="For Concessions Only",
        compute="_compute_scenic_is_concession",
        compute_sudo=True,
        store=True,
    )
    scenic_deferral_account_id = fields.Many2one(
        "account.account",
        string="Deferral Account",
        company_dependent=True,
        ondelete="restrict",
        domain="[('account_type', 'in', "
        "('liability_current', 'liability_non_current'))]",
        help="Where sold tickets wait until admission. Keep empty to use the "
        "contract liability account of the company.",
    )
    scenic_class_code = fields.Integer(
        string="Ticket Class Code",
        readonly=True,
        copy=False,
        help="Short number of the product inside the signed code of a ticket.",
    )
    scenic_summary = fields.Char(
        string="What It Allows",
        compute="_compute_scenic_summary",
        compute_sudo=True,  # whoever buys reads neither slots nor rules
    )
    scenic_price_count = fields.Integer(
        string="Price Rules", compute="_compute_scenic_price_count"
    )
    scenic_warning = fields.Char(
        string="Not Ready for Sale", compute="_compute_scenic_warning"
    )

    _scenic_group_numbers = models.Constraint(
        "CHECK (scenic_min_persons BETWEEN 0 AND 5000 AND "
        "scenic_guide_per BETWEEN 0 AND 5000)",
        "Minimum group size and persons per free guide are 0 to 5000.",
    )
    _scenic_minutes = models.Constraint(
        "CHECK (scenic_grace_early BETWEEN 0 AND 1440 AND "
        "scenic_grace_late BETWEEN 0 AND 1440 AND "
        "scenic_minutes_from_first BETWEEN 0 AND 527040)",
        "Minutes early and late are 0 to 1440; minutes from first use are 0 to 527040, "
        "which is a year.",
    )
    _scenic_class_code_unique = models.UniqueIndex(
        "(scenic_class_code) WHERE scenic_class_code > 0",
        "Another ticket product has this class code.",
    )
    _scenic_class_code_range = models.Constraint(
        "CHECK (scenic_class_code BETWEEN 0 AND 65535)",
        "A ticket class code is 1 to 65535.",
    )

    def init(self):
        res = super().init()
        self.env.cr.execute(
            "CREATE SEQUENCE IF NOT EXISTS scenic_class_code_seq MAXVALUE 65535"
        )
        return res

    @api.model
    def _service_tracking_blacklist(self):
        return super()._service_tracking_blacklist() + ["scenic_ticket"]

    @api.depends(
        "service_tracking",
        "scenic_ticket_kind",
        "scenic_group_codes",
        "scenic_min_persons",
        "scenic_guide_per",
        "scenic_real_name",
        "scenic_id_scope",
        "scenic_in_sequence",
        "scenic_minutes_from_first",
        "scenic_grace_early",
        "scenic_grace_late",
        "scenic_eligibility_ids.name",
        "scenic_component_ids.name",
        "scenic_component_ids.entries",
        "scenic_component_ids.unlimited",
        "scenic_component_ids.daily_entries",
        "scenic_component_ids.reentry",
        "scenic_component_ids.reentry_minutes",
        "scenic_component_ids.choice_group",
        "scenic_component_ids.site_id",
        "scenic_component_ids.validity_rule_id.summary",
        "scenic_validity_rule_id.summary",
        "scenic_refund_policy_id.text",
    )
    @api.depends_context("lang")
    def _compute_scenic_summary(self):
        for product in self:
            if not product.scenic_validity_rule_id or not product.scenic_component_ids:
                product.scenic_summary = False
                continue
            text = join_clauses(self.env, product._scenic_texts())
            product.scenic_summary = self.env._(
                "%(sentence)s.", sentence=text[:1].upper() + text[1:]
            )

    def _compute_scenic_price_count(self):
        for product in self:
            product.scenic_price_count = self.env[
                "product.pricelist.item"
            ].search_count(product._scenic_price_domain())

    @api.depends(
        "service_tracking",
        "scenic_site_id",
        "scenic_ticket_kind",
        "scenic_component_ids",
        "scenic_validity_rule_id",
        "scenic_deferral_account_id",
        "property_account_income_id",
        "categ_id",
        "company_id",
    )
    @api.depends_context("company", "lang")
    def _compute_scenic_warning(self):
        for product in self:
            product.scenic_warning = False
            if product.service_tracking != "scenic_ticket":
                continue
            try:
                # sudo: the accounts decide, a ticketing manager cannot read them
                product.sudo()._scenic_check_sellable(
                    product.company_id or self.env.company
                )
            except (AccountMissingError, BookingError) as error:
                product.scenic_warning = str(error)

    @api.constrains("service_tracking", "type")
    def _check_scenic_type(self):
        for product in self:
            if product.service_tracking == "scenic_ticket" and (
                product.type != "service"
            ):
                raise ValidationError(
                    self.env._(
                        "“%(product)s” is a ticket product: its type must be Service.",
                        product=product.display_name,
                    )
                )

    @api.depends("scenic_eligibility_ids.active")
    def _compute_scenic_is_concession(self):
        # archived ones count, see :meth:`_scenic_concessions`
        for product in self.with_context(active_test=False):
            product.scenic_is_concession = bool(product.scenic_eligibility_ids)

    @api.constrains("scenic_site_id", "company_id")
    def _check_scenic_site(self):
        # sudo: whoever gives a product to a company need not read its tickets
        products_sudo = self.sudo()
        for product in products_sudo:
            company = product.scenic_site_id.company_id
            if product.company_id and company and product.company_id != company:
                raise ValidationError(
                    self.env._(
                        "“%(product)s” belongs to another company than its issuing "
                        "site.",
                        product=product.display_name,
                    )
                )
        products_sudo.scenic_component_ids._check_site()

    @api.onchange("scenic_site_id")
    def _onchange_scenic_site_id(self):
        if self.scenic_site_id and not self.scenic_component_ids:
            self.scenic_component_ids = [
                fields.Command.create(
                    {
                        "name": self.scenic_site_id.name,
                        "site_id": self.scenic_site_id.id,
                    }
                )
            ]

    @api.onchange("scenic_ticket_kind")
    def _onchange_scenic_ticket_kind(self):
        if self.scenic_ticket_kind != "group":
            self.scenic_min_persons = self.scenic_guide_per = 0
        if self.scenic_ticket_kind in ("member", "staff"):
            self.scenic_revenue_trigger = "straight_line"
            if self.scenic_validity_rule_id.mode not in CARD_MODES:
                self.scenic_validity_rule_id = False
        if self.scenic_ticket_kind == "member":
            self.scenic_real_name = "visitor"
            # who has a card may still buy a ticket on the day it begins
            self.scenic_id_scope = "type"
        if self.scenic_ticket_kind == "staff":
            self.list_price = 0

    @api.model_create_multi
    def create(self, vals_list):
        products = super(
            ProductTemplate, self.with_context(scenic_whole_product=WHOLE_PRODUCT)
        ).create(vals_list)
        products = products.with_env(self.env)
        products._scenic_assign_class_code()
        return products

    def write(self, vals):
        tickets = self.filtered(lambda p: p.service_tracking == "scenic_ticket")
        if vals.keys() & {"scenic_class_code", "service_tracking", "type"}:
            tickets._scenic_check_frozen(vals)
        products = self
        if "scenic_component_ids" in vals:
            products = self.with_context(scenic_whole_product=WHOLE_PRODUCT)
        res = super(ProductTemplate, products).write(vals)
        if "service_tracking" in vals:
            self._scenic_assign_class_code()
        return res

    def copy_data(self, default=None):
        default = dict(default or {})
        left_out = self._scenic_parts_not_copied() - default.keys()
        vals_list = super().copy_data({**default, **dict.fromkeys(left_out)})
        for vals in filter(None, vals_list):
            for name in left_out:
                del vals[name]
        return vals_list

    def copy_translations(self, new, excluded=()):
        excluded = {*excluded, *self._scenic_parts_not_copied()}
        return super().copy_translations(new, excluded)

    def action_view_scenic_prices(self):
        """Open the pricelist rules that can decide on the price of this ticket."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.product_pricelist_item_action"
        )
        return {
            **action,
            "domain": self._scenic_price_domain(),
            "context": {
                "default_applied_on": "1_product",
                "default_product_tmpl_id": self.id,
                "default_compute_price": "fixed",
                "default_fixed_price": self.list_price,
            },
        }

    def action_try_scenic_date(self):
        """Open the question what a sale on a date would give."""
        self.ensure_one()
        action = self.env["ir.actions.act_window"]._for_xml_id(
            "scenic_ticket_base.scenic_product_trial_action"
        )
        return {
            **action,
            "context": {
                "default_product_id": self.product_variant_id.id,
                "default_quantity": max(self.scenic_min_persons, 1),
            },
        }

    def _scenic_price_domain(self):
        """Return the domain of the pricelist rules that can apply to this product."""
        self.ensure_one()
        return Domain("pricelist_id.active", "=", True) & Domain.OR(
            [
                Domain("applied_on", "=", "3_global"),
                Domain("applied_on", "=", "2_product_category")
                & Domain("categ_id", "parent_of", self.categ_id.ids),
                Domain("applied_on", "=", "1_product")
                & Domain("product_tmpl_id", "=", self._origin.id),
                Domain("applied_on", "=", "0_product_variant")
                & Domain("product_id.product_tmpl_id", "=", self._origin.id),
            ]
        )

    def _scenic_parts_not_copied(self):
        """Return the fields to leave out of a copy, a set.

        A product without tickets can be copied by who may read nothing about tickets.
        """
        if "scenic_ticket" in self.mapped("service_tracking"):
            return set()
        return TICKET_PARTS

    def _filtered_audited(self):
        return self.filtered(lambda t: t.service_tracking == "scenic_ticket")

    @api.model
    def _audited_names(self):
        names = super()._audited_names()
        return [n for n in names if n.startswith("scenic_") or n in AUDITED_FIELDS]

    def _scenic_check_frozen(self, vals):
        """Refuse to turn a product with tickets into something else."""
        for product in self:
            if all(
                vals.get(name, product[name]) == product[name]
                for name in ("scenic_class_code", "service_tracking", "type")
            ):
                continue
            # sudo: tickets the user cannot see count as well
            tickets_sudo = self.env["scenic.ticket"].sudo()
            if tickets_sudo.search_count(
                [("product_id.product_tmpl_id", "=", product.id)], limit=1
            ):
                raise ValidationError(
                    self.env._(
                        "Tickets of “%(product)s” exist: it must stay a ticket "
                        "product with the same class code. Archive it and create "
                        "another one.",
                        product=product.display_name,
                    )
                )

    def _scenic_assign_class_code(self):
        """Give every ticket product its number; numbers are never used again."""
        for product in self:
            if product.service_tracking != "scenic_ticket":
                continue
            while not product.scenic_class_code:
                # sudo: the sequence and the products of all companies
                self.env.cr.execute("SELECT nextval('scenic_class_code_seq')")
                [code] = self.env.cr.fetchone()
                taken = (
                    self.sudo()
                    .with_context(active_test=False)
                    .search_count([("scenic_class_code", "=", code)], limit=1)
                )
                if not taken:
                    # sudo: the number is the system's, whoever makes the product
                    product.sudo().scenic_class_code = code
