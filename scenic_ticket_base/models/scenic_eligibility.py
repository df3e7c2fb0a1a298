from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.exceptions import ValidationError
from odoo.tools import format_list

from ..exceptions import EligibilityError
from ..tools.clauses import join_clauses
from ..tools.window import ages, local_day

CATEGORIES = [
    ("child", "Child"),
    ("minor", "Minor"),
    ("student", "Student"),
    ("elder", "Elder"),
    ("disabled", "Person with a disability"),
    ("military", "Military or veteran"),
    ("rescue", "Fire and rescue, police"),
    ("teacher", "Teacher"),
    ("medical", "Medical staff"),
    ("guide", "Tour guide"),
    ("resident", "Resident"),
    ("other", "Other"),
]


class ScenicEligibility(models.Model):
    """Who may buy a concession. The law is data: nothing of it is in the code."""

    _name = "scenic.eligibility"
    _description = "Concession"
    _inherit = ["scenic.audited"]
    _order = "sequence, id"

    name = fields.Char(required=True, translate=True)
    sequence = fields.Integer(default=10)
    category = fields.Selection(CATEGORIES, required=True, default="other")
    company_id = fields.Many2one(
        "res.company",
        required=True,
        index=True,
        default=lambda self: self.env.company,
    )
    # Age or height, whichever favours the visitor
    age_limited = fields.Boolean(
        string="By Age", help="The age in completed years on the visit date decides."
    )
    age_from = fields.Integer(
        string="Age from", help="Completed years, this age included."
    )
    age_to = fields.Integer(
        string="Age to", help="Completed years, this age included. 0: no upper limit."
    )
    height_to = fields.Integer(
        string="Height up to (cm)",
        help="Who is not taller is entitled at any age. 0: height does not count.",
    )
    # Evidence
    proof = fields.Char(
        translate=True,
        help="What the visitor shows, e.g. a student card.",
    )
    proof_always = fields.Boolean(
        string="Proof in Any Case",
        help="The proof must be seen even if the age or the height is right.",
    )
    legal_basis = fields.Char(
        translate=True, help="Law, notice or decision that the concession rests on."
    )
    companions = fields.Integer(
        help="How many companions of an entitled visitor have the same right, e.g. one "
        "carer."
    )
    # Where and when
    date_from = fields.Date(string="In Force from")
    date_to = fields.Date(string="In Force until", help="The last day, included.")
    site_ids = fields.Many2many(
        "scenic.site", string="Sites", help="Keep empty for all sites of the company."
    )
    product_tmpl_ids = fields.Many2many(
        "product.template",
        "product_template_scenic_eligibility_rel",
        "eligibility_id",
        "product_tmpl_id",
        string="Ticket Products",
        domain="[('service_tracking', '=', 'scenic_ticket')]",
        help="What the entitled visitor may buy.",
    )
    active = fields.Boolean(default=True)
    condition = fields.Char(string="Entitled", compute="_compute_condition")

    _ages = models.Constraint(
        "CHECK (age_from BETWEEN 0 AND 150 AND age_to BETWEEN 0 AND 150 AND "
        "(age_to = 0 OR age_from <= age_to))",
        "Ages are 0 to 150 years, from the lower to the higher one.",
    )
    _height = models.Constraint(
        "CHECK (height_to BETWEEN 0 AND 250)", "A height is 0 to 250 cm."
    )
    _companions_positive = models.Constraint(
        "CHECK (companions BETWEEN 0 AND 9)", "Companions are 0 to 9."
    )
    _dates = models.Constraint(
        "CHECK (date_from <= date_to)", "A concession cannot end before it begins."
    )

    @api.depends(
        "age_limited", "age_from", "age_to", "height_to", "proof", "proof_always"
    )
    @api.depends_context("lang")
    def _compute_condition(self):
        for eligibility in self:
            eligibility.condition = eligibility._condition_text()

    @api.constrains("age_limited", "height_to", "proof", "proof_always", "category")
    def _check_condition(self):
        for eligibility in self:
            limited = eligibility.age_limited or eligibility.height_to
            if not limited and not eligibility.proof:
                raise ValidationError(
                    self.env._(
                        "“%(name)s”: please say by which age, height or proof a "
                        "visitor is entitled.",
                        name=eligibility.name,
                    )
                )
            if eligibility.proof_always and not eligibility.proof:
                raise ValidationError(
                    self.env._(
                        "“%(name)s”: please say which proof must be seen.",
                        name=eligibility.name,
                    )
                )

    @api.constrains("company_id", "site_ids", "product_tmpl_ids")
    def _check_company(self):
        for eligibility in self:
            # sudo: what is linked may belong to a company the user cannot see
            eligibility_sudo = eligibility.sudo()
            companies = (
                eligibility_sudo.site_ids.company_id
                | eligibility_sudo.product_tmpl_ids.scenic_site_id.company_id
            )
            if companies - eligibility.company_id:
                raise ValidationError(
                    self.env._(
                        "“%(name)s”: its sites and ticket products must be of its "
                        "company.",
                        name=eligibility.name,
                    )
                )

    # ------------------------------------------------------------------
    # Judgement
    # ------------------------------------------------------------------

    @api.model
    def _check(self, product, facts):
        """Refuse a concession that what is known contradicts.

        What is not known contradicts nothing: a student who buys on-line shows the
        card at the gate. A proof that somebody has seen settles it.

        :param product: ``product.product`` or ``product.template`` of the line
        :param dict facts: ``visit_date`` (date or None), ``proof_checked`` (bool) and
            ``visitors``, a list of dicts with ``birth_date`` (date or text) and
            ``height_cm``, each of which may be missing; ``accepted``, the same of
            those who have their ticket already and may bring the others
        :raise EligibilityError: ``ELIGIBILITY_DATE``, ``ELIGIBILITY_SITE``,
            ``ELIGIBILITY_AGE`` or ``ELIGIBILITY_HEIGHT``
        """
        # sudo: whoever buys need not read the rules
        product_sudo = product.sudo()
        if product_sudo._name == "product.product":
            product_sudo = product_sudo.product_tmpl_id
        rules_sudo = product_sudo._scenic_concessions()
        if not rules_sudo:
            return
        site = product_sudo.scenic_site_id
        # a ticket without a visit date is judged as if used at once
        day = fields.Date.to_date(facts.get("visit_date")) or local_day(
            fields.Datetime.now(), ZoneInfo(site.tz)
        )
        in_force_sudo = rules_sudo._in_force(site, day)
        if not in_force_sudo:
            rules_sudo._refuse_place_or_day(product_sudo, day)
        if facts.get("proof_checked"):
            return
        visitors = facts.get("visitors") or []
        denied = [
            visitor for visitor in visitors if in_force_sudo._denied(visitor, day)
        ]
        if not denied:
            return
        accepted = facts.get("accepted") or []
        carers = sum(
            in_force_sudo._carers(visitor, day) for visitor in [*visitors, *accepted]
        )
        carers -= sum(in_force_sudo._denied(visitor, day) for visitor in accepted)
        if len(denied) > carers:
            in_force_sudo._refuse_visitor(product_sudo, denied[0], day)

    @api.model
    def _check_move(self, line, day):
        """Refuse a concession that does not hold on another day.

        Who was accepted though the age says otherwise, by height or as a companion,
        stays accepted.

        :param line: ``scenic.booking.line``, as superuser
        :raise EligibilityError: as :meth:`_check`
        """
        rules_sudo = line.product_id.product_tmpl_id._scenic_concessions()
        if not rules_sudo:
            return
        site = line.site_id
        old_day = line.visit_date or local_day(
            line.booking_id.date_confirmed or fields.Datetime.now(), ZoneInfo(site.tz)
        )
        before_sudo = rules_sudo._in_force(site, old_day)
        self._check(
            line.product_id,
            {
                "visit_date": day,
                "visitors": [
                    visitor
                    for visitor in line.holder_ids.filtered("live")._facts()
                    if not before_sudo._denied(visitor, old_day)
                ],
                "proof_checked": line.proof_checked,
            },
        )

    def _in_force(self, site, day):
        """Return those that apply at a site on a day."""
        return self._applying_at(site).filtered(
            lambda e: (
                e.active
                and (not e.date_from or e.date_from <= day)
                and (not e.date_to or day <= e.date_to)
            )
        )

    def _applying_at(self, site):
        """Return those that apply at a site; an area speaks for its spots."""
        areas = site._with_areas()
        return self.filtered(lambda e: not e.site_ids or e.site_ids & areas)

    def _denied(self, visitor, day):
        """Tell whether what is known of a visitor contradicts all of them."""
        return all(rule._fits(visitor, day) is False for rule in self)

    def _carers(self, visitor, day):
        """Return how many companions a visitor may bring who surely is entitled."""
        fitting = self.filtered(lambda rule: rule._fits(visitor, day))
        return max(fitting.mapped("companions"), default=0)

    def _fits(self, visitor, day):
        """Tell whether a visitor is entitled, as far as is known.

        :return: True or False; None when only a proof can tell
        """
        self.ensure_one()
        answers = {self._fits_age(visitor, day), self._fits_height(visitor)}
        if True in answers:
            return None if self.proof_always else True
        return False if False in answers else None

    def _fits_age(self, visitor, day):
        birth_date = fields.Date.to_date(visitor.get("birth_date"))
        if not self.age_limited or not birth_date:
            return None
        return any(
            self.age_from <= age and (not self.age_to or age <= self.age_to)
            for age in ages(birth_date, day)
        )

    def _fits_height(self, visitor):
        height = visitor.get("height_cm")
        if not self.height_to or not height:
            return None
        return height <= self.height_to

    def _refuse_place_or_day(self, product, day):
        if not self._applying_at(product.scenic_site_id):
            raise EligibilityError(
                self.env._(
                    "“%(product)s”: the concession does not apply at %(site)s.",
                    product=product.display_name,
                    site=product.scenic_site_id.name,
                ),
                code="ELIGIBILITY_SITE",
            )
        raise EligibilityError(
            self.env._(
                "“%(product)s”: the concession is not in force on %(date)s.",
                product=product.display_name,
                date=fields.Date.to_string(day),
            ),
            code="ELIGIBILITY_DATE",
        )

    def _refuse_visitor(self, product, visitor, day):
        by_age = any(rule._fits_age(visitor, day) is False for rule in self)
        raise EligibilityError(
            self.env._(
                "“%(product)s” is for: %(conditions)s. What is known of the visitor "
                "says otherwise. Sell another ticket, or check the proof and confirm "
                "it.",
                product=product.display_name,
                conditions=join_clauses(self.env, [rule._text() for rule in self]),
            ),
            code="ELIGIBILITY_AGE" if by_age else "ELIGIBILITY_HEIGHT",
        )

    # ------------------------------------------------------------------
    # The lowest lawful price
    # ------------------------------------------------------------------

    @api.model
    def _propose(self, site, facts, date, pricelist=None):
        """Return the tickets that admit to a site, the lowest lawful price first.

        A ticket with concessions is offered only if one of them surely is met.

        :param site: ``scenic.site``
        :param dict facts: of one visitor: ``birth_date``, ``height_cm`` and
            ``categories``, the categories for which a proof was seen; each may be
            missing
        :param date date: visit date
        :param pricelist: ``product.pricelist`` of the sale, by default list prices
        :return: list of dicts ``product`` (``product.product``), ``price``,
            ``eligibility`` (``scenic.eligibility``, maybe empty), ``reason`` and
            ``legal_basis`` (texts)
        """
        # sudo: the answer is about prices; who may ask is for the caller to say
        products_sudo = self.env["product.product"].sudo()
        site_sudo = site.sudo()
        candidates_sudo = products_sudo.search(
            [
                ("service_tracking", "=", "scenic_ticket"),
                ("scenic_ticket_kind", "=", "individual"),
                ("scenic_component_ids.site_id", "=", site_sudo.id),
                ("scenic_site_id.company_id", "=", site_sudo.company_id.id),
                ("sale_ok", "=", True),
            ]
        ).filtered(
            lambda p: (
                p.scenic_component_ids.site_id == site_sudo
                and p.product_tmpl_id._scenic_possible_on(date)
            )
        )
        # sudo: whoever may sell need not read pricelists
        pricelist_sudo = (pricelist or self.env["product.pricelist"]).sudo()
        offers = []
        for product_sudo in candidates_sudo:
            rule_sudo = product_sudo.product_tmpl_id._scenic_entitlement_to(facts, date)
            if rule_sudo is None:
                continue
            offers.append(
                {
                    "product": self.env["product.product"].browse(product_sudo.id),
                    "price": pricelist_sudo._get_product_price(
                        product_sudo, 1.0, date=date
                    ),
                    "eligibility": self.browse(rule_sudo.id),
                    "reason": rule_sudo._text() if rule_sudo else "",
                    "legal_basis": rule_sudo.legal_basis or "",
                }
            )
        return sorted(
            offers, key=lambda o: (o["price"], not o["eligibility"], o["product"].id)
        )

    def _entitled(self, facts, day):
        """Return the first of these concessions that is surely met, or none."""
        proven = set(facts.get("categories") or ())
        for rule in self:
            fits = rule._fits(facts, day)
            if fits or (fits is None and rule.category in proven):
                return rule
        return self.browse()

    # ------------------------------------------------------------------
    # In words
    # ------------------------------------------------------------------

    def _text(self):
        """Return who is entitled: ``Child (age up to 6 or height up to 120 cm)``."""
        self.ensure_one()
        return self.env._(
            "%(name)s (%(conditions)s)",
            name=self.name or "",
            conditions=self._condition_text(),
        )

    def _condition_text(self):
        conditions = []
        if self.age_limited:
            conditions.append(self._age_text())
        if self.height_to:
            conditions.append(
                self.env._("height up to %(height)s cm", height=self.height_to)
            )
        text = format_list(self.env, conditions, style="or") if conditions else ""
        if not self.proof or (conditions and not self.proof_always):
            return text
        proof = self.env._("with proof: %(proof)s", proof=self.proof)
        if not text:
            return proof
        return self.env._("%(text)s, %(proof)s", text=text, proof=proof)

    def _age_text(self):
        values = {"first": self.age_from, "last": self.age_to}
        if not self.age_to:
            return self.env._("age %(first)s and above", **values)
        if not self.age_from:
            return self.env._("age up to %(last)s", **values)
        return self.env._("age %(first)s to %(last)s", **values)
