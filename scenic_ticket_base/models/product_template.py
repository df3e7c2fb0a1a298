from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_list

from ..exceptions import (
    AccountMissingError,
    BookingError,
)

TICKET_KINDS = [
    ("individual", "Individual"),
    ("group", "Group"),
    ("member", "Member Card"),
    ("staff", "Staff Card"),
]

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
        [
            ("admission", "Passed admission"),
            ("visit_date", "Visit date"),
            ("straight_line", "Day by day over the validity"),
        ],
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
    )
    scenic_validity_rule_id = fields.Many2one(
        "scenic.validity.rule",
        string="Validity Rule",
        index="btree_not_null",
        ondelete="restrict",
        tracking=True,
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
        string="What It Allows", compute="_compute_scenic_summary"
    )
    scenic_warning = fields.Char(
        string="Not Ready for Sale", compute="_compute_scenic_warning"
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
        "scenic_ticket_kind",
        "scenic_component_ids.name",
        "scenic_component_ids.entries",
        "scenic_component_ids.site_id",
        "scenic_validity_rule_id.mode",
        "scenic_validity_rule_id.days",
    )
    @api.depends_context("lang")
    def _compute_scenic_summary(self):
        for product in self:
            rule = product.scenic_validity_rule_id
            components = product.scenic_component_ids
            if not rule or not components:
                product.scenic_summary = False
                continue
            places = format_list(
                self.env,
                [
                    self.env._(
                        "%(place)s %(entries)s×",
                        place=component.name or component.site_id.name or "",
                        entries=component.entries,
                    )
                    for component in components
                ],
            )
            values = {"places": places, "days": rule.days}
            if product.scenic_ticket_kind == "group":
                if rule.mode == "visit_date":
                    text = self.env._(
                        "One ticket for the whole group; each person enters: "
                        "%(places)s; valid %(days)s day(s) from the visit date.",
                        **values,
                    )
                else:
                    text = self.env._(
                        "One ticket for the whole group; each person enters: "
                        "%(places)s; valid %(days)s day(s) from the day of sale.",
                        **values,
                    )
            elif rule.mode == "visit_date":
                text = self.env._(
                    "One ticket per person; enters: %(places)s; valid %(days)s "
                    "day(s) from the visit date.",
                    **values,
                )
            else:
                text = self.env._(
                    "One ticket per person; enters: %(places)s; valid %(days)s "
                    "day(s) from the day of sale.",
                    **values,
                )
            product.scenic_summary = text

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

    @api.constrains("scenic_site_id", "company_id")
    def _check_scenic_site(self):
        for product in self:
            company = product.scenic_site_id.company_id
            if product.company_id and company and product.company_id != company:
                raise ValidationError(
                    self.env._(
                        "“%(product)s” belongs to another company than its issuing "
                        "site.",
                        product=product.display_name,
                    )
                )
        self.scenic_component_ids._check_site()

    @api.constrains("scenic_deferral_account_id", "property_account_income_id")
    def _check_scenic_accounts(self):
        for product in self:
            account = product.scenic_deferral_account_id
            if account and account == product.property_account_income_id:
                raise ValidationError(
                    self.env._(
                        "“%(product)s”: the deferral account must differ from the "
                        "income account, where revenue goes after admission.",
                        product=product.display_name,
                    )
                )

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

    @api.model_create_multi
    def create(self, vals_list):
        products = super().create(vals_list)
        products._scenic_assign_class_code()
        return products

    def write(self, vals):
        tickets = self.filtered(lambda p: p.service_tracking == "scenic_ticket")
        if vals.keys() & {"scenic_class_code", "service_tracking", "type"}:
            tickets._scenic_check_frozen(vals)
        res = super().write(vals)
        if "service_tracking" in vals:
            self._scenic_assign_class_code()
        return res

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
                    product.sudo().scenic_class_code = code

    def _get_product_accounts(self):
        accounts = super()._get_product_accounts()
        if self.service_tracking == "scenic_ticket":
            accounts["scenic_revenue"] = accounts["income"]
            accounts["income"] = self._scenic_deferral_account()
        return accounts

    def _scenic_deferral_account(self):
        """Return the account where a sold ticket waits for admission.

        :raise AccountMissingError: none is set; the text says where to set it
        """
        self.ensure_one()
        company = self.company_id or self.env.company
        account = (
            self.with_company(company).scenic_deferral_account_id
            or company.sudo().scenic_liability_account_id
        )
        if not account:
            raise AccountMissingError(
                self.env._(
                    "No contract liability account for “%(product)s”. Set it in "
                    "Settings ‣ Scenic Ticket for company %(company)s, or on the "
                    "product under Ticket.",
                    product=self.display_name,
                    company=company.name,
                )
            )
        return account

    def _scenic_revenue_account(self):
        """Return the account that earns the price on admission.

        :raise AccountMissingError: none is set, or it is the deferral account
        """
        self.ensure_one()
        company = self.company_id or self.env.company
        accounts = self.with_company(company)._get_product_accounts()
        account = accounts["scenic_revenue"]
        if not account:
            raise AccountMissingError(
                self.env._(
                    "No income account for “%(product)s”. Set it on the product, on "
                    "its category, or as the default of company %(company)s.",
                    product=self.display_name,
                    company=company.name,
                )
            )
        if account == accounts["income"]:
            raise AccountMissingError(
                self.env._(
                    "“%(product)s”: income account and contract liability account "
                    "are the same (%(account)s), so admission could not earn "
                    "revenue. Set another income account on the product or its "
                    "category.",
                    product=self.display_name,
                    account=account.display_name,
                )
            )
        return account

    def _scenic_check_sellable(self, company):
        """Check that tickets of this product can be issued for a company.

        :raise BookingError: the ticket definition is not complete
        :raise AccountMissingError: an account is not set
        """
        self.ensure_one()
        if self.service_tracking != "scenic_ticket":
            raise BookingError(
                self.env._(
                    "“%(product)s” is not a ticket product.", product=self.display_name
                ),
                code="PRODUCT_NOT_TICKET",
            )
        missing = [
            self._fields[name]._description_string(self.env)
            for name in (
                "scenic_site_id",
                "scenic_ticket_kind",
                "scenic_validity_rule_id",
                "scenic_component_ids",
            )
            if not self[name]
        ]
        if missing:
            raise BookingError(
                self.env._(
                    "“%(product)s” cannot be sold: please fill in %(fields)s.",
                    product=self.display_name,
                    fields=format_list(self.env, missing),
                ),
                code="PRODUCT_INCOMPLETE",
            )
        if self.scenic_site_id.company_id != company:
            raise BookingError(
                self.env._(
                    "“%(product)s” is issued by a site of %(owner)s and cannot be sold "
                    "by %(company)s.",
                    product=self.display_name,
                    owner=self.scenic_site_id.company_id.name,
                    company=company.name,
                ),
                code="PRODUCT_COMPANY",
            )
        self.with_company(company)._scenic_revenue_account()
