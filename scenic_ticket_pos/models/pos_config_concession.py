"""Concessions at the window: the best one for a document, and what is refused."""

import math
from zoneinfo import ZoneInfo

from odoo import fields, models

from odoo.addons.scenic_ticket_base.exceptions import BookingError, EligibilityError
from odoo.addons.scenic_ticket_base.tools.id_document import age_on, looks_like_mrz
from odoo.addons.scenic_ticket_base.tools.window import local_day

from ..exceptions import WindowConcessionError, WindowError
from ..tools.document_reader import MAX_TEXT
from .scenic_eligibility import ALL_CATEGORIES, Choice

MAX_LINES = 100


class PosConfig(models.Model):
    _inherit = "pos.config"

    def scenic_propose(self, values, product_id=False, date=None, pricelist_id=False):
        """Propose tickets to a visitor, the lowest lawful price first; keep nothing.

        :param dict values: of the visitor, as :meth:`scenic_check_visitor` takes them,
            and ``height_cm``
        :param int product_id: a ticket for the same place; by default the site of the
            window
        :param str date: day of the visit, by default today at the site
        :param int pricelist_id: of the order, by default the one of the window
        :return: dict of ``visitor`` (as :meth:`scenic_check_visitor`), ``document``
            (its number, or the lines of a passport, which tell more), ``age`` (False:
            not known), ``date`` and ``offers``: dicts of ``product_id``, ``name``,
            ``price``, ``concession``, ``legal_basis``, ``proof`` (what to look at,
            maybe empty) and ``needs_proof`` (nothing but the proof entitles); the first
            offer without a proof to see is the one to sell
        :raise WindowRightError: the user may not sell tickets
        :raise WindowError: nothing is sold here, or the values are not readable
        """
        visitor = self.scenic_check_visitor(values)
        document = self._scenic_document(values, visitor)
        answer = {
            "visitor": visitor,
            "document": document,
            "age": False,
            "date": False,
            "offers": [],
        }
        if visitor["code"] not in (False, "VISITOR_NAME", "DOC_EMPTY"):
            return answer
        issuer, site = self._scenic_proposal_place(product_id)
        today = local_day(fields.Datetime.now(), ZoneInfo(site.tz))
        day, _last = self._scenic_span(today, date, 1)
        facts = {
            "birth_date": self.env["scenic.visitor"]._birth_date_of(
                {**visitor, "doc_number": document}
            )
            if document
            else None,
            "height_cm": visitor.get("height_cm"),
        }
        pricelist = self._scenic_pricelist(pricelist_id)
        rules = self.env["scenic.eligibility"]
        sure = rules._window_offers(issuer, site, facts, day, pricelist)
        maybe = rules._window_offers(
            issuer, site, {**facts, "categories": ALL_CATEGORIES}, day, pricelist
        )
        known = {offer["product"] for offer in sure}
        answer.update(
            age=age_on(facts["birth_date"], day) if facts["birth_date"] else False,
            date=day,
            offers=[
                *(self._scenic_offer(offer, False) for offer in sure),
                *(
                    self._scenic_offer(offer, True)
                    for offer in maybe
                    if offer["product"] not in known
                ),
            ],
        )
        return answer

    def scenic_review(self, lines):
        """Judge lines before money is taken, as the sale will; keep nothing.

        :param list lines: dicts of ``uuid``, ``product_id``, ``qty``, ``visit_date``,
            ``price`` (of one person), ``pricelist_id``, ``visitors``,
            ``proof_checked`` and ``reason``
        :return: list of dicts ``uuid``, ``code``, ``message``, ``proof`` (what to look
            at, maybe empty) and ``state`` (of the exception asked for, or False) of the
            lines that would be refused
        :raise WindowRightError: the user may not sell tickets
        :raise WindowError: the lines are not readable
        """
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()
        if not isinstance(lines, list) or len(lines) > MAX_LINES:
            self._scenic_raise_unreadable_line()
        refused = []
        for line in lines:
            choice = self._scenic_parse_choice(line)
            try:
                self.env["scenic.eligibility"]._window_judge(choice)
            except (EligibilityError, WindowConcessionError) as error:
                refused.append(
                    {
                        "uuid": line["uuid"],
                        "code": error.code,
                        "message": str(error),
                        "proof": self._scenic_proof_text(choice.product),
                        "state": self._scenic_override_state(line["uuid"]),
                    }
                )
            except BookingError:
                # a wrong document is refused where it is typed
                continue
        return refused

    def scenic_ask_concession(self, line, order_ref, reason):
        """Ask a supervisor to accept what the document of a visitor refutes.

        :param dict line: as for :meth:`scenic_review`
        :param str order_ref: receipt number of the order
        :param str reason: why the visitor should have the concession all the same
        :return: state of the exception
        :raise WindowRightError: the user may not sell tickets
        :raise WindowError: the line is not readable, or nothing refuses it
        :raise ReasonMissingError:
        """
        self.ensure_one()
        self.check_access("read")
        self.env["pos.order"]._scenic_check_cashier()
        choice = self._scenic_parse_choice(line)._replace(accepted=False)
        try:
            self.env["scenic.eligibility"]._window_judge(choice)
        except EligibilityError as error:
            if error.code not in ("ELIGIBILITY_AGE", "ELIGIBILITY_HEIGHT"):
                raise
            override = self.env["scenic.concession.override"]._request(
                self,
                choice,
                line["uuid"],
                str(order_ref or ""),
                str(error),
                reason if isinstance(reason, str) else "",
            )
            return override.sudo().state  # sudo: the cashier's own question
        raise WindowError(
            self.env._("The document does not refute this ticket. Take the payment.")
        )

    # ------------------------------------------------------------
    # What a client sent
    # ------------------------------------------------------------

    def _scenic_parse_choice(self, line):
        """Return the ``Choice`` of a line that a client describes."""
        if not isinstance(line, dict):
            self._scenic_raise_unreadable_line()
        product_id, uuid = line.get("product_id"), line.get("uuid")
        try:
            quantity, price = int(line.get("qty")), float(line.get("price"))
            day = fields.Date.to_date(line.get("visit_date")) or None
        except (TypeError, ValueError, OverflowError):
            self._scenic_raise_unreadable_line()
        if (
            type(product_id) is not int
            or not isinstance(uuid, str)
            or not 0 < len(uuid) <= MAX_TEXT
            or not math.isfinite(price)
            or quantity < 1
        ):
            self._scenic_raise_unreadable_line()
        # sudo: what is on sale here does not depend on what the cashier may read
        product_sudo = self.env["product.product"].sudo().browse(product_id).exists()
        if product_sudo.service_tracking != "scenic_ticket":
            self._scenic_raise_unreadable_line()
        self.env["scenic.booking"]._check_seller_sites([{"product_id": product_id}])
        product_sudo.product_tmpl_id._scenic_check_sellable(self.company_id)
        visitors = self.env["pos.order.line"]._scenic_parse_visitors(
            {"scenic_visitors": line.get("visitors")}
        )
        overrides = self.env["scenic.concession.override"]
        return Choice(
            product=self.env["product.product"].browse(product_id),
            quantity=quantity,
            visit_date=day,
            price=price,
            pricelist=self._scenic_pricelist(line.get("pricelist_id")),
            visitors=visitors,
            proof_checked=line.get("proof_checked") is True,
            reason=str(line.get("reason") or "").strip(),
            accepted=bool(overrides._agreed(uuid, product_sudo, quantity, self)),
        )

    def _scenic_raise_unreadable_line(self):
        raise WindowError(
            self.env._("The lines of the order are not readable. Choose them again.")
        )

    def _scenic_pricelist(self, pricelist_id):
        """Return a pricelist that this window has, as superuser, maybe none."""
        # sudo: whoever sells need not read pricelists
        config_sudo = self.sudo()
        available_sudo = config_sudo.available_pricelist_ids | config_sudo.pricelist_id
        chosen_sudo = available_sudo.filtered(lambda p: p.id == pricelist_id)
        return chosen_sudo or config_sudo.pricelist_id

    def _scenic_proposal_place(self, product_id):
        """Return the issuing site and the site to enter of a proposal, as superuser."""
        # sudo: as in :meth:`_scenic_parse_choice`
        products_sudo = self.env["product.product"].sudo()
        if type(product_id) is int and product_id:
            template_sudo = products_sudo.browse(product_id).exists().product_tmpl_id
            issuer_sudo = template_sudo.scenic_site_id
            sites_sudo = template_sudo.scenic_component_ids.site_id
            site_sudo = sites_sudo if len(sites_sudo) == 1 else issuer_sudo
        else:
            site_sudo = issuer_sudo = self._scenic_default_site()
        if not issuer_sudo or issuer_sudo.company_id != self.company_id:
            raise WindowError(
                self.env._(
                    "Choose a ticket for the place to visit first, or ask the "
                    "ticketing manager to set the site of this window."
                )
            )
        return issuer_sudo, site_sudo

    def _scenic_default_site(self):
        """Return the site of this window, else the one area of the company."""
        # sudo: as in :meth:`_scenic_parse_choice`
        areas_sudo = self.env["scenic.site"].sudo()
        areas_sudo = areas_sudo.search(
            [("company_id", "=", self.company_id.id), ("parent_id", "=", False)]
        )
        return self.sudo().scenic_site_id or (
            areas_sudo if len(areas_sudo) == 1 else areas_sudo.browse()
        )

    def _scenic_document(self, values, visitor):
        """Return what tells the age: the lines of a passport, or its number."""
        text = values.get("doc_number") or ""
        if visitor["doc_kind"] == "passport" and looks_like_mrz(text):
            return text
        return visitor["doc_number"]

    def _scenic_offer(self, offer, needs_proof):
        rule_sudo = offer["eligibility"].sudo()
        return {
            "product_id": offer["product"].id,
            "name": offer["product"].display_name,
            "price": offer["price"],
            "concession": offer["reason"],
            "legal_basis": offer["legal_basis"],
            "proof": rule_sudo.proof or "",
            "needs_proof": needs_proof,
        }

    def _scenic_proof_text(self, product):
        """Return what may prove the concessions of a ticket, for the cashier."""
        # sudo: whoever sells need not read the rules
        rules_sudo = product.sudo().product_tmpl_id._scenic_concessions()
        proofs = rules_sudo.filtered("active").mapped(lambda rule: rule.proof or "")
        return " / ".join(dict.fromkeys(filter(None, proofs)))

    def _scenic_override_state(self, uuid):
        # sudo: the cashier's own question
        overrides_sudo = self.env["scenic.concession.override"].sudo()
        return overrides_sudo.search([("line_uuid", "=", uuid)], limit=1).state or False
