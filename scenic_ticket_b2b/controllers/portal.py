import re
import secrets
import unicodedata
from datetime import date, timedelta

from psycopg2.errors import UniqueViolation

from odoo import http
from odoo.exceptions import AccessError, ConcurrencyError, MissingError, UserError
from odoo.fields import Domain
from odoo.http import request
from odoo.tools import formatLang, mute_logger

from odoo.addons.portal.controllers.portal import CustomerPortal
from odoo.addons.portal.controllers.portal import pager as portal_pager
from odoo.addons.scenic_ticket_base.controllers.portal import HEADERS
from odoo.addons.scenic_ticket_base.tools.lock_first import lock_first

FORM_TOKEN = re.compile(r"[A-Za-z0-9_-]{16,64}")
PHONE = re.compile(r"[0-9+()\-. ]{0,32}")
# What a person can order in one go; contracts set lower limits.
MOST_PERSONS = 5000
FORM_TOKEN_INDEX = "sale_order_scenic_form_token_uniq"
TEXT_LIMITS = {"client_order_ref": 64, "guide_name": 64, "remark": 200}
CODES_PER_PAGE = 50
TICKETS_PER_PDF = 100


class ScenicAgencyPortal(CustomerPortal):
    # === HOME === #

    def _prepare_home_portal_values(self, counters):
        values = super()._prepare_home_portal_values(counters)
        agency = request.env.user.partner_id._scenic_agency()
        if "scenic_product_count" in counters:
            values["scenic_product_count"] = len(
                self._scenic_grants(agency).product_tmpl_id
            )
        if "scenic_order_count" in counters:
            values["scenic_order_count"] = (
                request.env["sale.order"].search_count(
                    self._scenic_orders_domain(agency), limit=100
                )
                if agency
                else 0
            )
        return values

    # === ACCESS === #

    def _scenic_grants(self, agency):
        # sudo: agencies have no right on contracts beyond reading their own, nor on
        # products and pricelists; the grants of this very agency bound what follows
        return agency.sudo()._scenic_grants(request.env.company)

    def _scenic_orders_domain(self, agency):
        return Domain("partner_id.commercial_partner_id", "=", agency.id) & Domain(
            "scenic_booking_id", "!=", False
        )

    def _scenic_own_order(self, order_id):
        """The order, sudoed, if the user may see its tickets.

        :raise: AccessError, MissingError
        """
        order_sudo = self._document_check_access("sale.order", order_id)
        booking_sudo = order_sudo.scenic_booking_id
        if not booking_sudo:
            raise MissingError(request.env._("This document does not exist."))
        self._document_check_access("scenic.booking", booking_sudo.id)
        return order_sudo

    def _scenic_booking_or_response(self, booking_id, access_token):
        """The booking, sudoed, or the answer to somebody who may not see it."""
        if access_token and not access_token.isascii():
            # Comparing it in constant time would not be possible
            raise request.not_found()
        try:
            return self._document_check_access(
                "scenic.booking", booking_id, access_token
            ), None
        except (AccessError, MissingError):
            if request.env.user._is_public() and not access_token:
                path = request.httprequest.full_path.rstrip("?")
                return None, request.redirect_query("/web/login", {"redirect": path})
            raise request.not_found() from None

    # === ORDER FORM === #

    @http.route("/my/tickets", type="http", auth="user", website=True)
    def scenic_order_form(self, visit_date=None, **kwargs):
        """Granted products with the agency's prices, and the order form."""
        agency = request.env.user.partner_id._scenic_agency()
        if not agency:
            raise request.not_found()
        grants = self._scenic_grants(agency)
        day = self._scenic_parse_date(visit_date) or self._scenic_default_date(grants)
        return self._scenic_render_form(agency, grants, {"visit_date": day}, {})

    def _scenic_default_date(self, grants):
        """Tomorrow, or the first day for which anything can be ordered."""
        days = [
            grant._window(grant.product_tmpl_id._scenic_today()) for grant in grants
        ]
        today = min(
            (grant.product_tmpl_id._scenic_today() for grant in grants),
            default=date.today(),
        )
        tomorrow = today + timedelta(days=1)
        if not days or any(first <= tomorrow <= last for first, last in days):
            return tomorrow
        return min(first for first, _last in days)

    def _scenic_render_form(self, agency, grants, data, errors, status=200):
        """The form page.

        :param data: input as understood so far: visit_date, raw_visit_date,
            quantities {product id: text}, details
        :param errors: {field name: message}
        """
        # sudo: agencies may not read pricelists; only their own prices come out
        SaleOrder = request.env["sale.order"].sudo()
        day = data.get("visit_date") or self._scenic_default_date(grants)
        rows = SaleOrder._scenic_quote_products(agency.sudo(), grants, day)
        values = self._prepare_portal_layout_values()
        values.update(
            {
                "page_name": "scenic_tickets",
                "agency": agency,
                "rows": [self._scenic_format_row(row) for row in rows],
                "first_date": min((row["first"] for row in rows), default=day),
                "last_date": max((row["last"] for row in rows), default=day),
                "visit_date": data.get("raw_visit_date") or day.isoformat(),
                "quantities": data.get("quantities", {}),
                "details": data.get("details", {}),
                "errors": errors,
                # A form that failed may be sent again under its token: it made nothing
                "form_token": data.get("form_token") or secrets.token_urlsafe(24),
                "currency": request.env.company.currency_id,
            }
        )
        response = request.render("scenic_ticket_b2b.portal_order_form", values)
        response.status_code = status
        # The token in it belongs to one form: a copy from a cache must not be re-used
        response.headers["Cache-Control"] = "no-store"
        return response

    def _scenic_money(self, amount):
        return formatLang(
            request.env, amount, currency_obj=request.env.company.currency_id
        )

    def _scenic_format_row(self, row):
        template = row["product"].product_tmpl_id
        kinds = dict(
            template._fields["scenic_ticket_kind"]._description_selection(request.env)
        )
        return {
            **row,
            "id": row["product"].id,
            "name": row["product"].display_name,
            "kind": template.scenic_ticket_kind,
            "kind_label": kinds.get(template.scenic_ticket_kind, ""),
            "site": template.scenic_site_id.name,
            "summary": template.scenic_summary,
            "price": self._scenic_money(row["tiers"][0][1]) if row["tiers"] else "",
            "tiers": [
                {"least": least, "price": self._scenic_money(price)}
                for least, price in row["tiers"]
            ],
        }

    def _scenic_is_text(self, text):
        """Whether this is one line of text that can be stored."""
        return not any(unicodedata.category(char) in ("Cc", "Cs") for char in text)

    def _scenic_parse_date(self, text):
        try:
            return date.fromisoformat((text or "").strip())
        except ValueError:
            return None

    def _scenic_parse_quantities(self, pairs, products):
        """Read persons per product.

        :param pairs: iterable of (product id text, quantity text)
        :return: ([(product, persons)], {field: message})
        """
        chosen, errors = [], {}
        by_id = {str(product.id): product for product in products}
        for product_id, text in pairs:
            text = str(text).strip()
            if text in ("", "0"):
                continue
            name = f"qty_{product_id}"
            product = by_id.get(product_id)
            if product is None:
                errors["products"] = request.env._(
                    "One of the chosen products is not available to you. The list "
                    "below shows what you can order."
                )
            elif not text.isascii() or not text.isdigit():
                errors[name] = request.env._("Enter a whole number of persons.")
            elif len(text) > 6 or int(text) > MOST_PERSONS:
                errors[name] = request.env._(
                    "At most %(most)s persons can be ordered at once.",
                    most=MOST_PERSONS,
                )
            elif int(text):
                chosen.append((product, int(text)))
        return chosen, errors

    def _scenic_parse_form(self, grants, post):
        """Understand the posted form.

        :return: (data for the form page, [(product, persons, visit date)], errors)
        """
        pairs = [(key[4:], post[key]) for key in post if key.startswith("qty_")]
        products = grants.product_tmpl_id.product_variant_ids
        chosen, errors = self._scenic_parse_quantities(pairs, products)
        details = {}
        for name, limit in TEXT_LIMITS.items():
            details[name] = (post.get(name) or "").strip()
            if len(details[name]) > limit:
                errors[name] = request.env._(
                    "At most %(limit)s characters.", limit=limit
                )
            elif not self._scenic_is_text(details[name]):
                errors[name] = request.env._("Write it in one line of plain text.")
        details["guide_phone"] = (post.get("guide_phone") or "").strip()
        if not PHONE.fullmatch(details["guide_phone"]):
            errors["guide_phone"] = request.env._("This is not a phone number.")
        visit_date = self._scenic_parse_date(post.get("visit_date"))
        if visit_date is None:
            errors["visit_date"] = request.env._("Enter the visit date.")
        if not chosen and not errors:
            errors["products"] = request.env._(
                "Enter the number of persons for a product."
            )
        token = post.get("form_token") or ""
        if not FORM_TOKEN.fullmatch(token):
            errors["form"] = request.env._(
                "The form is incomplete. Please send it again."
            )
            token = ""
        data = {
            "visit_date": visit_date,
            "raw_visit_date": post.get("visit_date"),
            "quantities": dict(pairs),
            "details": details,
            "form_token": token,
        }
        items = [
            (
                product,
                persons,
                visit_date
                if product.product_tmpl_id._scenic_needs_visit_date()
                else False,
            )
            for product, persons in chosen
        ]
        return data, items, errors

    @http.route("/my/tickets/quote", type="jsonrpc", auth="user", website=True)
    def scenic_quote(self, visit_date=None, quantities=None, **kwargs):
        """Prices for a date, and the total of the quantities typed so far."""
        agency = request.env.user.partner_id._scenic_agency()
        if not agency:
            raise AccessError(request.env._("Only agencies can order here."))
        grants = self._scenic_grants(agency)
        day = self._scenic_parse_date(visit_date)
        if day is None:
            return {"error": request.env._("Enter the visit date.")}
        if not isinstance(quantities, dict):
            quantities = {}
        # sudo: agencies may not read pricelists; only their own prices come out
        SaleOrder = request.env["sale.order"].sudo()
        rows = SaleOrder._scenic_quote_products(agency.sudo(), grants, day)
        chosen, errors = self._scenic_parse_quantities(
            quantities.items(), grants.product_tmpl_id.product_variant_ids
        )
        items = [
            (
                product,
                persons,
                day if product.product_tmpl_id._scenic_needs_visit_date() else False,
            )
            for product, persons in chosen
        ]
        # sudo: the price of an agency is computed with taxes that its user may not read
        total, lines = SaleOrder._scenic_quote_total(agency.sudo(), items)
        currency = request.env.company.currency_id
        return {
            "products": {
                row["id"]: {
                    key: row[key] for key in ("price", "tiers", "orderable", "least")
                }
                for row in map(self._scenic_format_row, rows)
            },
            "lines": {
                product.id: {
                    "price": self._scenic_money(price),
                    "total": self._scenic_money(line_total),
                }
                for (product, _persons), (price, line_total) in zip(
                    chosen, lines, strict=True
                )
            },
            "persons": sum(persons for _product, persons in chosen),
            "total": self._scenic_money(total),
            "total_value": f"{total:.{currency.decimal_places}f}",
            "errors": errors,
        }

    # === SUBMIT === #

    @http.route(
        "/my/tickets/order", type="http", auth="user", website=True, methods=["POST"]
    )
    def scenic_order_submit(self, **post):
        """Place the order; the same form sent again leads to the same order."""
        agency = request.env.user.partner_id._scenic_agency()
        if not agency:
            raise request.not_found()
        token = post.get("form_token")
        return lock_first(
            request.env,
            [f"order form {agency.id} {token}"] if token else [],
            lambda: self._scenic_submit(agency, post),
        )

    def _scenic_submit(self, agency, post):
        grants = self._scenic_grants(agency)
        data, items, errors = self._scenic_parse_form(grants, post)
        if data["form_token"]:
            earlier_sudo = self._scenic_order_of_form(agency, data["form_token"])
            if earlier_sudo:
                if earlier_sudo._scenic_same_request(items):
                    return self._scenic_redirect_to(earlier_sudo)
                # A new token, so that sending this again is a decision
                data["form_token"] = ""
                errors["form"] = request.env._(
                    "This form already made order %(order)s with other content. To "
                    "place a further order, check it and send it again.",
                    order=earlier_sudo.name,
                )
        if errors:
            return self._scenic_render_form(agency, grants, data, errors, status=422)
        try:
            with request.env.cr.savepoint():
                order_sudo = self._scenic_place_order(agency, data, items, post)
        except UniqueViolation as error:
            if error.diag.constraint_name != FORM_TOKEN_INDEX:
                raise
            # lock: the same form in a parallel request has just made the order; called
            # again, the order is found
            raise ConcurrencyError(f"order form of {agency.name}") from error
        except UserError as error:
            errors["form"] = str(error.args[0])
            return self._scenic_render_form(agency, grants, data, errors, status=422)
        return self._scenic_redirect_to(order_sudo)

    def _scenic_order_of_form(self, agency, form_token):
        # sudo: the form token is not readable by portal users; the agency is theirs
        return (
            request.env["sale.order"]
            .sudo()
            .search(
                [
                    ("partner_id", "=", agency.id),
                    ("scenic_form_token", "=", form_token),
                ],
                limit=1,
            )
        )

    def _scenic_redirect_to(self, order):
        return request.redirect(f"/my/tickets/orders/{order.id}", code=303)

    def _scenic_place_order(self, agency, data, items, post):
        """Create and confirm the order: tickets, booking and invoice with it.

        :raise: UserError when the order is not possible
        :raise: UniqueViolation when a parallel request used the same form token
        """
        details = data["details"]
        # sudo: agencies may not write orders themselves; who may order what was
        # checked above and is checked again on confirmation
        SaleOrder = request.env["sale.order"].sudo()
        values = SaleOrder._prepare_scenic_order_values(
            agency.sudo(),
            items,
            client_order_ref=details["client_order_ref"],
            scenic_guide_name=details["guide_name"],
            scenic_guide_phone=details["guide_phone"],
            scenic_remark=details["remark"],
            scenic_form_token=data["form_token"],
        )
        # A double click is no error worth a line in the log
        with mute_logger("odoo.sql_db"):
            order_sudo = SaleOrder.create(values)
            order_sudo.flush_recordset()
        order_sudo._scenic_check()
        expected = post.get("expected_total")
        if expected and expected != self._scenic_plain(order_sudo):
            raise UserError(
                request.env._(
                    "The price has changed to %(total)s meanwhile. Please check it and "
                    "send the order again.",
                    total=self._scenic_money(order_sudo.amount_total),
                )
            )
        order_sudo.action_confirm()
        return order_sudo

    def _scenic_plain(self, order):
        return f"{order.amount_total:.{order.currency_id.decimal_places}f}"

    # === ORDERS === #

    def _scenic_order_sortings(self):
        return {
            "date": {
                "label": request.env._("Order Date"),
                "order": "date_order desc, id desc",
            },
            "name": {"label": request.env._("Order"), "order": "name desc"},
        }

    def _scenic_order_filters(self):
        return {
            "all": {"label": request.env._("All"), "domain": Domain.TRUE},
            "sale": {
                "label": request.env._("Confirmed"),
                "domain": Domain("state", "=", "sale"),
            },
            "cancel": {
                "label": request.env._("Cancelled"),
                "domain": Domain("state", "=", "cancel"),
            },
        }

    def _scenic_order_inputs(self):
        return {
            "all": {"input": "all", "label": request.env._("Search in All")},
            "name": {"input": "name", "label": request.env._("Search in Order")},
            "ref": {"input": "ref", "label": request.env._("Search in Your Reference")},
            "guide": {"input": "guide", "label": request.env._("Search in Guide")},
            "ticket": {
                "input": "ticket",
                "label": request.env._("Search in Ticket Number"),
            },
        }

    def _scenic_order_search(self, search_in, search):
        domains = {
            "name": Domain("name", "ilike", search),
            "ref": Domain("client_order_ref", "ilike", search),
            "guide": Domain("scenic_guide_name", "ilike", search)
            | Domain("scenic_guide_phone", "ilike", search),
        }
        # Within the user's own tickets, by their record rule
        tickets = request.env["scenic.ticket"].search([("name", "=", search)], limit=1)
        domains["ticket"] = Domain("scenic_booking_id", "in", tickets.booking_id.ids)
        return domains.get(search_in) or Domain.OR(domains.values())

    @http.route(
        ["/my/tickets/orders", "/my/tickets/orders/page/<int:page>"],
        type="http",
        auth="user",
        website=True,
    )
    def scenic_orders(
        self, page=1, sortby="date", filterby="all", search=None, search_in="all", **kw
    ):
        agency = request.env.user.partner_id._scenic_agency()
        if not agency:
            raise request.not_found()
        sortings = self._scenic_order_sortings()
        filters = self._scenic_order_filters()
        inputs = self._scenic_order_inputs()
        sortby = sortby if sortby in sortings else "date"
        filterby = filterby if filterby in filters else "all"
        search_in = search_in if search_in in inputs else "all"
        domain = self._scenic_orders_domain(agency) & filters[filterby]["domain"]
        search = (search or "").strip()[:64]
        if not self._scenic_is_text(search):
            search = ""
        if search:
            domain &= self._scenic_order_search(search_in, search)
        SaleOrder = request.env["sale.order"]
        pager = portal_pager(
            url="/my/tickets/orders",
            url_args={
                "sortby": sortby,
                "filterby": filterby,
                "search": search,
                "search_in": search_in,
            },
            total=SaleOrder.search_count(domain),
            page=page,
            step=20,
        )
        orders = SaleOrder.search(
            domain, order=sortings[sortby]["order"], limit=20, offset=pager["offset"]
        )
        request.session["my_scenic_orders_history"] = orders.ids[:100]
        values = self._prepare_portal_layout_values()
        values.update(
            {
                "page_name": "scenic_orders",
                # sudo: to show visit dates and ticket states of own orders
                "orders": orders.sudo(),
                "pager": pager,
                "default_url": "/my/tickets/orders",
                "searchbar_sortings": sortings,
                "searchbar_filters": filters,
                "searchbar_inputs": inputs,
                "sortby": sortby,
                "filterby": filterby,
                "search": search,
                "search_in": search_in,
            }
        )
        return request.render("scenic_ticket_b2b.portal_orders", values)

    @http.route(
        "/my/tickets/orders/<int(max=2147483647):order_id>",
        type="http",
        auth="user",
        website=True,
    )
    def scenic_order_page(self, order_id, page=1, **kwargs):
        try:
            order_sudo = self._scenic_own_order(order_id)
        except (AccessError, MissingError):
            raise request.not_found() from None
        # sudo: the order was proven to be the agency's own, so are its tickets
        booking_sudo = order_sudo.scenic_booking_id.sudo()
        tickets_sudo = booking_sudo.ticket_ids.sorted("number")
        pager = portal_pager(
            url=f"/my/tickets/orders/{order_id}",
            total=len(tickets_sudo),
            page=self._scenic_page(page),
            step=100,
        )
        invoices_sudo = order_sudo.invoice_ids.filtered(
            lambda move: move.state == "posted"
        )
        values = self._get_page_view_values(
            order_sudo,
            None,
            {
                "page_name": "scenic_order",
                "scenic_order": order_sudo,
                "booking": booking_sudo,
                "tickets": tickets_sudo[pager["offset"] : pager["offset"] + 100],
                "pager": pager,
                "invoices": invoices_sudo,
                "share_url": booking_sudo.get_portal_url(),
                "pdf_parts": self._scenic_pdf_parts(booking_sudo),
            },
            "my_scenic_orders_history",
            False,
        )
        return request.render("scenic_ticket_b2b.portal_order", values)

    # === CODES === #

    def _scenic_page(self, text):
        """A page number out of what came with the request."""
        text = str(text)
        return max(1, int(text)) if text.isascii() and text.isdigit() else 1

    def _scenic_pdf_parts(self, booking_sudo):
        """Page numbers of the PDF, split so that each is printed in reasonable time."""
        count = len(booking_sudo._scenic_live_tickets())
        return list(range(1, -(-count // TICKETS_PER_PDF) + 1))

    @http.route(
        "/scenic/booking/<int(max=2147483647):booking_id>",
        type="http",
        auth="public",
        website=True,
    )
    def scenic_booking_codes(self, booking_id, access_token=None, page=1, **kwargs):
        """All QR codes of a booking, for a phone; a plain GET, safe to reload."""
        booking_sudo, refusal = self._scenic_booking_or_response(
            booking_id, access_token
        )
        if refusal:
            return refusal
        tickets_sudo = booking_sudo.ticket_ids.sorted("number")
        pager = portal_pager(
            url=f"/scenic/booking/{booking_id}",
            url_args={"access_token": access_token} if access_token else {},
            total=len(tickets_sudo),
            page=self._scenic_page(page),
            step=CODES_PER_PAGE,
        )
        offset = pager["offset"]
        response = request.render(
            "scenic_ticket_b2b.booking_codes",
            {
                "booking": booking_sudo,
                "tickets": tickets_sudo[offset : offset + CODES_PER_PAGE],
                "offset": offset,
                "ticket_count": len(tickets_sudo),
                "pager": pager,
                "access_token": access_token,
                "pdf_parts": self._scenic_pdf_parts(booking_sudo),
            },
        )
        response.headers.extend(HEADERS)
        return response

    @http.route(
        "/scenic/booking/<int(max=2147483647):booking_id>/pdf",
        type="http",
        auth="public",
    )
    def scenic_booking_pdf(self, booking_id, access_token=None, part=1, **kwargs):
        """The tickets still good for entry, one page each."""
        booking_sudo, refusal = self._scenic_booking_or_response(
            booking_id, access_token
        )
        if refusal:
            return refusal
        start = (self._scenic_page(part) - 1) * TICKETS_PER_PDF
        tickets_sudo = booking_sudo._scenic_live_tickets()[
            start : start + TICKETS_PER_PDF
        ]
        if not tickets_sudo:
            raise request.not_found()
        # sudo: right or token was checked above; agencies may not read reports
        content, _type = (
            request.env["ir.actions.report"]
            .sudo()
            ._render_qweb_pdf(
                "scenic_ticket_base.action_report_scenic_ticket", tickets_sudo.ids
            )
        )
        name = booking_sudo.sale_order_id.name or booking_sudo.name
        return request.make_response(
            content,
            headers=[
                ("Content-Type", "application/pdf"),
                ("Content-Length", len(content)),
                *HEADERS,
                (
                    "Content-Disposition",
                    http.content_disposition(f"{name}-{self._scenic_page(part)}.pdf"),
                ),
            ],
        )
