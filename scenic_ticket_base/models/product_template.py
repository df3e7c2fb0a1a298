import functools
import operator
from collections import Counter
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.fields import Domain
from odoo.tools import format_list

from ..exceptions import (
    AccountMissingError,
    BookingError,
)
from ..tools.clauses import join_clauses
from ..tools.window import Window, local_day
from .scenic_validity_rule import CARD_MODES, DAY_MODES

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
        help="Only visitors with one of these concessions may buy the ticket. Keep "
        "empty for a ticket that everybody may buy.",
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

    @api.constrains(
        "service_tracking",
        "list_price",
        "scenic_ticket_kind",
        "scenic_real_name",
        "scenic_group_codes",
        "scenic_min_persons",
        "scenic_guide_per",
        "scenic_in_sequence",
        "scenic_minutes_from_first",
        "scenic_validity_rule_id",
        "scenic_revenue_trigger",
        "scenic_component_ids",
        "scenic_eligibility_ids",
    )
    def _check_scenic_definition(self):
        """Refuse combinations that no ticket could keep.

        :raise ValidationError: which says what to change
        """
        for product in self:
            if product.service_tracking != "scenic_ticket":
                continue
            for text in (
                product._scenic_kind_fault()
                or product._scenic_component_fault()
                or product._scenic_revenue_fault()
            ):
                raise ValidationError(
                    self.env._(
                        "“%(product)s”: %(fault)s",
                        product=product.display_name,
                        fault=text,
                    )
                )
        self.scenic_eligibility_ids._check_company()

    def _scenic_kind_fault(self):
        """Return why the fields do not fit the kind of the ticket, in a list."""
        kind, rule = self.scenic_ticket_kind, self.scenic_validity_rule_id
        if kind != "group" and (self.scenic_min_persons or self.scenic_guide_per):
            return [
                self.env._(
                    "minimum group size and free guides are for group tickets only. "
                    "Set both to 0, or choose the kind Group."
                )
            ]
        if (
            kind == "group"
            and self.scenic_group_codes == "one"
            and self.scenic_min_persons > MAX_PERSONS
        ):
            return [
                self.env._(
                    "one code is for %(max)s persons at most. Choose one code per "
                    "person, or a smaller minimum group size.",
                    max=MAX_PERSONS,
                )
            ]
        if kind in ("member", "staff") and rule and rule.mode not in CARD_MODES:
            return [
                self.env._(
                    "a card is valid for a period, and “%(rule)s” hangs on one visit. "
                    "Choose a validity rule for a period, a date range or a number of "
                    "days from the sale.",
                    rule=rule.name,
                )
            ]
        if kind == "member" and self.scenic_real_name != "visitor":
            return [
                self.env._(
                    "a member card is sold by name. Set Real Names to Every visitor."
                )
            ]
        if kind == "staff" and self.list_price:
            return [self.env._("a staff card is given, not sold. Set its price to 0.")]
        return []

    def _scenic_component_fault(self):
        """Return why the components cannot work together, in a list."""
        components = self.scenic_component_ids
        if not components:
            return []
        if self.scenic_in_sequence:
            if len(components) < 2:
                return [
                    self.env._("a sequence needs two components or more."),
                ]
            if any(components.mapped("choice_group")):
                return [
                    self.env._(
                        "of an either-or only one component is used, so the others "
                        "would block the sequence. Take away one of the two."
                    )
                ]
        if self.scenic_minutes_from_first and not (
            len(components) > 1 or components.entries > 1 or components.unlimited
        ):
            return [
                self.env._(
                    "minutes from the first use mean nothing for a single entry. Set "
                    "them to 0, or give the ticket more entries."
                )
            ]
        sizes = Counter(components.filtered("choice_group").mapped("choice_group"))
        for number, size in sizes.items():
            if size < 2:
                return [
                    self.env._(
                        "either-or %(number)s has one component only. Give the same "
                        "number to another component, or set it to 0.",
                        number=number,
                    )
                ]
        return []

    def _scenic_revenue_fault(self):
        """Return why revenue could not be earned as chosen, in a list."""
        trigger, rule = self.scenic_revenue_trigger, self.scenic_validity_rule_id
        unlimited = any(self.scenic_component_ids.mapped("unlimited"))
        if unlimited and trigger == "admission":
            return [
                self.env._(
                    "with any number of entries no single entry has a price. Let "
                    "revenue be earned day by day over the validity, or on the visit "
                    "date."
                )
            ]
        if trigger == "visit_date" and rule and rule.mode not in DAY_MODES:
            return [
                self.env._(
                    "revenue on the visit date needs a validity rule with a visit "
                    "date, unlike “%(rule)s”.",
                    rule=rule.name,
                )
            ]
        return []

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
            # sudo: an account is the company's setting, not the user's
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

    # ------------------------------------------------------------------
    # Services of the booking
    # ------------------------------------------------------------------

    def _scenic_windows(self, sale_datetime, visit_date, slot=None):
        """Return when a ticket and each of its components may be used.

        Called once per booking line. A time slot limits the components at its site.

        :param datetime sale_datetime: naive UTC
        :param date visit_date: maybe None
        :param slot: ``scenic.slot``, maybe empty
        :return: ``(window, {component: window})``, both ``tools.window.Window``;
            the first one spans the others
        :raise BookingError: see ``scenic.validity.rule._window``
        """
        self.ensure_one()
        timed = self._scenic_slot_components(slot)
        windows = {}
        for component in self.scenic_component_ids:
            rule = component.validity_rule_id or self.scenic_validity_rule_id
            windows[component] = rule._window(
                component.site_id,
                sale_datetime,
                visit_date,
                slot=slot if component in timed else None,
                template=self,
            )
        first_day = min(w.first_day for w in windows.values())
        last_day = max(w.last_day for w in windows.values())
        whole = Window(
            first_day,
            (last_day - first_day).days + 1,
            min(w.valid_from for w in windows.values()),
            max(w.valid_to for w in windows.values()),
            functools.reduce(operator.or_, (w.weekdays for w in windows.values())),
            min(w.minute_from for w in windows.values()),
            max(w.minute_to for w in windows.values()),
        )
        return whole, windows

    def _scenic_slot_components(self, slot):
        """Return the components that a time slot is for."""
        components = self.scenic_component_ids
        if not slot:
            return components.browse()
        site = slot.site_id
        return (
            components.filtered(lambda c: c.site_id == site)
            or components.filtered(
                lambda c: c.site_id.parent_path.startswith(site.parent_path)
            )
            or components
        )

    def _scenic_check_date(self, visit_date, slot=None, sold_at=None):
        """Check that a visit on a date can take place, and is not over.

        :param date visit_date: maybe None
        :param slot: ``scenic.slot``, maybe empty
        :param datetime sold_at: naive UTC, by default now
        :raise BookingError: ``VISIT_DATE_MISSING``, ``DATE_WEEKDAY``,
            ``DATE_BLACKOUT``, ``DATE_CLOSED`` or ``DATE_RANGE``, which know their
            ``next_date``
        """
        self.ensure_one()
        now = fields.Datetime.now()
        window, _windows = self._scenic_windows(sold_at or now, visit_date, slot)
        if window.valid_to <= now:
            rule, site = self.scenic_validity_rule_id, self.scenic_site_id
            rule._refuse_date(
                "DATE_CLOSED",
                rule._calendar(site),
                visit_date or window.last_day,
                (window.first_day, window.last_day),
                site,
                local_day(now, ZoneInfo(site.tz)),
            )

        self._scenic_check_open(visit_date, slot)

    def _scenic_check_open(self, visit_date, slot=None):
        """Check that no place of this ticket is closed for a reason of its own.

        :raise BookingError: ``SITE_CLOSED``
        """
        self.ensure_one()
        sites = self.scenic_component_ids.site_id
        closure = sites._closed(visit_date, slot)
        if closure:
            # sudo: what is closed is said to whoever wants to buy
            raise BookingError(
                self.env._(
                    "%(closure)s. Please choose another date.",
                    closure=closure.sudo()._text(),
                ),
                code="SITE_CLOSED",
            )

    def _scenic_possible_on(self, visit_date):
        """Tell whether a visit on a date, sold now, can take place."""
        try:
            self._scenic_check_date(visit_date)
        except BookingError:
            return False
        return True

    def _scenic_concessions(self):
        """Return the concessions of this ticket, archived ones included.

        A ticket whose concessions were archived is for nobody, not for everybody.
        """
        return self.with_context(active_test=False).scenic_eligibility_ids

    def _scenic_entitlement_to(self, facts, day):
        """Return the concession by which a visitor may buy this ticket.

        :param dict facts: see ``scenic.eligibility._propose``
        :return: ``scenic.eligibility``, empty for a ticket that everybody may buy;
            None when nothing entitles the visitor
        """
        self.ensure_one()
        rules = self._scenic_concessions()
        if not rules:
            return rules
        return rules._in_force(self.scenic_site_id, day)._entitled(facts, day) or None

    def _scenic_group_persons(self, quantity):
        """Return for how many persons each ticket of a booking line is.

        Free guides come on top of the persons who pay, and last: a code for the whole
        group admits them too, and with a code each the last tickets are theirs.

        :param int quantity: persons who pay
        :return: ``(list of persons per ticket, number of free guides)``; the list adds
            up to ``quantity`` and the guides
        :raise BookingError: ``GROUP_TOO_SMALL`` or ``GROUP_TOO_LARGE``
        """
        self.ensure_one()
        if self.scenic_ticket_kind != "group":
            return [1] * quantity, 0
        if quantity < self.scenic_min_persons:
            raise BookingError(
                self.env._(
                    "“%(product)s” is for %(minimum)s persons or more, not "
                    "%(quantity)s.",
                    product=self.display_name,
                    minimum=self.scenic_min_persons,
                    quantity=quantity,
                ),
                code="GROUP_TOO_SMALL",
            )
        guides = quantity // self.scenic_guide_per if self.scenic_guide_per else 0
        if self.scenic_group_codes == "each":
            return [1] * (quantity + guides), guides
        if quantity + guides > MAX_PERSONS:
            raise BookingError(
                self.env._(
                    "A group ticket is for %(max)s persons at most, not "
                    "%(quantity)s. Please book several groups.",
                    max=MAX_PERSONS,
                    quantity=quantity + guides,
                ),
                code="GROUP_TOO_LARGE",
            )
        return [quantity + guides], guides

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

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

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
