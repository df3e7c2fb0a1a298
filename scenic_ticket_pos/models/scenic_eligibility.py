"""What the window asks of a concession: a proof that was seen, and a reason."""

from typing import NamedTuple
from zoneinfo import ZoneInfo

from odoo import api, fields, models
from odoo.tools import format_amount, format_list

from odoo.addons.scenic_ticket_base.models.scenic_eligibility import CATEGORIES
from odoo.addons.scenic_ticket_base.tools.window import local_day

from ..exceptions import WindowConcessionError

ALL_CATEGORIES = [category for category, _name in CATEGORIES]


class Choice(NamedTuple):
    """What a line of the window sells to whom.

    product: ``product.product``
    quantity: persons
    visit_date: day of the visit, None: not for a day
    price: of one person, discount taken off, as the pricelist counts
    pricelist: ``product.pricelist``, maybe empty
    visitors: values of those who were named, as a channel gives them
    proof_checked: the cashier saw the proof
    reason: why a dearer ticket than the best one, or ""
    accepted: a supervisor accepted that the document says otherwise
    """

    product: models.BaseModel
    quantity: int
    visit_date: object
    price: float
    pricelist: models.BaseModel
    visitors: list
    proof_checked: bool
    reason: str
    accepted: bool


class ScenicEligibility(models.Model):
    _inherit = "scenic.eligibility"

    @api.model
    def _window_judge(self, choice):
        """Refuse what the window may not sell to these persons without a word.

        A proof settles what no document tells; what a document refutes, only a
        supervisor may accept.

        :param choice: :class:`Choice`
        :return: dict ``concession`` (the first one that applies, maybe empty) and
            ``better`` (the offer that was passed over, or None)
        :raise EligibilityError: the document of a visitor refutes the concession
        :raise WindowConcessionError: ``CONCESSION_PROOF``, nobody has seen a proof;
            ``CONCESSION_REASON``, a visitor may have a cheaper ticket by law
        :raise BookingError: a document is wrong
        """
        # sudo: whoever sells need not read the rules
        template_sudo = choice.product.sudo().product_tmpl_id
        site = template_sudo.scenic_site_id
        day = choice.visit_date or local_day(fields.Datetime.now(), ZoneInfo(site.tz))
        visitors = self.env["scenic.visitor"]
        facts = [
            {
                "birth_date": visitors._birth_date_of(visitor)
                if visitor.get("doc_number")
                else None,
                "height_cm": visitor.get("height_cm"),
            }
            for visitor in choice.visitors
        ]
        rules_sudo = template_sudo._scenic_concessions()
        in_force_sudo = rules_sudo._in_force(site, day)
        if rules_sudo and not choice.accepted:
            self._check(choice.product, {"visit_date": day, "visitors": facts})
            self._window_check_proof(choice, in_force_sudo, facts, day)
        better = self._window_better(choice, facts, day)
        if better and not choice.reason:
            raise WindowConcessionError(
                self.env._(
                    "By the document a visitor is entitled to “%(product)s” for "
                    "%(price)s: %(concession)s%(basis)s. Sell that, or say why not.",
                    product=better["product"].display_name,
                    price=format_amount(
                        self.env, better["price"], site.company_id.currency_id
                    ),
                    concession=better["reason"],
                    basis=better["legal_basis"] and f" · {better['legal_basis']}",
                ),
                code="CONCESSION_REASON",
            )
        met_sudo = next(
            (rule for fact in facts if (rule := in_force_sudo._entitled(fact, day))),
            in_force_sudo[:1],
        )
        return {"concession": met_sudo, "better": better}

    @api.model
    def _window_check_proof(self, choice, in_force_sudo, facts, day):
        """Check that each person is entitled by a document or by a proof."""
        if choice.proof_checked:
            return
        entitled = sum(bool(in_force_sudo._entitled(fact, day)) for fact in facts)
        entitled += sum(in_force_sudo._carers(fact, day) for fact in facts)
        if entitled >= choice.quantity:
            return
        raise WindowConcessionError(
            self.env._(
                "“%(product)s” is for: %(conditions)s. Read the document, or look at "
                "the proof and confirm that you saw it.",
                product=choice.product.display_name,
                conditions=format_list(
                    self.env, [rule._text() for rule in in_force_sudo], style="or"
                ),
            ),
            code="CONCESSION_PROOF",
        )

    @api.model
    def _window_better(self, choice, facts, day):
        """Return the offer that the law grants a visitor below this price, or None."""
        template = choice.product.product_tmpl_id
        if template.scenic_ticket_kind != "individual":
            return None
        # sudo: whoever sells need not read the components
        site_sudo = template.sudo().scenic_component_ids.site_id
        if len(site_sudo) != 1:
            return None
        # what any proof might entitle to; then each visitor is looked at by himself
        offers = [
            offer
            for offer in self._window_offers(
                template.scenic_site_id,
                site_sudo,
                {"categories": ALL_CATEGORIES},
                day,
                choice.pricelist,
            )
            if offer["eligibility"]
            and site_sudo.company_id.currency_id.compare_amounts(
                offer["price"], choice.price
            )
            < 0
        ]
        for fact in facts:
            for offer in offers:
                cheaper_sudo = offer["product"].sudo().product_tmpl_id
                rule_sudo = cheaper_sudo._scenic_entitlement_to(fact, day)
                if rule_sudo:
                    return {
                        **offer,
                        "eligibility": self.browse(rule_sudo.id),
                        "reason": rule_sudo._text(),
                        "legal_basis": rule_sudo.legal_basis or "",
                    }
        return None

    @api.model
    def _window_offers(self, issuer, site, facts, day, pricelist):
        """Return what a window of this issuing site may offer; see :meth:`_propose`."""
        # sudo: what is on sale does not depend on what the cashier may read
        return [
            offer
            for offer in self._propose(site, facts, day, pricelist)
            if (product_sudo := offer["product"].sudo()).available_in_pos
            and product_sudo.scenic_site_id == issuer
        ]
